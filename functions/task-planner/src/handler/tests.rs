mod costs;

use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::catalog::CatalogStore;
use stockline_domain::catalog::Location;
use stockline_domain::ids::TaskId;
use stockline_domain::task::TaskState;
use stockline_platform::batch::stream_records;
use stockline_platform::keys;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::MemoryCatalog;
use stockline_testkit::memory::tasks::{MemoryQueues, MemoryTasks};
use stockline_testkit::orders::order;

use super::*;

struct Fixture {
    tasks: MemoryTasks,
    queues: MemoryQueues,
    planner: TaskPlanner<MemoryTasks, MemoryQueues, MemoryQueues, MemoryCatalog, FakeClock>,
}

/// Adds the warehouse `hub-1` with two zones and the store `store-1` without zones.
async fn add_locations<Catalog: CatalogStore>(catalog: &Catalog) {
    for (name, kind, zones) in [
        (
            "hub-1",
            "warehouse",
            json!([{"zone_id": "dry", "aisles": 4}, {"zone_id": "cold", "aisles": 2}]),
        ),
        ("store-1", "store", json!([])),
    ] {
        let location: Location = serde_json::from_value(json!({
            "location_id": name, "name": name, "kind": kind, "time_zone": "UTC", "close_out_hour": 0, "zones": zones,
        }))
        .unwrap();
        catalog
            .put_location(&location, Deadline::within(CANCEL_TIMEOUT))
            .await
            .unwrap();
    }
}

async fn fixture() -> Fixture {
    let catalog = MemoryCatalog::default();
    add_locations(&catalog).await;
    let clock = FakeClock::at("2026-03-01T12:00:01Z");
    let (tasks, queues) = (MemoryTasks::default(), MemoryQueues::default());
    let locations = LocationCache::new(catalog, clock.clone());
    let planner = TaskPlanner::new(
        tasks.clone(),
        queues.clone(),
        queues.clone(),
        locations,
        clock,
    );
    Fixture {
        tasks,
        queues,
        planner,
    }
}

fn image(order: &Order) -> serde_dynamo::Item {
    serde_dynamo::to_item(OrderRecord::new(order, &Fingerprint::of(&"a").unwrap())).unwrap()
}

fn stream_record(before: Option<&Order>, after: Option<&Order>) -> StreamRecord {
    let id = after.or(before).unwrap().order_id;
    StreamRecord::new(
        keys::order(id),
        "1".to_owned(),
        before.map(image),
        after.map(image),
    )
}

fn states(tasks: &MemoryTasks) -> Vec<TaskState> {
    tasks.lock().tasks.values().map(|task| task.state).collect()
}

#[tokio::test]
async fn new_order_queues_one_task_per_line_once() {
    let Fixture {
        tasks,
        queues,
        planner,
    } = fixture().await;
    let order = order("k1", "hub-1", "online", &[("milk", 2), ("bread", 1)]);
    for _ in 0..2 {
        assert_eq!(
            planner.record(stream_record(None, Some(&order))).await,
            RecordOutcome::Done
        );
    }
    assert_eq!(states(&tasks), [TaskState::Queued, TaskState::Queued]);
    let sent = queues.take();
    let schema = include_str!("../../../../events/schemas/task.queued.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    assert!(
        sent.iter().all(|(_, message)| schema.is_valid(message)),
        "{sent:?}"
    );
    let ids: Vec<_> = sent
        .iter()
        .map(|(_, message)| message["data"]["task_id"].clone())
        .collect();
    let lines = [1, 2].map(|line| json!(TaskId::for_order_line(order.order_id, line)));
    assert_eq!(ids, lines);
    assert!(
        sent.iter()
            .all(|(queue, message)| queue == "tasks" && message["type"] == "task.queued")
    );
}

#[tokio::test]
async fn stores_pos_sales_and_order_updates_plan_no_task() {
    let Fixture {
        tasks,
        queues,
        planner,
    } = fixture().await;
    let of_store = order("k1", "store-1", "online", &[("milk", 2)]);
    let sale = order("k2", "hub-1", "pos", &[("milk", 2)]);
    let unknown = order("k3", "hub-9", "online", &[("milk", 2)]);
    let placed = order("k4", "hub-1", "online", &[("milk", 2)]);
    let fulfilled = placed.fulfil(1, 1).unwrap();
    for record in [
        stream_record(None, Some(&of_store)),
        stream_record(None, Some(&sale)),
        stream_record(None, Some(&unknown)),
        stream_record(Some(&placed), Some(&fulfilled)),
        stream_record(Some(&placed), None),
    ] {
        assert_eq!(planner.record(record).await, RecordOutcome::Done);
    }
    assert!(states(&tasks).is_empty() && queues.take().is_empty());
}

#[tokio::test]
async fn failed_send_is_retried_with_its_record() {
    let Fixture {
        tasks,
        queues,
        planner,
    } = fixture().await;
    let order = order("k1", "hub-1", "online", &[("milk", 2)]);
    queues.set_broken(true);
    let outcome = planner.record(stream_record(None, Some(&order))).await;
    assert!(matches!(outcome, RecordOutcome::Retry(_)), "{outcome:?}");
    assert_eq!(tasks.only_task().state, TaskState::Queued);
    queues.set_broken(false);
    assert_eq!(
        planner.record(stream_record(None, Some(&order))).await,
        RecordOutcome::Done
    );
    assert_eq!(queues.take().len(), 1);
}

