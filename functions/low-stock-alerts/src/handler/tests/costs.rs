//! What a record of the stream costs, on a simulated DynamoDB: the README's table is what is measured here.

use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn each_record_costs_what_the_readme_says() {
    let database = SimulatedDynamoDb::new(1);
    let (client, table) = (database.aws().dynamodb(), database.table(Table::Stock));
    let stock = DynamoStock::new(client.clone(), table.clone());
    let (alerts, topic) = (DynamoAlerts::new(client, table), MemoryTopic::default());
    let clock = FakeClock::at("2026-03-01T18:00:00Z");
    let watcher = LowStockAlerts::new(stock, alerts, topic.clone(), clock);
    let mut costs = CostTable::new();
    for (operation, record, published) in [
        ("a change that is no news", milk(1, 50), 0),
        ("an alert", milk(2, 9), 1),
        ("the same record again", milk(2, 9), 1),
        ("a recovery", milk(3, 30), 2),
    ] {
        assert_eq!(watcher.handle(&record).await, RecordOutcome::Done);
        assert_eq!(topic.published().len(), published, "{operation}");
        costs.add(operation, &database.take_bill());
    }
    costs.must_stand_in(include_str!("../../../README.md"));
}
