//! `low-stock-alerts`: reads the stock stream and publishes one SNS alert for each threshold a level crosses.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_platform::batch::serve_stream;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::environment::required;
use stockline_platform::sns::SnsAlerts;
use stockline_platform::telemetry;

use crate::handler::LowStockAlerts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let table = required("STOCK_TABLE")?;
    let levels = DynamoStock::new(aws.dynamodb(), table.clone());
    let alerts = DynamoAlerts::new(aws.dynamodb(), table);
    let topic = SnsAlerts::new(aws.sns(), required("STOCK_ALERTS_TOPIC_ARN")?);
    alerts.warm_up().await;
    let watcher = LowStockAlerts::new(levels, alerts, topic, SystemClock);
    let watcher = &watcher;
    Box::pin(serve_stream(|record| async move {
        watcher.handle(&record).await
    }))
    .await
}
