//! What a record of the stream costs, on a simulated DynamoDB: the README's table is what is measured here.

use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn each_record_costs_what_the_readme_says() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.table(Table::Stock);
    let ledger = DynamoStock::new(database.aws().dynamodb(), table);
    let levels = received(&[5]);
    let mut with_policy = levels[1].clone();
    with_policy.version += 1;
    let mut costs = CostTable::new();
    for (operation, record_of_it) in [
        ("a change of a level", told(1, None, Some(&levels[1]))),
        ("the same record again", told(1, None, Some(&levels[1]))),
        ("a policy", told(2, Some(&levels[1]), Some(&with_policy))),
    ] {
        assert_eq!(record(&ledger, record_of_it).await, RecordOutcome::Done);
        costs.add(operation, &database.take_bill());
    }
    costs.must_stand_in(include_str!("../../../README.md"));
}
