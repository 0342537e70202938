//! Measures the DynamoDB cost of a stream record and compares it with the table in README.md.

use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn record_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let (client, table) = (
        database.aws().dynamodb(),
        database.create_table(Table::Stock),
    );
    let stock = DynamoStock::new(client.clone(), table.clone());
    let (alerts, topic) = (DynamoAlerts::new(client, table), MemoryTopic::default());
    let clock = FakeClock::at("2026-03-01T18:00:00Z");
    let alerter = StockAlerter {
        levels: stock,
        alerts,
        topic: topic.clone(),
        reorders: MemoryReorders::default(),
        clock,
    };
    let mut costs = CostTable::new();
    for (operation, record, published) in [
        ("a change without a crossing", milk(1, 50), 0),
        ("an alert", milk(2, 9), 1),
        ("a redelivered record", milk(2, 9), 1),
        ("a recovery", milk(3, 30), 2),
    ] {
        let change = level_change(&record).unwrap().unwrap();
        assert_eq!(handle(&alerter, change).await, RecordOutcome::Done);
        assert_eq!(topic.published().len(), published, "{operation}");
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
