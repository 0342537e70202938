//! Measures the DynamoDB cost of a stream record and compares it with the table in README.md.

use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn record_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Stock);
    let ledger = DynamoStock::new(database.aws().dynamodb(), table);
    let levels = levels_after_receipts(&[5]);
    let mut with_policy = levels[1].clone();
    with_policy.version += 1;
    let mut costs = CostTable::new();
    for (operation, change) in [
        ("a change of a level", change(None, Some(&levels[1]))),
        ("a redelivered record", change(None, Some(&levels[1]))),
        (
            "a policy change",
            change(Some(&levels[1]), Some(&with_policy)),
        ),
    ] {
        assert_eq!(handle(&ledger, change).await, RecordOutcome::Done);
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
