//! Measures the DynamoDB cost of a stream record and compares it with the table in README.md.

use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn record_costs_match_readme() {
    // given a warehouse that is not in the location cache
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let catalog = DynamoCatalog::new(client.clone(), database.create_table(Table::Catalog));
    add_locations(&catalog).await;
    let tasks = DynamoTasks::new(client, database.create_table(Table::Tasks));
    let (queues, clock) = (
        MemoryQueues::default(),
        FakeClock::at("2026-03-01T12:00:01Z"),
    );
    let locations = LocationCache::new(catalog, clock.clone());
    let planner = TaskPlanner {
        tasks,
        queue: queues.clone(),
        controllers: queues.clone(),
        locations,
        clock,
    };
    let lines = [("milk", 2), ("bread", 1)];
    let [first, placed] = ["k1", "k2"].map(|key| order(key, "hub-1", "online", &lines));
    let canceled = placed.cancel(placed.placed_at).unwrap();
    let fulfilled = placed.fulfil(1, 2).unwrap();
    let mut costs = CostTable::new();
    database.take_bill();
    for (operation, change, messages) in [
        (
            "the first order of a location, 2 lines",
            change(None, Some(&first)),
            2,
        ),
        ("an order of 2 lines", change(None, Some(&placed)), 2),
        ("a redelivered order", change(None, Some(&placed)), 0),
        (
            "a cancellation of 2 lines",
            change(Some(&placed), Some(&canceled)),
            0,
        ),
        (
            "a redelivered cancellation",
            change(Some(&placed), Some(&canceled)),
            0,
        ),
        // The task is canceled already; a completed one costs the same read.
        (
            "a line fulfilled by its task",
            change(Some(&placed), Some(&fulfilled)),
            0,
        ),
    ] {
        assert_eq!(handle(&planner, change).await, RecordOutcome::Done);
        assert_eq!(queues.take().len(), messages, "{operation}");
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
