mod costs;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stockline_domain::catalog::{Location, LocationKind, Zone};
use stockline_domain::task::{
    Controller, HEARTBEAT_TIMEOUT, LEASE, MAX_ATTEMPTS, Report, ReportEffect, ReportedState, Task,
    TaskState,
};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::tasks::{MemoryQueues, MemoryTasks};
use stockline_testkit::orders::order;

use super::*;

struct Fixture {
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

/// A task in zone `dry` of `hub-2`, leased to `controller-1`.
fn leased(now: Timestamp) -> Task {
    let order = order("k1", "hub-2", "online", &[("milk", 2)]);
    let planned = Task::plan(&order, &[zone("dry")], now).remove(0);
    planned
        .lease(&"controller-1".parse().unwrap(), now)
        .unwrap()
}

/// A heartbeat of `controller-1`.
fn heartbeat(now: Timestamp) -> Controller {
    Controller {
        controller_id: "controller-1".parse().unwrap(),
        location_id: "hub-2".parse().unwrap(),
        zone_id: "dry".parse().unwrap(),
        free_capacity: 4,
        received_at: now,
    }
}

/// A task in the second zone of the second warehouse, leased to the live `controller-1`.
async fn fixture() -> Fixture {
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
    let sweeper = LeaseSweeper {
        tasks: tasks.clone(),
        catalog,
        queue: queues.clone(),
        clock: clock.clone(),
    };
    let fixture = Fixture {
        tasks,
        queues,
        clock,
        sweeper,
    };
    fixture.send_heartbeat().await;
    fixture
}

impl Fixture {
    async fn send_heartbeat(&self) {
        let heartbeat = heartbeat(self.clock.now());
        self.tasks.record_heartbeat(&heartbeat).await.unwrap();
    }

    /// Lets the last heartbeat expire.
    fn expire_heartbeat(&self) {
        self.clock
            .advance(HEARTBEAT_TIMEOUT + SignedDuration::from_millis(1));
    }

    async fn replace_task(&self, change: impl Fn(&Task) -> Task) {
        let task = self.tasks.only_task();
        assert!(self.tasks.replace(&task, &change(&task)).await.unwrap());
    }

