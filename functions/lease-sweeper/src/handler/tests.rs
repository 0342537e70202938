mod costs;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stockline_domain::catalog::{Location, LocationKind, Zone};
use stockline_domain::task::{HEARTBEAT_LIFE, LEASE, MAX_ATTEMPTS, Report, ReportedState, Step};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::tasks::{MemoryQueues, MemoryTasks};
use stockline_testkit::orders::order;

use super::*;

struct Floor {
    tasks: MemoryTasks,
    queues: MemoryQueues,
    clock: FakeClock,
    sweeper: LeaseSweeper<MemoryTasks, MemoryCatalog, MemoryQueues, FakeClock>,
}

fn zone(name: &str) -> Zone {
    Zone {
        zone_id: name.parse().unwrap(),
        aisles: 4,
    }
}

/// A task in the zone `dry` of `hub-2`, with `controller-1`.
fn leased(now: Timestamp) -> Task {
    let order = order("k1", "hub-2", "online", &[("milk", 2)]);
    let planned = Task::plan(&order, &[zone("dry")], now).remove(0);
    planned
        .lease(&"controller-1".parse().unwrap(), now)
        .unwrap()
}

/// `controller-1` lives.
fn heartbeat(now: Timestamp) -> Controller {
    Controller {
        controller_id: "controller-1".parse().unwrap(),
        location_id: "hub-2".parse().unwrap(),
        zone_id: "dry".parse().unwrap(),
        free_capacity: 4,
        received_at: now,
    }
}

/// One task in the second zone of the second warehouse; `controller-1` lives and has just got it.
async fn floor() -> Floor {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let (tasks, queues) = (MemoryTasks::default(), MemoryQueues::default());
    let hub = |name: &str| Location {
        kind: LocationKind::Warehouse,
        zones: vec![zone("cold"), zone("dry")],
        ..store(name, "UTC", 0)
    };
    let locations = [hub("hub-1"), hub("hub-2"), store("store-1", "UTC", 0)];
    tasks.add(&leased(clock.now())).await.unwrap();
    let catalog = MemoryCatalog::with_locations(locations);
    let sweeper = LeaseSweeper::new(tasks.clone(), catalog, queues.clone(), clock.clone());
    let floor = Floor {
        tasks,
        queues,
        clock,
        sweeper,
    };
    floor.beats().await;
    floor
}

impl Floor {
    async fn beats(&self) {
        let heartbeat = heartbeat(self.clock.now());
        self.tasks.record_heartbeat(&heartbeat).await.unwrap();
    }

    /// The controller says no more, not even that it lives.
    fn dies(&self) {
        self.clock
            .advance(HEARTBEAT_LIFE + SignedDuration::from_millis(1));
    }

    async fn becomes(&self, change: impl Fn(&Task) -> Task) {
        let task = self.tasks.only();
        assert!(self.tasks.replace(&task, &change(&task)).await.unwrap());
    }

    /// The tasks that the queue was told of, with their attempt, since the last look.
    fn told(&self) -> Vec<Value> {
        let told = self.queues.take().into_iter();
        told.map(|(queue, mut message)| {
            assert_eq!(queue, "tasks");
            message["data"]["task_id"].take()
        })
        .collect()
    }
}

fn accepted(task: &Task, floor: &Floor) -> Task {
    let report = Report {
        lease_id: task.lease_id,
        report_seq: 1,
        state: ReportedState::Accepted,
        error: None,
        occurred_at: floor.clock.now(),
    };
    match task.report(&report, floor.clock.now()) {
        Ok(Step::Moves(task)) => *task,
        other => panic!("it was not accepted: {other:?}"),
    }
}

const QUEUED: Swept = Swept {
    queued: 1,
    canceled: 0,
    dead_lettered: 0,
};