impl Fixture {
    /// An order of two lines, the first leased to `controller-1`; the messages sent so far are taken.
    async fn first_line_leased(&self) -> Order {
        let order = order("k1", "hub-1", "online", &[("milk", 2), ("bread", 1)]);
        self.planner.record(stream_record(None, Some(&order))).await;
        let first = self.task(&order, 1).await;
        let leased = first
            .lease(&"controller-1".parse().unwrap(), order.placed_at)
            .unwrap();
        assert!(self.tasks.replace(&first, &leased).await.unwrap());
        self.queues.take();
        order
    }

    async fn cancel(&self, order: &Order) -> RecordOutcome {
        let canceled = order.cancel(order.placed_at).unwrap();
        self.planner
            .record(stream_record(Some(order), Some(&canceled)))
            .await
    }

    async fn task(&self, order: &Order, line: u16) -> Task {
        let id = TaskId::for_order_line(order.order_id, line);
        self.tasks.find(id).await.unwrap().unwrap()
    }

    /// Takes the commands sent since the last call: controller, command, task.
    fn take_commands(&self) -> Vec<(String, Value, Value)> {
        let sent = self.queues.take().into_iter();
        sent.map(|(queue, mut message)| {
            let mut data = message["data"].take();
            (queue, data["command"].take(), data["task_id"].take())
        })
        .collect()
    }
}

#[tokio::test]
async fn canceled_order_cancels_queued_and_leased_tasks() {
    let fixture = fixture().await;
    let order = fixture.first_line_leased().await;
    for _ in 0..2 {
        assert_eq!(fixture.cancel(&order).await, RecordOutcome::Done);
    }
    let (first, second) = (fixture.task(&order, 1).await, fixture.task(&order, 2).await);
    assert_eq!(
        (first.state, second.state),
        (TaskState::Canceling, TaskState::Canceled)
    );
    let command = (
        "controller-1".to_owned(),
        json!("cancel"),
        json!(first.task_id),
    );
    assert_eq!(fixture.take_commands(), [command]);
}

#[tokio::test]
async fn failed_cancel_command_is_retried_with_its_record() {
    let fixture = fixture().await;
    let order = fixture.first_line_leased().await;
    fixture.queues.set_broken(true);
    let outcome = fixture.cancel(&order).await;
    assert!(matches!(outcome, RecordOutcome::Retry(_)), "{outcome:?}");
    assert_eq!(fixture.task(&order, 1).await.state, TaskState::Canceling);
    fixture.queues.set_broken(false);
    assert_eq!(fixture.cancel(&order).await, RecordOutcome::Done);
    assert_eq!(fixture.take_commands().len(), 1);
}

#[tokio::test]
async fn task_is_canceled_when_its_line_closes() {
    let Fixture { tasks, planner, .. } = fixture().await;
    let order = order("k1", "hub-1", "online", &[("milk", 2), ("bread", 2)]);
    planner.record(stream_record(None, Some(&order))).await;
    let states = async || {
        let state = async |line| {
            let id = TaskId::for_order_line(order.order_id, line);
            tasks.find(id).await.unwrap().unwrap().state
        };
        (state(1).await, state(2).await)
    };
    let one_unit_of_each_fulfilled = order.fulfil(1, 1).unwrap().fulfil(2, 1).unwrap();
    let first_line_fulfilled = one_unit_of_each_fulfilled.fulfil(1, 1).unwrap();
    let rest_canceled = first_line_fulfilled.cancel(order.placed_at).unwrap();
    assert_eq!(rest_canceled.status, OrderStatus::Fulfilled);
    let (queued, canceled) = (TaskState::Queued, TaskState::Canceled);
    for (before, after, expected) in [
        (&order, &one_unit_of_each_fulfilled, (queued, queued)),
        (
            &one_unit_of_each_fulfilled,
            &first_line_fulfilled,
            (canceled, queued),
        ),
        (&first_line_fulfilled, &rest_canceled, (canceled, canceled)),
    ] {
        let record = stream_record(Some(before), Some(after));
        assert_eq!(planner.record(record).await, RecordOutcome::Done);
        assert_eq!(states().await, expected);
    }
}

#[tokio::test]
async fn invalid_order_image_is_rejected() {
    let planner = fixture().await.planner;
    let image = serde_dynamo::to_item(json!({"order_id": "nonsense"})).unwrap();
    let key = keys::Key {
        pk: "ORDER#1".to_owned(),
        sk: "ORDER".to_owned(),
    };
    let outcome = planner
        .record(StreamRecord::new(key, "1".to_owned(), None, Some(image)))
        .await;
    assert!(matches!(outcome, RecordOutcome::Reject(_)), "{outcome:?}");
}

#[tokio::test]
async fn sample_events_plan_and_cancel_two_tasks() {
    let Fixture { tasks, planner, .. } = fixture().await;
    for text in [
        include_str!("../../../../events/task-planner.placed.json"),
        include_str!("../../../../events/task-planner.canceled.json"),
    ] {
        let event: Event = serde_json::from_str(text).unwrap();
        for record in stream_records(event) {
            assert_eq!(planner.record(record).await, RecordOutcome::Done);
        }
    }
    assert_eq!(states(&tasks), [TaskState::Canceled, TaskState::Canceled]);
}
