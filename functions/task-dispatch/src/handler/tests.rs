mod costs;

use aws_lambda_events::sqs::SqsEvent;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stockline_domain::catalog::Zone;
use stockline_domain::task::{
    Controller, LEASE, MAX_QUEUE_TIME, Report, ReportEffect, ReportedState, Task, TaskState,
};
use stockline_platform::batch::queue_records;
use stockline_platform::sqs::FifoMessage;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::tasks::{MemoryQueues, MemoryTasks};
use stockline_testkit::orders::order;

use super::*;

struct Fixture {
    tasks: MemoryTasks,
    queues: MemoryQueues,
    clock: FakeClock,
    dispatcher: TaskDispatcher<MemoryTasks, MemoryQueues, FakeClock>,
}

/// A queued task in zone `dry` of `hub-1`.
fn task(now: Timestamp) -> Task {
    let zone = Zone {
        zone_id: "dry".parse().unwrap(),
        aisles: 4,
    };
    let order = order("k1", "hub-1", "online", &[("milk", 2)]);
    Task::plan(&order, &[zone], now).remove(0)
}

/// A heartbeat of a controller in zone `dry`.
fn heartbeat(location: &str, controller: &str, free_capacity: u32, now: Timestamp) -> Controller {
    Controller {
        controller_id: controller.parse().unwrap(),
        location_id: location.parse().unwrap(),
        zone_id: "dry".parse().unwrap(),
        free_capacity,
        received_at: now,
    }
}

/// One queued task in a zone without controllers.
async fn fixture() -> Fixture {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let (tasks, queues) = (MemoryTasks::default(), MemoryQueues::default());
    tasks.add(&task(clock.now())).await.unwrap();
    let dispatcher = TaskDispatcher {
        tasks: tasks.clone(),
        queues: queues.clone(),
        clock: clock.clone(),
    };
    Fixture {
        tasks,
        queues,
        clock,
        dispatcher,
    }
}

impl Fixture {
    async fn send_heartbeat(&self, controller: &str, free_capacity: u32) {
        self.send_heartbeat_at("hub-1", controller, free_capacity)
            .await;
    }

    async fn send_heartbeat_at(&self, location: &str, controller: &str, free_capacity: u32) {
        let heartbeat = heartbeat(location, controller, free_capacity, self.clock.now());
        self.tasks.record_heartbeat(&heartbeat).await.unwrap();
    }

    async fn deliver(&self) -> RecordOutcome {
        let message = FifoMessage::queued(&self.tasks.only_task(), self.clock.now()).unwrap();
        handle(&self.dispatcher, record(&message.body)).await
    }

    /// Takes the commands sent since the last call: controller, command, lease.
    fn take_commands(&self) -> Vec<(String, Value, Value)> {
        self.queues
            .take()
            .into_iter()
            .map(|(controller, message)| {
                (
                    controller,
                    message["data"]["command"].clone(),
                    message["data"]["lease_id"].clone(),
                )
            })
            .collect()
    }
}

fn record(body: &str) -> QueueRecord {
    QueueRecord {
        message_id: "1".to_owned(),
        group: Some("aisle-1".to_owned()),
        receipt: "receipt-1".to_owned(),
        body: body.to_owned(),
        receive_count: 1,
    }
}