#[tokio::test]
async fn the_task_of_a_dead_controller_waits_for_another_and_the_queue_hears_of_it_once() {
    let floor = floor().await;
    floor.becomes(|task| accepted(task, &floor)).await;
    assert_eq!(floor.sweeper.sweep().await.unwrap(), Swept::default());
    floor.dies();
    assert_eq!(floor.sweeper.sweep().await.unwrap(), QUEUED);
    let task = floor.tasks.only();
    assert_eq!((task.state, task.attempt), (TaskState::Queued, 2));
    assert_eq!(floor.sweeper.sweep().await.unwrap(), Swept::default());
    assert_eq!(floor.tasks.only(), task);
    assert_eq!(floor.told(), [serde_json::to_value(task.task_id).unwrap()]);
}

#[tokio::test]
async fn a_controller_that_lives_but_lets_its_lease_end_loses_the_task_too() {
    let floor = floor().await;
    floor.clock.advance(LEASE - SignedDuration::from_secs(1));
    floor.beats().await;
    assert_eq!(floor.sweeper.sweep().await.unwrap(), Swept::default());
    floor.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(floor.sweeper.sweep().await.unwrap(), QUEUED);
}

#[tokio::test]
async fn a_task_on_its_way_to_canceled_is_canceled_and_nobody_is_told() {
    let floor = floor().await;
    floor.becomes(|task| task.order_canceled().unwrap()).await;
    floor.dies();
    let swept = floor.sweeper.sweep().await.unwrap();
    assert_eq!((swept.queued, swept.canceled), (0, 1));
    assert_eq!(floor.tasks.only().state, TaskState::Canceled);
    assert!(floor.told().is_empty());
}

#[tokio::test]
async fn a_task_that_was_tried_too_often_is_left_to_a_person() {
    let floor = floor().await;
    let last = |task: &Task| Task {
        attempt: MAX_ATTEMPTS,
        version: task.version + 1,
        ..task.clone()
    };
    floor.becomes(last).await;
    floor.dies();
    assert_eq!(floor.sweeper.sweep().await.unwrap().dead_lettered, 1);
    assert_eq!(floor.tasks.only().state, TaskState::DeadLettered);
    assert!(floor.told().is_empty());
}

#[tokio::test]
async fn of_sweepers_at_once_and_a_report_that_comes_meanwhile_one_moves_the_task() {
    let floor = floor().await;
    floor.dies();
    let leased = floor.tasks.only();
    let report = async {
        let accepted = accepted(&leased, &floor);
        floor.tasks.replace(&leased, &accepted).await.unwrap()
    };
    let (one, two, counted) = tokio::join!(floor.sweeper.sweep(), floor.sweeper.sweep(), report);
    one.unwrap();
    two.unwrap();
    let task = floor.tasks.only();
    assert_eq!(task.version, leased.version + 1);
    if counted {
        assert_eq!((task.state, task.attempt), (TaskState::Accepted, 1));
        assert!(floor.told().is_empty());
    } else {
        assert_eq!((task.state, task.attempt), (TaskState::Queued, 2));
        assert_eq!(floor.told().len(), 1);
    }
}

#[tokio::test]
async fn when_the_queue_is_down_the_next_sweep_tells_it() {
    let floor = floor().await;
    floor.dies();
    floor.queues.set_broken(true);
    assert!(floor.sweeper.sweep().await.is_err());
    assert_eq!(floor.tasks.only().state, TaskState::Queued);
    floor.queues.set_broken(false);
    assert_eq!(floor.sweeper.sweep().await.unwrap(), Swept::default());
    assert_eq!(floor.told().len(), 1);
}

#[tokio::test]
async fn what_waits_for_long_is_left_to_its_message() {
    let floor = floor().await;
    floor.dies();
    floor.queues.set_broken(true);
    assert!(floor.sweeper.sweep().await.is_err());
    floor.queues.set_broken(false);
    floor.clock.advance(SignedDuration::from_mins(5));
    floor.sweeper.sweep().await.unwrap();
    assert!(floor.told().is_empty());
}
