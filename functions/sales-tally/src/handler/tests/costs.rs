//! Measures the DynamoDB cost of a stream record and compares it with the table in README.md.

use stockline_domain::catalog::Location;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_testkit::cloud::Table;
use stockline_testkit::dynamo_sales::DynamoStoredSales;
use stockline_testkit::orders::{TaxedLine, taxed_order};
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;
use stockline_application::deadline::Deadline;

fn basket(key: &str, lines: i64, channel: &str) -> Order {
    let lines: Vec<TaxedLine> = (0..lines)
        .map(|number| TaxedLine {
            sku: format!("{:08}", 1_023_456 + number),
            quantity: 1 + number % 3,
            unit_price: 1_299,
            discount: if number % 3 == 0 { 100 } else { 0 },
            tax: 207,
            unit_cost: 845,
        })
        .collect();
    taxed_order(key, "store-117", channel, &lines)
}

#[tokio::test(start_paused = true)]
async fn record_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let [orders, catalog, sales] =
        [Table::Orders, Table::Catalog, Table::Sales].map(|table| database.create_table(table));
    let location: Location = store("store-117", "Europe/Berlin", 0);
    let catalog = DynamoCatalog::new(client.clone(), catalog);
    let deadline = Deadline::within(std::time::Duration::from_secs(5));
    catalog.put_location(&location, deadline).await.unwrap();
    let clock = FakeClock::at("2026-03-01T18:00:00Z");
    let locations = LocationCache::new(catalog, clock.clone());
    locations.find(&location.location_id).await.unwrap();
    let tally = SalesTally {
        tally: DynamoSalesTally::new(client.clone(), sales),
        sales: DynamoSales::new(client.clone(), orders.clone()),
        locations,
        clock,
    };
    let placed = basket("online", 10, "online");
    let part = placed.fulfil(1, 1).unwrap();
    let canceled = part.cancel(part.placed_at).unwrap();
    let (mut refund, after) = refund(&canceled, "r");
    refund.location_id = location.location_id.clone();
    DynamoStoredSales::new(client, orders).put(&canceled).await;
    database.take_bill();
    let mut costs = CostTable::new();
    for (operation, record) in [
        ("an order of 10 lines", order_record(None, &placed, 1)),
        ("a redelivered order", order_record(None, &placed, 1)),
        ("a fulfilment", order_record(Some(&placed), &part, 2)),
        ("a cancellation", order_record(Some(&part), &canceled, 3)),
        (
            "a redelivered cancellation",
            order_record(Some(&part), &canceled, 3),
        ),
        (
            "a refund: its order",
            order_record(Some(&canceled), &after, 4),
        ),
        ("a refund: its own record", refund_record(&refund)),
        (
            "an order of 99 lines",
            order_record(None, &basket("large", 99, "pos"), 1),
        ),
    ] {
        let change = sale_change(&record).unwrap().unwrap();
        assert_eq!(handle(&tally, change).await, RecordOutcome::Done);
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
