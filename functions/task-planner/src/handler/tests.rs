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

struct Warehouse {
    tasks: MemoryTasks,
    queues: MemoryQueues,
    planner: TaskPlanner<MemoryTasks, MemoryQueues, MemoryQueues, MemoryCatalog, FakeClock>,
}

/// A warehouse with zones, and a store.
async fn stock_catalog<S: CatalogStore>(catalog: &S) {
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
            .put_location(&location, Deadline::within(PATIENCE))
            .await
            .unwrap();
    }
}

async fn warehouse() -> Warehouse {
    let catalog = MemoryCatalog::default();
    stock_catalog(&catalog).await;
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
    Warehouse {
        tasks,
        queues,
        planner,
    }
}

fn image(order: &Order) -> serde_dynamo::Item {
    serde_dynamo::to_item(OrderRecord::new(order, &Fingerprint::of(&"a").unwrap())).unwrap()
}

fn told(before: Option<&Order>, after: Option<&Order>) -> StreamRecord {
    let id = after.or(before).unwrap().order_id;
    StreamRecord::new(
        keys::order(id),
        "1".to_owned(),
        before.map(image),
        after.map(image),
    )
}

fn states(tasks: &MemoryTasks) -> Vec<TaskState> {
    tasks.open().tasks.values().map(|task| task.state).collect()
}

#[tokio::test]
async fn each_line_of_a_new_order_of_an_automated_warehouse_waits_in_the_queue_once() {
    let Warehouse {
        tasks,
        queues,
        planner,
    } = warehouse().await;
    let order = order("k1", "hub-1", "online", &[("milk", 2), ("bread", 1)]);
    for _ in 0..2 {
        assert_eq!(
            planner.record(told(None, Some(&order))).await,
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
async fn nothing_is_planned_for_a_store_a_sale_at_the_till_or_an_order_that_only_went_on() {
    let Warehouse {
        tasks,
        queues,
        planner,
    } = warehouse().await;
    let of_store = order("k1", "store-1", "online", &[("milk", 2)]);
    let sale = order("k2", "hub-1", "pos", &[("milk", 2)]);
    let unknown = order("k3", "hub-9", "online", &[("milk", 2)]);
    let placed = order("k4", "hub-1", "online", &[("milk", 2)]);
    let gone = placed.fulfil(1, 1).unwrap();
    for record in [
        told(None, Some(&of_store)),
        told(None, Some(&sale)),
        told(None, Some(&unknown)),
        told(Some(&placed), Some(&gone)),
        told(Some(&placed), None),
    ] {
        assert_eq!(planner.record(record).await, RecordOutcome::Done);
    }
    assert!(states(&tasks).is_empty() && queues.take().is_empty());
}

#[tokio::test]
async fn when_the_queue_is_down_the_record_comes_again_and_the_task_is_sent_then() {
    let Warehouse {
        tasks,
        queues,
        planner,
    } = warehouse().await;
    let order = order("k1", "hub-1", "online", &[("milk", 2)]);
    queues.set_broken(true);
    let outcome = planner.record(told(None, Some(&order))).await;
    assert!(matches!(outcome, RecordOutcome::Retry(_)), "{outcome:?}");
    assert_eq!(tasks.only().state, TaskState::Queued);
    queues.set_broken(false);
    assert_eq!(
        planner.record(told(None, Some(&order))).await,
        RecordOutcome::Done
    );
    assert_eq!(queues.take().len(), 1);
}

impl Warehouse {
    /// An order of two lines, the first of them with `controller-1`, and nothing said that was not heard.
    async fn first_line_leased(&self) -> Order {
        let order = order("k1", "hub-1", "online", &[("milk", 2), ("bread", 1)]);
        self.planner.record(told(None, Some(&order))).await;
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
            .record(told(Some(order), Some(&canceled)))
            .await
    }

    async fn task(&self, order: &Order, line: u16) -> Task {
        let id = TaskId::for_order_line(order.order_id, line);
        self.tasks.find(id).await.unwrap().unwrap()
    }

    /// Who was told what of which task, since the last look.
    fn told(&self) -> Vec<(String, Value, Value)> {
        let told = self.queues.take().into_iter();
        told.map(|(queue, mut message)| {
            let mut data = message["data"].take();
            (queue, data["command"].take(), data["task_id"].take())
        })
        .collect()
    }
}

#[tokio::test]
async fn a_canceled_order_takes_its_waiting_tasks_with_it_and_calls_back_those_under_way() {
    let house = warehouse().await;
    let order = house.first_line_leased().await;
    for _ in 0..2 {
        assert_eq!(house.cancel(&order).await, RecordOutcome::Done);
    }
    let (first, second) = (house.task(&order, 1).await, house.task(&order, 2).await);
    assert_eq!(
        (first.state, second.state),
        (TaskState::Canceling, TaskState::Canceled)
    );
    let command = (
        "controller-1".to_owned(),
        json!("cancel"),
        json!(first.task_id),
    );
    assert_eq!(house.told(), [command]);
}

#[tokio::test]
async fn a_controller_that_could_not_be_told_of_the_cancellation_is_told_when_the_record_comes_again()
 {
    let house = warehouse().await;
    let order = house.first_line_leased().await;
    house.queues.set_broken(true);
    let outcome = house.cancel(&order).await;
    assert!(matches!(outcome, RecordOutcome::Retry(_)), "{outcome:?}");
    assert_eq!(house.task(&order, 1).await.state, TaskState::Canceling);
    house.queues.set_broken(false);
    assert_eq!(house.cancel(&order).await, RecordOutcome::Done);
    assert_eq!(house.told().len(), 1);
}

#[tokio::test]
async fn a_task_is_canceled_once_its_line_was_given_up_or_all_of_it_handed_over_by_hand() {
    let Warehouse { tasks, planner, .. } = warehouse().await;
    let order = order("k1", "hub-1", "online", &[("milk", 2), ("bread", 2)]);
    planner.record(told(None, Some(&order))).await;
    let states = async || {
        let state = async |line| {
            let id = TaskId::for_order_line(order.order_id, line);
            tasks.find(id).await.unwrap().unwrap().state
        };
        (state(1).await, state(2).await)
    };
    let one_of_each = order.fulfil(1, 1).unwrap().fulfil(2, 1).unwrap();
    let first_handed_over = one_of_each.fulfil(1, 1).unwrap();
    let rest_canceled = first_handed_over.cancel(order.placed_at).unwrap();
    assert_eq!(rest_canceled.status, OrderStatus::Fulfilled);
    let (queued, canceled) = (TaskState::Queued, TaskState::Canceled);
    for (before, after, expected) in [
        (&order, &one_of_each, (queued, queued)),
        (&one_of_each, &first_handed_over, (canceled, queued)),
        (&first_handed_over, &rest_canceled, (canceled, canceled)),
    ] {
        let record = told(Some(before), Some(after));
        assert_eq!(planner.record(record).await, RecordOutcome::Done);
        assert_eq!(states().await, expected);
    }
}

#[tokio::test]
async fn an_image_that_is_no_order_is_rejected() {
    let planner = warehouse().await.planner;
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
async fn the_sample_events_plan_two_tasks_and_cancel_them() {
    let Warehouse { tasks, planner, .. } = warehouse().await;
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