    /// Takes the ids of the tasks sent to the queue since the last call.
    fn take_sent(&self) -> Vec<Value> {
        let sent = self.queues.take().into_iter();
        sent.map(|(queue, mut message)| {
            assert_eq!(queue, "tasks");
            message["data"]["task_id"].take()
        })
        .collect()
    }
}

fn accepted(task: &Task, fixture: &Fixture) -> Task {
    let report = Report {
        lease_id: task.lease_id,
        report_seq: 1,
        state: ReportedState::Accepted,
        error: None,
        occurred_at: fixture.clock.now(),
    };
    match task.report(&report, fixture.clock.now()) {
        Ok(ReportEffect::Update(task)) => *task,
        other => panic!("not accepted: {other:?}"),
    }
}

const ONE_REQUEUED: SweepResult = SweepResult {
    queued: 1,
    canceled: 0,
    dead_lettered: 0,
    failed_zones: 0,
};

#[tokio::test]
async fn dead_controllers_task_is_requeued_and_sent_once() {
    let fixture = fixture().await;
    fixture.replace_task(|task| accepted(task, &fixture)).await;
    assert_eq!(
        handle(&fixture.sweeper).await.unwrap(),
        SweepResult::default()
    );
    fixture.expire_heartbeat();
    assert_eq!(handle(&fixture.sweeper).await.unwrap(), ONE_REQUEUED);
    let task = fixture.tasks.only_task();
    assert_eq!((task.state, task.attempt), (TaskState::Queued, 2));
    assert_eq!(
        handle(&fixture.sweeper).await.unwrap(),
        SweepResult::default()
    );
    assert_eq!(fixture.tasks.only_task(), task);
    assert_eq!(
        fixture.take_sent(),
        [serde_json::to_value(task.task_id).unwrap()]
    );
}

#[tokio::test]
async fn expired_lease_is_taken_from_live_controller() {
    let fixture = fixture().await;
    fixture.clock.advance(LEASE - SignedDuration::from_secs(1));
    fixture.send_heartbeat().await;
    assert_eq!(
        handle(&fixture.sweeper).await.unwrap(),
        SweepResult::default()
    );
    fixture.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(handle(&fixture.sweeper).await.unwrap(), ONE_REQUEUED);
}

#[tokio::test]
async fn canceling_task_becomes_canceled_without_message() {
    let fixture = fixture().await;
    fixture
        .replace_task(|task| task.cancel_with_order().unwrap())
        .await;
    fixture.expire_heartbeat();
    let result = handle(&fixture.sweeper).await.unwrap();
    assert_eq!((result.queued, result.canceled), (0, 1));
    assert_eq!(fixture.tasks.only_task().state, TaskState::Canceled);
    assert!(fixture.take_sent().is_empty());
}

#[tokio::test]
async fn last_attempt_is_dead_lettered_without_message() {
    let fixture = fixture().await;
    let last = |task: &Task| Task {
        attempt: MAX_ATTEMPTS,
        version: task.version + 1,
        ..task.clone()
    };
    fixture.replace_task(last).await;
    fixture.expire_heartbeat();
    assert_eq!(handle(&fixture.sweeper).await.unwrap().dead_lettered, 1);
    assert_eq!(fixture.tasks.only_task().state, TaskState::DeadLettered);
    assert!(fixture.take_sent().is_empty());
}

#[tokio::test]
async fn concurrent_sweeps_and_report_move_the_task_once() {
    let fixture = fixture().await;
    fixture.expire_heartbeat();
    let leased = fixture.tasks.only_task();
    let report = async {
        let accepted = accepted(&leased, &fixture);
        fixture.tasks.replace(&leased, &accepted).await.unwrap()
    };
    let (one, two, is_report_applied) =
        tokio::join!(handle(&fixture.sweeper), handle(&fixture.sweeper), report);
    one.unwrap();
    two.unwrap();
    let task = fixture.tasks.only_task();
    assert_eq!(task.version, leased.version + 1);
    if is_report_applied {
        assert_eq!((task.state, task.attempt), (TaskState::Accepted, 1));
        assert!(fixture.take_sent().is_empty());
    } else {
        assert_eq!((task.state, task.attempt), (TaskState::Queued, 2));
        assert_eq!(fixture.take_sent().len(), 1);
    }
}

/// A queue that takes 10 s to accept a message. `controller-2` sends a heartbeat meanwhile.
struct SlowQueue {
    tasks: MemoryTasks,
    clock: FakeClock,
}

impl TaskQueue for SlowQueue {
    async fn enqueue(&self, _task: &Task, _now: Timestamp) -> Result<(), StoreError> {
        self.clock.advance(SignedDuration::from_secs(10));
        let heartbeat = Controller {
            controller_id: "controller-2".parse().unwrap(),
            ..heartbeat(self.clock.now())
        };
        self.tasks.record_heartbeat(&heartbeat).await
    }
}

#[tokio::test]
async fn long_sweep_takes_nothing_from_a_live_controller() {
    // given ten tasks each of a dead controller and of a live one, in the order of their ids
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let tasks = MemoryTasks::default();
    for number in 0..20 {
        let order = order(&format!("k{number}"), "hub-2", "online", &[("milk", 2)]);
        let planned = Task::plan(&order, &[zone("dry")], clock.now()).remove(0);
        let holder = format!("controller-{}", 1 + number % 2).parse().unwrap();
        let leased = planned.lease(&holder, clock.now()).unwrap();
        tasks.add(&leased).await.unwrap();
    }
    clock.advance(HEARTBEAT_TIMEOUT + SignedDuration::from_secs(1));
    let live = Controller {
        controller_id: "controller-2".parse().unwrap(),
        ..heartbeat(clock.now())
    };
    tasks.record_heartbeat(&live).await.unwrap();
    let hub = Location {
        kind: LocationKind::Warehouse,
        zones: vec![zone("dry")],
        ..store("hub-2", "UTC", 0)
    };
    let sweeper = LeaseSweeper {
        tasks: tasks.clone(),
        catalog: MemoryCatalog::with_locations([hub]),
        queue: SlowQueue {
            tasks: tasks.clone(),
            clock: clock.clone(),
        },
        clock,
    };
    // when a sweep takes 100 s
    let swept = handle(&sweeper).await.unwrap();
    // then it requeues the tasks of the dead controller only
    assert_eq!(swept.queued, 10);
    let (location, dry) = ("hub-2".parse().unwrap(), "dry".parse().unwrap());
    let leased = tasks.leased_tasks(&location, &dry).await.unwrap();
    assert_eq!(leased.len(), 10);
    let live = Some(live.controller_id);
    assert!(leased.iter().all(|task| task.controller_id == live));
}

#[tokio::test]
async fn failed_send_is_repeated_by_the_next_sweep() {
    let fixture = fixture().await;
    fixture.expire_heartbeat();
    fixture.queues.set_broken(true);
    let failed = handle(&fixture.sweeper).await.unwrap_err();
    assert_eq!(failed.to_string(), "1 zones could not be swept");
    assert_eq!(fixture.tasks.only_task().state, TaskState::Queued);
    fixture.queues.set_broken(false);
    assert_eq!(
        handle(&fixture.sweeper).await.unwrap(),
        SweepResult::default()
    );
    assert_eq!(fixture.take_sent().len(), 1);
}

#[tokio::test]
async fn queue_outage_keeps_no_task_with_its_lost_controller() {
    let fixture = fixture().await;
    let second = order("k2", "hub-2", "online", &[("bread", 1)]);
    let second = Task::plan(&second, &[zone("dry")], fixture.clock.now()).remove(0);
    let holder = "controller-1".parse().unwrap();
    let second = second.lease(&holder, fixture.clock.now()).unwrap();
    fixture.tasks.add(&second).await.unwrap();
    fixture.expire_heartbeat();
    fixture.queues.set_broken(true);
    assert!(handle(&fixture.sweeper).await.is_err());
    let (location, dry) = ("hub-2".parse().unwrap(), "dry".parse().unwrap());
    let queued = fixture.tasks.queued_tasks(&location, &dry).await.unwrap();
    assert_eq!(queued.len(), 2);
}

#[tokio::test]
async fn lost_message_is_sent_once_each_half_hour_for_a_day() {
    // given a task whose message is lost, because the queue was unavailable for more than four minutes
    let fixture = fixture().await;
    fixture.expire_heartbeat();
    fixture.queues.set_broken(true);
    assert!(handle(&fixture.sweeper).await.is_err());
    fixture.queues.set_broken(false);
    fixture.clock.advance(SignedDuration::from_mins(5));
    // when it is swept each minute for two days
    let mut sent = Vec::new();
    for minute in 5..2 * 1440 {
        handle(&fixture.sweeper).await.unwrap();
        sent.extend(fixture.take_sent().iter().map(|_| minute));
        fixture.clock.advance(SignedDuration::from_mins(1));
    }
    // then the message is sent after 30, 60, ... minutes, until the task has waited for a day
    let rounds: Vec<i32> = (1..48).map(|round| round * 30).collect();
    assert_eq!(sent, rounds);
}
