mod costs;

use aws_lambda_events::sqs::SqsEvent;
use jiff::SignedDuration;
use serde_json::{Value, json};
use stockline_domain::catalog::Zone;
use stockline_domain::task::{Controller, LEASE, LONGEST_WAIT, Report, ReportedState, Step};
use stockline_platform::batch::queue_records;
use stockline_platform::sqs::FifoMessage;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::tasks::{MemoryQueues, MemoryTasks};
use stockline_testkit::orders::order;

use super::*;

struct Floor {
    tasks: MemoryTasks,
    queues: MemoryQueues,
    clock: FakeClock,
    dispatch: TaskDispatch<MemoryTasks, MemoryQueues, FakeClock>,
}

/// A task that waits in the zone `dry` of `hub-1`.
fn task(now: Timestamp) -> Task {
    let zone = Zone {
        zone_id: "dry".parse().unwrap(),
        aisles: 4,
    };
    let order = order("k1", "hub-1", "online", &[("milk", 2)]);
    Task::plan(&order, &[zone], now).remove(0)
}

/// A controller of the zone `dry` lives.
fn heartbeat(location: &str, controller: &str, free_capacity: u32, now: Timestamp) -> Controller {
    Controller {
        controller_id: controller.parse().unwrap(),
        location_id: location.parse().unwrap(),
        zone_id: "dry".parse().unwrap(),
        free_capacity,
        received_at: now,
    }
}

/// One queued task in a zone where nobody works yet.
async fn floor() -> Floor {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let (tasks, queues) = (MemoryTasks::default(), MemoryQueues::default());
    tasks.add(&task(clock.now())).await.unwrap();
    let dispatch = TaskDispatch::new(tasks.clone(), queues.clone(), clock.clone());
    Floor {
        tasks,
        queues,
        clock,
        dispatch,
    }
}

impl Floor {
    async fn beats(&self, controller: &str, free_capacity: u32) {
        self.beats_at("hub-1", controller, free_capacity).await;
    }

    async fn beats_at(&self, location: &str, controller: &str, free_capacity: u32) {
        let heartbeat = heartbeat(location, controller, free_capacity, self.clock.now());
        self.tasks.record_heartbeat(&heartbeat).await.unwrap();
    }

    async fn deliver(&self) -> RecordOutcome {
        let message = FifoMessage::queued(&self.tasks.only(), self.clock.now()).unwrap();
        self.dispatch.record(record(&message.body)).await
    }

