//! `low-stock-alerts`: reads the stock stream and publishes one SNS alert for each threshold a level
//! crosses, and asks for an order of a level that becomes due without one.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_application::stock_alerts::StockAlerter;
use stockline_platform::batch::serve_stream;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::stock::{DynamoStock, level_change};
use stockline_platform::environment::required;
use stockline_platform::sns::SnsAlerts;
use stockline_platform::sqs::SqsReorders;
use stockline_platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let table = required("STOCK_TABLE")?;
    let alerts = DynamoAlerts::new(aws.dynamodb(), table.clone());
    let topic = SnsAlerts::new(aws.sns(), required("STOCK_ALERTS_TOPIC_ARN")?);
    alerts.warm_up().await;
    let alerter = StockAlerter {
        levels: DynamoStock::new(aws.dynamodb(), table),
        alerts,
        topic,
        reorders: SqsReorders::new(aws.sqs(), required("REPLENISHMENT_QUEUE_URL")?),
        clock: SystemClock,
    };
    let handle = |change| handler::handle(&alerter, change);
    Box::pin(serve_stream(level_change, handle)).await
}
