//! `replenishment`: places one replenishment order for each level that an alert reports as low.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_platform::batch::serve_queue;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::environment::required;
use stockline_platform::sqs::SqsSource;
use stockline_platform::telemetry;

use crate::handler::Replenishment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let store = DynamoStock::new(aws.dynamodb(), required("STOCK_TABLE")?);
    let source = SqsSource::new(
        aws.sqs(),
        required("REPLENISHMENT_QUEUE_URL")?,
        required("REPLENISHMENT_DLQ_URL")?,
    );
    store.warm_up().await;
    let replenishment = Replenishment::new(store, SystemClock);
    Box::pin(serve_queue(source, |record| replenishment.record(record))).await
}
