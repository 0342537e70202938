//! `sales-export`: exports each day's sales to S3 as Parquet, nightly and on demand.
// The nested futures of the AWS SDK exceed the default limit of type recursion.
#![recursion_limit = "256"]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod encoding;
mod handler;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use stockline_application::sales_export::SalesExport;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::environment::required;
use stockline_platform::s3::S3Exports;
use stockline_platform::telemetry;
use tracing::Instrument;

use crate::encoding::ParquetEncoder;
use crate::handler::ExportFunction;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let function = ExportFunction {
        export: SalesExport {
            sales: DynamoSales::new(aws.dynamodb(), required("ORDERS_TABLE")?),
            catalog: DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?),
            bucket: S3Exports::new(aws.s3(), required("EXPORTS_BUCKET")?),
            encoder: ParquetEncoder,
        },
        clock: SystemClock,
    };
    let function = &function;
    run(service_fn(
        |event: LambdaEvent<serde_json::Value>| async move {
            let span = telemetry::invocation(&event.context.request_id);
            Box::pin(function.handle(event.payload))
                .instrument(span)
                .await
        },
    ))
    .await
}
