//! `stock-audit`: compares levels, movements and open orders every night and reports differences.
// The nested futures of the AWS SDK exceed the default limit of type recursion.
#![recursion_limit = "256"]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;
mod request;

use std::time::Duration;

use jiff::SignedDuration;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use stockline_application::stock_audit::{AuditTiming, NightlyAudit, StockAudit};
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::audit_records::DynamoAuditRecords;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::environment::required;
use stockline_platform::sns::SnsOperations;
use stockline_platform::telemetry;
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let (orders, stock) = (required("ORDERS_TABLE")?, required("STOCK_TABLE")?);
    let ledger_seconds: i64 = required("LEDGER_PATIENCE_SECONDS")?.parse()?;
    let audit = &NightlyAudit {
        audit: StockAudit {
            stock: DynamoStock::new(aws.dynamodb(), stock.clone()),
            orders: DynamoOrders::new(aws.dynamodb(), orders, stock.clone()),
            clock: SystemClock,
            timing: AuditTiming {
                ledger_patience: SignedDuration::from_secs(ledger_seconds),
                observation_interval: Duration::from_secs(2),
                decision_timeout: Duration::from_secs(15),
            },
        },
        records: DynamoAuditRecords::new(aws.dynamodb(), stock),
        catalog: DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?),
        operations: SnsOperations::new(aws.sns(), required("OPERATIONS_TOPIC_ARN")?),
    };
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let span = telemetry::invocation(&event.context.request_id);
        handler::handle(audit, event.payload, &event.context)
            .instrument(span)
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
