//! What a sweep costs, on a simulated DynamoDB: the README's table is what is measured here.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn each_sweep_costs_what_the_readme_says() {
    // given a warehouse of one zone whose only controller holds one task
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let catalog = DynamoCatalog::new(client.clone(), database.table(Table::Catalog));
    let tasks = DynamoTasks::new(client, database.table(Table::Tasks));
    let (queues, clock) = (
        MemoryQueues::default(),
        FakeClock::at("2026-03-01T12:00:00Z"),
    );
    let hub = Location {
        kind: LocationKind::Warehouse,
        zones: vec![zone("dry")],
        ..store("hub-2", "UTC", 0)
    };
    let within = Deadline::within(Duration::from_secs(20));
    catalog.put_location(&hub, within).await.unwrap();
    let sweeper = LeaseSweeper::new(tasks.clone(), catalog, queues.clone(), clock.clone());
    let mut costs = CostTable::new();
    let mut sweep = async |operation: &str, swept: Swept| {
        database.take_bill();
        assert_eq!(sweeper.sweep().await.unwrap(), swept);
        costs.add(operation, &database.take_bill());
    };
    sweep("1 zone, nothing held", Swept::default()).await;
    tasks.add(&leased(clock.now())).await.unwrap();
    tasks
        .record_heartbeat(&heartbeat(clock.now()))
        .await
        .unwrap();
    sweep(
        "1 zone, 1 controller that lives and holds a task",
        Swept::default(),
    )
    .await;
    clock.advance(HEARTBEAT_LIFE + SignedDuration::from_millis(1));
    sweep("it died: its task is taken back", QUEUED).await;
    assert_eq!(queues.take().len(), 1);
    costs.must_stand_in(include_str!("../../../README.md"));
}
