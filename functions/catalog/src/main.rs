//! `catalog`: stores and reads products and locations, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod batch;
mod handler;

use stockline_platform::clients::Aws;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::edge::serve;
use stockline_platform::environment::required;
use stockline_platform::telemetry;

use crate::handler::Catalog;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let dynamodb = Aws::from_env()?.dynamodb();
    let store = DynamoCatalog::new(dynamodb.clone(), required("CATALOG_TABLE")?);
    let stock = DynamoStock::new(dynamodb, required("STOCK_TABLE")?);
    store.warm_up().await;
    let catalog = Catalog::new(store, stock);
    serve(|call| catalog.handle(call)).await
}
