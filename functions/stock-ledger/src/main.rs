//! `stock-ledger`: records every change of a level as an immutable movement, from the stock stream.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_platform::batch::serve_stream;
use stockline_platform::clients::Aws;
use stockline_platform::dynamodb::stock::{DynamoStock, level_change};
use stockline_platform::environment::required;
use stockline_platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let ledger = DynamoStock::new(Aws::from_env()?.dynamodb(), required("STOCK_TABLE")?);
    ledger.warm_up().await;
    let handle = |change| handler::handle(&ledger, change);
    Box::pin(serve_stream(level_change, handle)).await
}
