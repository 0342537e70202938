//! Measures the DynamoDB cost of an alert and compares it with the table in README.md.

use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::faults::store;
use super::*;

#[tokio::test(start_paused = true)]
async fn alert_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let store = store(&database);
    stock_milk(&store, "store-1", 4).await;
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let replenishment = Replenishment::new(store, clock);
    let mut costs = CostTable::new();
    database.take_bill();
    for operation in ["an order", "a redelivered alert"] {
        let outcome = replenishment.record(record(alert("store-1", 2))).await;
        assert_eq!(outcome, RecordOutcome::Done);
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
