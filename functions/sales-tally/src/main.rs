//! `sales-tally`: adds each order and refund to the running totals of its store and business date, from the orders stream.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_application::location_cache::LocationCache;
use stockline_application::sales_tally::SalesTally;
use stockline_platform::batch::serve_stream;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::sale_change;
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_platform::environment::required;
use stockline_platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let store = DynamoSalesTally::new(aws.dynamodb(), required("SALES_TABLE")?);
    let catalog = DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?);
    store.warm_up().await;
    let tally = SalesTally {
        tally: store,
        sales: DynamoSales::new(aws.dynamodb(), required("ORDERS_TABLE")?),
        locations: LocationCache::new(catalog, SystemClock),
        clock: SystemClock,
    };
    let handle = |change| handler::handle(&tally, change);
    Box::pin(serve_stream(sale_change, handle)).await
}