    /// Who was told what under which lease, since the last look.
    fn told(&self) -> Vec<(String, Value, Value)> {
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
async fn a_task_goes_to_a_live_controller_under_a_lease_and_the_command_says_all_it_needs() {
    let floor = floor().await;
    floor.beats("controller-1", 2).await;
    assert_eq!(floor.deliver().await, RecordOutcome::Done);
    let task = floor.tasks.only();
    assert_eq!((task.state, task.lease_id), (TaskState::Leased, 1));
    assert_eq!(
        task.lease_expires_at,
        floor.clock.now().checked_add(LEASE).ok()
    );
    let (queue, command) = floor.queues.take().remove(0);
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
async fn where_no_controller_lives_or_has_room_the_task_waits() {
    let floor = floor().await;
    let waits = async || matches!(floor.deliver().await, RecordOutcome::RetryAfter(..));
    assert!(waits().await);
    floor.beats("controller-1", 0).await;
    assert!(waits().await);
    floor.beats("controller-1", 1).await;
    floor.clock.advance(SignedDuration::from_secs(31));
    assert!(waits().await);
    floor.beats_at("hub-2", "controller-2", 1).await;
    assert!(waits().await);
    assert_eq!(floor.tasks.only().state, TaskState::Queued);
    floor.beats("controller-1", 1).await;
    assert_eq!(floor.deliver().await, RecordOutcome::Done);
}

#[tokio::test]
async fn a_task_that_waits_is_tried_again_within_seconds_and_put_aside_after_a_day() {
    let floor = floor().await;
    let RecordOutcome::RetryAfter(pause, reason) = floor.deliver().await else {
        panic!("it does not wait");
    };
    assert_eq!(pause.as_secs(), 5);
    assert_eq!(reason, "zone dry of hub-1 has no live controller with room");
    floor.clock.advance(LONGEST_WAIT);
    assert!(matches!(floor.deliver().await, RecordOutcome::Reject(_)));
    // Whoever sends it back from there, when controllers live again, finds it waiting as before.
    assert_eq!(floor.tasks.only().state, TaskState::Queued);
    floor.beats("controller-1", 1).await;
    assert_eq!(floor.deliver().await, RecordOutcome::Done);
}

#[tokio::test]
async fn a_message_that_comes_again_leases_no_second_time() {
    let floor = floor().await;
    floor.beats("controller-1", 2).await;
    floor.beats("controller-2", 2).await;
    for _ in 0..3 {
        assert_eq!(floor.deliver().await, RecordOutcome::Done);
    }
    assert_eq!(floor.tasks.only().lease_id, 1);
    assert_eq!(
        floor.told(),
        [("controller-1".to_owned(), json!("execute"), json!(1))]
    );
}

#[tokio::test]
async fn when_a_crash_comes_between_lease_and_command_the_next_delivery_sends_it() {
    let floor = floor().await;
    floor.beats("controller-1", 2).await;
    floor.queues.set_broken(true);
    assert!(matches!(floor.deliver().await, RecordOutcome::Retry(_)));
    assert_eq!(floor.tasks.only().state, TaskState::Leased);
    floor.queues.set_broken(false);
    assert_eq!(floor.deliver().await, RecordOutcome::Done);
    assert_eq!(
        floor.told(),
        [("controller-1".to_owned(), json!("execute"), json!(1))]
    );
}

#[tokio::test]
async fn a_task_that_was_taken_back_goes_to_another_controller_under_the_next_lease() {
    let floor = floor().await;
    floor.beats("controller-1", 2).await;
    floor.deliver().await;
    floor.clock.advance(LEASE);
    let leased = floor.tasks.only();
    let waiting = leased.taken_back(None, floor.clock.now()).unwrap();
    floor.tasks.replace(&leased, &waiting).await.unwrap();
    floor.beats("controller-2", 2).await;
    assert_eq!(floor.deliver().await, RecordOutcome::Done);
    let task = floor.tasks.only();
    assert_eq!((task.lease_id, task.attempt), (2, 2));
    assert_eq!(
        floor.told()[1],
        ("controller-2".to_owned(), json!("execute"), json!(2))
    );
}

#[tokio::test]
async fn a_task_that_was_accepted_or_ended_is_left_alone() {
    let floor = floor().await;
    floor.beats("controller-1", 2).await;
    floor.deliver().await;
    floor.told();
    let leased = floor.tasks.only();
    let accepted = Report {
        lease_id: 1,
        report_seq: 1,
        state: ReportedState::Accepted,
        error: None,
        occurred_at: floor.clock.now(),
    };
    let Ok(Step::Moves(accepted)) = leased.report(&accepted, floor.clock.now()) else {
        panic!("it was not accepted");
    };
    floor.tasks.replace(&leased, &accepted).await.unwrap();
    floor.clock.advance(LEASE);
    assert_eq!(floor.deliver().await, RecordOutcome::Done);
    assert_eq!(floor.tasks.only(), *accepted);
    assert!(floor.told().is_empty());
}

#[tokio::test]
async fn of_deliveries_at_once_one_leases() {
    let floor = floor().await;
    floor.beats("controller-1", 9).await;
    floor.beats("controller-2", 9).await;
    let (one, two, three) = tokio::join!(floor.deliver(), floor.deliver(), floor.deliver());
    assert_eq!(
        [one, two, three],
        [
            RecordOutcome::Done,
            RecordOutcome::Done,
            RecordOutcome::Done
        ]
    );
    assert_eq!(floor.tasks.only().lease_id, 1);
    assert_eq!(floor.told().len(), 1);
}

#[tokio::test]
async fn what_is_no_message_of_a_known_task_is_rejected() {
    let floor = floor().await;
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../../events/task-dispatch.queued.json")).unwrap();
    let unknown = queue_records(event).remove(0);
    assert_eq!(
        unknown.group.as_deref(),
        Some("5f0f6c1e-8a34-5d6e-9f43-6f1f7f0a9b21")
    );
    for poison in [
        unknown,
        record("no JSON"),
        record(r#"{"type":"stock.alert","version":1}"#),
    ] {
        let outcome = floor.dispatch.record(poison).await;
        assert!(matches!(outcome, RecordOutcome::Reject(_)), "{outcome:?}");
    }
}
