//! `stock-updates`: changes and reads stock levels, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;
mod problems;
mod views;

use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::cursor::CursorKey;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::edge::serve;
use stockline_platform::environment::required;
use stockline_platform::telemetry;

use crate::handler::StockUpdates;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let dynamodb = Aws::from_env()?.dynamodb();
    let stock_table = required("STOCK_TABLE")?;
    let orders = DynamoOrders::new(
        dynamodb.clone(),
        required("ORDERS_TABLE")?,
        stock_table.clone(),
    );
    let stock = DynamoStock::new(dynamodb.clone(), stock_table);
    let catalog = DynamoCatalog::new(dynamodb, required("CATALOG_TABLE")?);
    let cursors = CursorKey::new(&required("CURSOR_SECRET")?);
    stock.warm_up().await;
    let updates = StockUpdates::new(stock, orders, catalog, SystemClock, cursors);
    serve(|call| updates.handle(call)).await
}
