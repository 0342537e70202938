//! Measures the DynamoDB cost of a sweep and compares it with the table in README.md.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn sweep_costs_match_readme() {
    // given a warehouse with one zone
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let catalog = DynamoCatalog::new(client.clone(), database.create_table(Table::Catalog));
    let tasks = DynamoTasks::new(client, database.create_table(Table::Tasks));
    let (queues, clock) = (
        MemoryQueues::default(),
        FakeClock::at("2026-03-01T12:00:00Z"),
    );
    let hub = Location {
        kind: LocationKind::Warehouse,
        zones: vec![zone("dry")],
        ..store("hub-2", "UTC", 0)
    };
    let deadline = Deadline::within(Duration::from_secs(20));
    catalog.put_location(&hub, deadline).await.unwrap();
    let sweeper = LeaseSweeper {
        tasks: tasks.clone(),
        catalog,
        queue: queues.clone(),
        clock: clock.clone(),
    };
    let mut costs = CostTable::new();
    let mut sweep = async |operation: &str, expected: SweepResult| {
        database.take_bill();
        assert_eq!(handle(&sweeper).await.unwrap(), expected);
        costs.add(operation, &database.take_bill());
    };
    sweep("1 zone, no leased task", SweepResult::default()).await;
    tasks.add(&leased(clock.now())).await.unwrap();
    tasks
        .record_heartbeat(&heartbeat(clock.now()))
        .await
        .unwrap();
    sweep(
        "1 zone, 1 live controller with a leased task",
        SweepResult::default(),
    )
    .await;
    clock.advance(HEARTBEAT_TIMEOUT + SignedDuration::from_millis(1));
    sweep(
        "its heartbeat has expired: the task is requeued",
        ONE_REQUEUED,
    )
    .await;
    assert_eq!(queues.take().len(), 1);
    costs.assert_in_readme(include_str!("../../../README.md"));
}