#[tokio::test]
async fn task_is_leased_to_live_controller_with_command() {
    let fixture = fixture().await;
    fixture.send_heartbeat("controller-1", 2).await;
    assert_eq!(fixture.deliver().await, RecordOutcome::Done);
    let task = fixture.tasks.only_task();
    assert_eq!((task.state, task.lease_id), (TaskState::Leased, 1));
    assert_eq!(
        task.lease_expires_at,
        fixture.clock.now().checked_add(LEASE).ok()
    );
    let (queue, command) = fixture.queues.take().remove(0);
    let schema = include_str!("../../../../events/schemas/task.command.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    assert!(schema.is_valid(&command), "{command}");
    assert_eq!(queue, "controller-1");
    assert_eq!(command["type"], "task.command");
    assert_eq!(
        command["data"],
        json!({
            "command": "execute", "task_id": task.task_id, "lease_id": 1,
            "lease_expires_at": "2026-03-01T12:05:00.000Z", "kind": "retrieve", "sku": "milk", "quantity": 2,
            "zone_id": "dry", "aisle": task.aisle, "order_id": task.order_id, "deadline": "2026-03-01T16:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn task_waits_without_live_controller_with_capacity() {
    let fixture = fixture().await;
    let is_waiting = async || matches!(fixture.deliver().await, RecordOutcome::RetryAfter(..));
    assert!(is_waiting().await);
    fixture.send_heartbeat("controller-1", 0).await;
    assert!(is_waiting().await);
    fixture.send_heartbeat("controller-1", 1).await;
    fixture.clock.advance(SignedDuration::from_secs(31));
    assert!(is_waiting().await);
    fixture.send_heartbeat_at("hub-2", "controller-2", 1).await;
    assert!(is_waiting().await);
    assert_eq!(fixture.tasks.only_task().state, TaskState::Queued);
    fixture.send_heartbeat("controller-1", 1).await;
    assert_eq!(fixture.deliver().await, RecordOutcome::Done);
}

#[tokio::test]
async fn waiting_task_is_rejected_after_a_day() {
    let fixture = fixture().await;
    let RecordOutcome::RetryAfter(pause, reason) = fixture.deliver().await else {
        panic!("the message is not delayed");
    };
    assert_eq!(pause.as_secs(), 5);
    assert_eq!(
        reason,
        "no live controller with free capacity in zone dry of hub-1"
    );
    fixture.clock.advance(MAX_QUEUE_TIME);
    assert!(matches!(fixture.deliver().await, RecordOutcome::Reject(_)));
    // The task stays queued, so a redrive from the dead-letter queue dispatches it.
    assert_eq!(fixture.tasks.only_task().state, TaskState::Queued);
    fixture.send_heartbeat("controller-1", 1).await;
    assert_eq!(fixture.deliver().await, RecordOutcome::Done);
}

#[tokio::test]
async fn redelivered_message_takes_no_second_lease() {
    let fixture = fixture().await;
    fixture.send_heartbeat("controller-1", 2).await;
    fixture.send_heartbeat("controller-2", 2).await;
    for _ in 0..3 {
        assert_eq!(fixture.deliver().await, RecordOutcome::Done);
    }
    assert_eq!(fixture.tasks.only_task().lease_id, 1);
    assert_eq!(
        fixture.take_commands(),
        [("controller-1".to_owned(), json!("execute"), json!(1))]
    );
}

#[tokio::test]
async fn missing_command_is_sent_by_the_next_delivery() {
    let fixture = fixture().await;
    fixture.send_heartbeat("controller-1", 2).await;
    fixture.queues.set_broken(true);
    assert!(matches!(fixture.deliver().await, RecordOutcome::Retry(_)));
    assert_eq!(fixture.tasks.only_task().state, TaskState::Leased);
    fixture.queues.set_broken(false);
    assert_eq!(fixture.deliver().await, RecordOutcome::Done);
    assert_eq!(
        fixture.take_commands(),
        [("controller-1".to_owned(), json!("execute"), json!(1))]
    );
}

#[tokio::test]
async fn requeued_task_gets_the_next_lease() {
    let fixture = fixture().await;
    fixture.send_heartbeat("controller-1", 2).await;
    fixture.deliver().await;
    fixture.clock.advance(LEASE);
    let leased = fixture.tasks.only_task();
    let requeued = leased.reclaimed(false, fixture.clock.now()).unwrap();
    fixture.tasks.replace(&leased, &requeued).await.unwrap();
    fixture.send_heartbeat("controller-2", 2).await;
    assert_eq!(fixture.deliver().await, RecordOutcome::Done);
    let task = fixture.tasks.only_task();
    assert_eq!((task.lease_id, task.attempt), (2, 2));
    assert_eq!(
        fixture.take_commands()[1],
        ("controller-2".to_owned(), json!("execute"), json!(2))
    );
}

#[tokio::test]
async fn accepted_task_is_left_unchanged() {
    let fixture = fixture().await;
    fixture.send_heartbeat("controller-1", 2).await;
    fixture.deliver().await;
    fixture.take_commands();
    let leased = fixture.tasks.only_task();
    let accepted = Report {
        lease_id: 1,
        report_seq: 1,
        state: ReportedState::Accepted,
        error: None,
        occurred_at: fixture.clock.now(),
    };
    let Ok(ReportEffect::Update(accepted)) = leased.report(&accepted, fixture.clock.now()) else {
        panic!("not accepted");
    };
    fixture.tasks.replace(&leased, &accepted).await.unwrap();
    fixture.clock.advance(LEASE);
    assert_eq!(fixture.deliver().await, RecordOutcome::Done);
    assert_eq!(fixture.tasks.only_task(), *accepted);
    assert!(fixture.take_commands().is_empty());
}

#[tokio::test]
async fn concurrent_deliveries_take_one_lease() {
    let fixture = fixture().await;
    fixture.send_heartbeat("controller-1", 9).await;
    fixture.send_heartbeat("controller-2", 9).await;
    let (one, two, three) = tokio::join!(fixture.deliver(), fixture.deliver(), fixture.deliver());
    assert_eq!(
        [one, two, three],
        [
            RecordOutcome::Done,
            RecordOutcome::Done,
            RecordOutcome::Done
        ]
    );
    assert_eq!(fixture.tasks.only_task().lease_id, 1);
    assert_eq!(fixture.take_commands().len(), 1);
}

#[tokio::test]
async fn unreadable_or_unknown_message_is_rejected() {
    let fixture = fixture().await;
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../../events/task-dispatch.queued.json")).unwrap();
    let unknown = queue_records(event).remove(0);
    assert_eq!(
        unknown.group.as_deref(),
        Some("5f0f6c1e-8a34-5d6e-9f43-6f1f7f0a9b21")
    );
    for message in [
        unknown,
        record("not JSON"),
        record(r#"{"type":"stock.alert","version":1}"#),
    ] {
        let outcome = handle(&fixture.dispatcher, message).await;
        assert!(matches!(outcome, RecordOutcome::Reject(_)), "{outcome:?}");
    }
}
