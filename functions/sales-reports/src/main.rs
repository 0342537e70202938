//! `sales-reports`: reports the sales of a store by hour, day, category or SKU, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod body;
mod csv;
mod handler;

use stockline_application::location_cache::LocationCache;
use stockline_application::sales_report::SalesReports;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_platform::edge::serve;
use stockline_platform::environment::required;
use stockline_platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let tally = DynamoSalesTally::new(aws.dynamodb(), required("SALES_TABLE")?);
    let catalog = DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?);
    tally.warm_up().await;
    let reports = SalesReports {
        tally,
        products: catalog.clone(),
        locations: LocationCache::new(catalog, SystemClock),
        clock: SystemClock,
    };
    Box::pin(serve(|call| handler::handle(&reports, call))).await
}
