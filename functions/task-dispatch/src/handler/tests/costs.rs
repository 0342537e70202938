//! Measures the DynamoDB cost of a message and compares it with the table in README.md.

use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn message_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Tasks);
    let tasks = DynamoTasks::new(database.aws().dynamodb(), table);
    let (queues, clock) = (
        MemoryQueues::default(),
        FakeClock::at("2026-03-01T12:00:00Z"),
    );
    let task = task(clock.now());
    tasks.add(&task).await.unwrap();
    let message = FifoMessage::queued(&task, clock.now()).unwrap();
    let dispatcher = TaskDispatcher {
        tasks: tasks.clone(),
        queues: queues.clone(),
        clock: clock.clone(),
    };
    let mut costs = CostTable::new();

    database.take_bill();
    let outcome = handle(&dispatcher, record(&message.body)).await;
    assert!(
        matches!(outcome, RecordOutcome::RetryAfter(..)),
        "{outcome:?}"
    );
    costs.add("no controller with free capacity", &database.take_bill());

    tasks
        .record_heartbeat(&heartbeat("hub-1", "controller-1", 1, clock.now()))
        .await
        .unwrap();
    database.take_bill();
    for operation in ["a lease", "a redelivered message"] {
        assert_eq!(
            handle(&dispatcher, record(&message.body)).await,
            RecordOutcome::Done
        );
        costs.add(operation, &database.take_bill());
    }
    assert_eq!(queues.take().len(), 1);
    costs.assert_in_readme(include_str!("../../../README.md"));
}
