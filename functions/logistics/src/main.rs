//! `logistics`: lists and weighs what is to be shipped, and records shipments, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_application::location_cache::LocationCache;
use stockline_application::product_cache::ProductCache;
use stockline_application::shipping::ShippingCatalog;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::cursor::CursorKey;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::edge::serve;
use stockline_platform::environment::required;
use stockline_platform::telemetry;

use crate::handler::Logistics;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let dynamodb = Aws::from_env()?.dynamodb();
    let orders = DynamoOrders::new(
        dynamodb.clone(),
        required("ORDERS_TABLE")?,
        required("STOCK_TABLE")?,
    );
    let catalog = DynamoCatalog::new(dynamodb, required("CATALOG_TABLE")?);
    let cursors = CursorKey::new(&required("CURSOR_SECRET")?);
    orders.warm_up().await;
    let catalog = ShippingCatalog {
        locations: LocationCache::new(catalog.clone(), SystemClock),
        products: ProductCache::new(catalog, SystemClock),
    };
    let logistics = Logistics::new(orders, catalog, SystemClock, cursors);
    serve(|call| logistics.handle(call)).await
}
