//! `replenishment-api`: lists and cancels replenishment orders, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod body;
mod handler;

use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::cursor::CursorKey;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::edge::serve;
use stockline_platform::environment::required;
use stockline_platform::telemetry;

use crate::handler::ReplenishmentApi;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let store = DynamoStock::new(Aws::from_env()?.dynamodb(), required("STOCK_TABLE")?);
    let cursors = CursorKey::new(&required("CURSOR_SECRET")?);
    store.warm_up().await;
    let api = ReplenishmentApi::new(store, SystemClock, cursors);
    serve(|call| api.handle(call)).await
}
