mod costs;

use std::time::Duration;

use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};
use stockline_application::deadline::Deadline;
use stockline_application::location_cache::LocationCache;
use stockline_domain::catalog::Location;
use stockline_domain::ids::TaskId;
use stockline_domain::order::OrderStatus;
use stockline_domain::task::{Task, TaskState};
use stockline_platform::batch::{process_stream_records, stream_records};
use stockline_platform::dynamodb::orders::order_change;
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
            .put_location(&location, Deadline::within(Duration::from_secs(5)))
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
    let planner = TaskPlanner {
        tasks: tasks.clone(),
        queue: queues.clone(),
        controllers: queues.clone(),
        locations,
        clock,
    };
    Fixture {
        tasks,
        queues,
        planner,
    }
}

fn change(before: Option<&Order>, after: Option<&Order>) -> StreamChange<Order> {
    StreamChange {
        before: before.cloned(),
        after: after.cloned(),
    }
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
            handle(&planner, change(None, Some(&order))).await,
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
    for change in [
        change(None, Some(&of_store)),
        change(None, Some(&sale)),
        change(None, Some(&unknown)),
        change(Some(&placed), Some(&fulfilled)),
        change(Some(&placed), None),
    ] {
        assert_eq!(handle(&planner, change).await, RecordOutcome::Done);
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
    let outcome = handle(&planner, change(None, Some(&order))).await;
    assert!(matches!(outcome, RecordOutcome::Retry(_)), "{outcome:?}");
    assert_eq!(tasks.only_task().state, TaskState::Queued);
    queues.set_broken(false);
    assert_eq!(
        handle(&planner, change(None, Some(&order))).await,
        RecordOutcome::Done
    );
    assert_eq!(queues.take().len(), 1);
}

impl Fixture {
    /// An order of two lines, the first leased to `controller-1`; the messages sent so far are taken.
    async fn first_line_leased(&self) -> Order {
        let order = order("k1", "hub-1", "online", &[("milk", 2), ("bread", 1)]);
        handle(&self.planner, change(None, Some(&order))).await;
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
        handle(&self.planner, change(Some(order), Some(&canceled))).await
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
    handle(&planner, change(None, Some(&order))).await;
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
        let change = change(Some(before), Some(after));
        assert_eq!(handle(&planner, change).await, RecordOutcome::Done);
        assert_eq!(states().await, expected);
    }
}

#[tokio::test]
async fn sample_events_plan_and_cancel_two_tasks() {
    let Fixture { tasks, planner, .. } = fixture().await;
    for text in [
        include_str!("../../../../events/task-planner.placed.json"),
        include_str!("../../../../events/task-planner.canceled.json"),
    ] {
        let event: Event = serde_json::from_str(text).unwrap();
        let handle = |change| handle(&planner, change);
        let failures = process_stream_records(stream_records(event), order_change, handle).await;
        assert_eq!(failures.failures(), [""; 0]);
    }
    assert_eq!(states(&tasks), [TaskState::Canceled, TaskState::Canceled]);
}
