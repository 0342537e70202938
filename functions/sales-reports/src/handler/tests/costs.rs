//! Measures the DynamoDB cost of each report and compares it with the table in README.md.

use stockline_application::deadline::Deadline;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn report_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let (sales, catalog) = (
        database.create_table(Table::Sales),
        database.create_table(Table::Catalog),
    );
    let (tally, catalog) = (
        DynamoSalesTally::new(client.clone(), sales),
        DynamoCatalog::new(client, catalog),
    );
    let deadline = Deadline::within(std::time::Duration::from_secs(5));
    catalog
        .put_location(&store("store-1", "UTC", 0), deadline)
        .await
        .unwrap();
    // 92 days of 12 hours with 2 baskets of 5 lines an hour.
    let first: jiff::civil::Date = "2026-01-01".parse().unwrap();
    let skus: Vec<String> = (0..100).map(|number| format!("sku-{number:04}")).collect();
    for sku in &skus {
        catalog.put_product(&product(sku), deadline).await.unwrap();
    }
    for (day, date) in first.series(jiff::Span::new().days(1)).take(92).enumerate() {
        for basket in 0..24_usize {
            let hour = i8::try_from(8 + basket / 2).unwrap();
            let lines: Vec<(&str, i64)> = (0..5)
                .map(|line| (skus[(day + 7 * basket + line) % 100].as_str(), 1999))
                .collect();
            let sale = sale(&format!("{day}-{basket}"), &date.to_string(), hour, &lines);
            add(&tally, sale).await;
        }
    }
    let reports = SalesReports {
        tally,
        products: catalog.clone(),
        locations: LocationCache::new(catalog, FakeClock::at("2026-04-02T18:00:00Z")),
        clock: FakeClock::at("2026-04-02T18:00:00Z"),
    };
    let report = |to: &str, by| range("2026-01-01", to).query("by", by);
    handle(&reports, report("2026-01-01", "day").build())
        .await
        .unwrap();
    database.take_bill();
    let mut costs = CostTable::new();
    for (operation, call) in [
        ("a day by hour", report("2026-01-01", "hour")),
        ("92 days by day", report("2026-04-02", "day")),
        ("a day by SKU", report("2026-01-01", "sku")),
        ("92 days by SKU", report("2026-04-02", "sku")),
    ] {
        handle(&reports, call.build()).await.unwrap();
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
