//! What every store of tasks and controllers must do.

use std::future::Future;
use std::time::Duration;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::task_reports::ReportRequest;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::order_lifecycle::{CancelOutcome, FulfilOutcome, fulfil};
use stockline_application::ports::orders::{OrderStore, StoredOrder};
use stockline_application::ports::tasks::{CompletionStore, ControllerStore, TaskStore};
use stockline_application::task_cancellation::{ClosedLines, cancel_tasks};
use stockline_application::task_reports::{ReportOutcome, settle_report};
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::catalog::Zone;
use stockline_domain::ids::OrderId;
use stockline_domain::order::{FulfilLine, FulfilOrder, Order, OrderStatus};
use stockline_domain::task::{Controller, Report, ReportError, ReportedState, Task, TaskState};

use super::orders::cancel;
use super::story_functions;
use crate::memory::shop::MemoryShop;
use crate::memory::tasks::MemoryQueues;
use crate::orders::{fulfilment_id, order};

story_functions!(
    tasks,
    [Tasks: TaskStore + ControllerStore, Completions: CompletionStore, Orders: TaskOrders],
    [super::Warehouse],
    Warehouse<Tasks, Completions, Orders>
);

/// The orders and levels that tasks fulfil, and direct access to them.
pub trait TaskOrders {
    /// Writes a level of `sku` at `location` with `on_hand` and nothing allocated.
    fn stock(&self, location: &str, sku: &str, on_hand: i64) -> impl Future<Output = ()>;

    /// Places the order, for which there is enough stock.
    fn place(&self, order: &Order) -> impl Future<Output = ()>;

    /// Cancels the open quantities of the order.
    fn cancel(&self, id: OrderId) -> impl Future<Output = ()>;

    /// Fulfils the order by hand.
    fn fulfil_by_hand(&self, id: OrderId, request: &FulfilOrder) -> impl Future<Output = ()>;

    /// Reads the order, which exists.
    fn order(&self, id: OrderId) -> impl Future<Output = Order>;

    /// The quantities on hand and allocated of `sku` at `location`.
    fn level(&self, location: &str, sku: &str) -> impl Future<Output = (i64, i64)>;
}

impl TaskOrders for MemoryShop {
    async fn stock(&self, location: &str, sku: &str, on_hand: i64) {
        let stocked = Self::stocked(location, &[(sku, on_hand)]);
        let levels = std::mem::take(&mut stocked.lock().levels);
        self.lock().levels.extend(levels);
    }

    async fn place(&self, order: &Order) {
        let request = Fingerprint::of(&"a").unwrap();
        OrderStore::place(self, order, &request, deadline())
            .await
            .unwrap();
    }

    async fn cancel(&self, id: OrderId) {
        let known = self.find(id).await.unwrap().unwrap();
        let canceled = cancel(self, &known, at(9)).await;
        assert!(matches!(canceled, Ok(CancelOutcome::Canceled(_))));
    }

    async fn fulfil_by_hand(&self, id: OrderId, request: &FulfilOrder) {
        let known = self.find(id).await.unwrap().unwrap();
        fulfil_by_hand(self, &known, request).await;
    }

    async fn order(&self, id: OrderId) -> Order {
        self.find(id).await.unwrap().unwrap().order
    }

    async fn level(&self, location: &str, sku: &str) -> (i64, i64) {
        MemoryShop::level(self, location, sku)
    }
}

/// Fulfils the order in `store` by hand, as `body` asks.
pub async fn fulfil_by_hand<Orders: OrderStore>(
    store: &Orders,
    known: &StoredOrder,
    body: &FulfilOrder,
) {
    let (id, request) = (
        fulfilment_id(&known.order, "f1"),
        Fingerprint::of(&"f").unwrap(),
    );
    let fulfilled = fulfil(
        store,
        StepRequest {
            order: known,
            fingerprint: &request,
            at: at(9),
            deadline: deadline(),
        },
        body,
        id,
    )
    .await;
    assert!(
        matches!(fulfilled, Ok(FulfilOutcome::Fulfilled(_))),
        "{fulfilled:?}"
    );
}

/// A deadline that no story reaches.
pub fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// A caller that may report for every controller.
pub fn operations_caller() -> Caller {
    Caller {
        subject: "operations".to_owned(),
        role: Role::Admin,
        locations: Locations::All,
        controller: None,
    }
}

/// `minute` minutes after noon.
fn at(minute: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon.checked_add(SignedDuration::from_mins(minute)).unwrap()
}

fn report(report_seq: u64, state: ReportedState) -> Report {
    Report {
        lease_id: 1,
        report_seq,
        state,
        error: None,
        occurred_at: at(3),
    }
}

/// The stores of one warehouse under test.
#[derive(Debug, Clone)]
pub struct Warehouse<Tasks, Completions, Orders> {
    /// The tasks and their controllers.
    pub tasks: Tasks,
    /// What completes a task together with its order and level.
    pub completions: Completions,
    /// The orders and levels of the tasks.
    pub orders: Orders,
}

impl<Tasks, Completions, Orders> Warehouse<Tasks, Completions, Orders>
where
    Tasks: TaskStore + ControllerStore,
    Completions: CompletionStore,
    Orders: TaskOrders,
{
    /// Places an order of two units of milk and one of bread at the location `name`, and adds its tasks in the zone `name`.
    /// Returns the task of the milk.
    async fn planned_task(&self, name: &str) -> Task {
        self.orders.stock(name, "milk", 10).await;
        self.orders.stock(name, "bread", 10).await;
        let order = order(name, name, "online", &[("milk", 2), ("bread", 1)]);
        self.orders.place(&order).await;
        let zone = Zone {
            zone_id: name.parse().unwrap(),
            aisles: 3,
        };
        let tasks = Task::plan(&order, &[zone], at(0));
        for task in &tasks {
            self.tasks.add(task).await.unwrap();
        }
        tasks[0].clone()
    }

    /// As `planned_task`, with the task of the milk leased by `controller-1` and in progress.
    async fn task_in_progress(&self, name: &str) -> Task {
        let planned = self.planned_task(name).await;
        let leased = planned
            .lease(&"controller-1".parse().unwrap(), at(1))
            .unwrap();
        assert!(self.tasks.replace(&planned, &leased).await.unwrap());
        self.accepted_report(&leased, &report(1, ReportedState::Accepted))
            .await;
        self.accepted_report(&leased, &report(2, ReportedState::InProgress))
            .await
    }

    async fn settle(&self, task: &Task, report: &Report) -> ReportOutcome {
        settle_report(
            &self.tasks,
            &self.completions,
            ReportRequest {
                task: task.task_id,
                caller: &operations_caller(),
                report,
                at: at(4),
                deadline: deadline(),
            },
        )
        .await
        .unwrap()
    }

    /// Sends a report that counts, and returns the task after it.
    async fn accepted_report(&self, task: &Task, report: &Report) -> Task {
        match self.settle(task, report).await {
            ReportOutcome::Applied(task) => *task,
            other => panic!("the report does not count: {other:?}"),
        }
    }

    async fn stored(&self, task: &Task) -> Task {
        self.tasks.find(task.task_id).await.unwrap().unwrap()
    }

    async fn task_is_added_once_and_reads_back(&self) {
        let task = self.planned_task("added").await;
        assert_eq!(self.stored(&task).await, task);
        let later = Task {
            created_at: at(5),
            ..task.clone()
        };
        self.tasks.add(&later).await.unwrap();
        assert_eq!(self.stored(&task).await, task);
        let unknown = stockline_domain::ids::TaskId::for_order_line(task.order_id, 99);
        assert_eq!(self.tasks.find(unknown).await.unwrap(), None);
    }

    async fn second_writer_is_rejected_and_first_may_retry(&self) {
        let task = self.planned_task("two-writers").await;
        let first = task.lease(&"one".parse().unwrap(), at(1)).unwrap();
        let second = task.lease(&"two".parse().unwrap(), at(1)).unwrap();
        assert!(self.tasks.replace(&task, &first).await.unwrap());
        assert!(!self.tasks.replace(&task, &second).await.unwrap());
        assert!(self.tasks.replace(&task, &first).await.unwrap());
        assert_eq!(self.stored(&task).await, first);
    }

    async fn zone_lists_its_controllers_and_tasks(&self) {
        let (hub, zone) = ("listed".parse().unwrap(), "zone-listed".parse().unwrap());
        let heartbeat = |name: &str, hub: &str, zone: &str, minute, free_capacity| Controller {
            controller_id: name.parse().unwrap(),
            location_id: hub.parse().unwrap(),
            zone_id: zone.parse().unwrap(),
            free_capacity,
            received_at: at(minute),
        };
        for controller in [
            heartbeat("listed-1", "listed", "zone-listed", 2, 4),
            heartbeat("listed-1", "listed", "zone-listed", 1, 9),
            heartbeat("listed-2", "listed", "elsewhere", 2, 1),
            heartbeat("listed-3", "another", "zone-listed", 2, 1),
        ] {
            self.tasks.record_heartbeat(&controller).await.unwrap();
        }
        let here = self.tasks.controllers(&hub, &zone).await.unwrap();
        assert_eq!(here, [heartbeat("listed-1", "listed", "zone-listed", 2, 4)]);

        let known = self.tasks.controller(&here[0].controller_id).await;
        assert_eq!(known.unwrap().as_ref(), Some(&here[0]));
        let unknown = "unknown".parse().unwrap();
        assert_eq!(self.tasks.controller(&unknown).await.unwrap(), None);

        let task = self.task_in_progress("holds").await;
        let waiting = self.tasks.queued_tasks(&task.location_id, &task.zone_id);
        let lines: Vec<u16> = waiting
            .await
            .unwrap()
            .iter()
            .map(|task| task.line)
            .collect();
        assert_eq!(lines, [2]);
        let held = self.tasks.leased_tasks(&task.location_id, &task.zone_id);
        assert_eq!(held.await.unwrap(), std::slice::from_ref(&task));
        for (hub, zone) in [(&hub, &task.zone_id), (&task.location_id, &zone)] {
            assert_eq!(self.tasks.queued_tasks(hub, zone).await.unwrap(), []);
            assert_eq!(self.tasks.leased_tasks(hub, zone).await.unwrap(), []);
        }
    }

    async fn repeated_completion_moves_stock_and_order_once(&self) {
        let task = self.task_in_progress("once").await;
        let done = report(3, ReportedState::Completed);
        let reports = join_all((0..8).map(|_| self.accepted_report(&task, &done))).await;
        assert!(
            reports
                .iter()
                .all(|task| task.state == TaskState::Completed)
        );
        assert_eq!(self.orders.level("once", "milk").await, (8, 0));
        let order = self.orders.order(task.order_id).await;
        assert_eq!(order.status, OrderStatus::PartiallyFulfilled);
        assert_eq!(order.lines[0].fulfilled_quantity, 2);
        assert_eq!(self.orders.level("once", "bread").await, (10, 1));
    }

    async fn one_of_contradicting_reports_ends_the_task(&self) {
        let task = self.task_in_progress("contradict").await;
        let mut reports = vec![report(3, ReportedState::Completed); 4];
        for minute in [4, 5] {
            let mut other = report(3, ReportedState::Completed);
            other.occurred_at = at(minute);
            reports.push(other);
        }
        for seq in [3, 4] {
            let mut failed = report(seq, ReportedState::Failed);
            failed.error = Some(ReportError {
                code: "jammed".to_owned(),
                detail: None,
                retriable: false,
            });
            reports.push(failed);
        }
        let settled = join_all(reports.iter().map(|report| self.settle(&task, report))).await;
        let stored = self.stored(&task).await;
        for (report, settled) in reports.iter().zip(&settled) {
            let counted = matches!(settled, ReportOutcome::Applied(_));
            assert_eq!(
                counted,
                stored.last_report.as_ref() == Some(report),
                "{report:?} {settled:?}"
            );
        }
        let moved = match stored.state {
            TaskState::Completed => (8, 0),
            TaskState::Failed => (10, 2),
            other => panic!("the task is {other:?}"),
        };
        assert_eq!(self.orders.level("contradict", "milk").await, moved);
    }

    async fn concurrent_completions_of_one_order_both_count(&self) {
        let milk = self.task_in_progress("both").await;
        let id = stockline_domain::ids::TaskId::for_order_line(milk.order_id, 2);
        let bread = self.tasks.find(id).await.unwrap().unwrap();
        let leased = bread
            .lease(&"controller-1".parse().unwrap(), at(1))
            .unwrap();
        assert!(self.tasks.replace(&bread, &leased).await.unwrap());
        self.accepted_report(&bread, &report(1, ReportedState::InProgress))
            .await;
        let done = report(3, ReportedState::Completed);
        join_all([&milk, &bread].map(|task| self.accepted_report(task, &done))).await;
        assert_eq!(
            self.orders.order(milk.order_id).await.status,
            OrderStatus::Fulfilled
        );
        assert_eq!(self.orders.level("both", "milk").await, (8, 0));
        assert_eq!(self.orders.level("both", "bread").await, (9, 0));
    }

    async fn canceled_order_cancels_its_tasks_and_moves_no_stock(&self) {
        let task = self.task_in_progress("canceled").await;
        self.orders.cancel(task.order_id).await;
        let queues = MemoryQueues::default();
        let closed = ClosedLines {
            order: task.order_id,
            lines: &[1, 2],
            at: at(4),
            deadline: deadline(),
        };
        for _ in 0..2 {
            let canceled = cancel_tasks(&self.tasks, &queues, closed);
            canceled.await.unwrap();
        }
        let commands = queues.take();
        assert_eq!(commands.len(), 1, "{commands:?}");
        assert_eq!(commands[0].0, "controller-1");
        assert_eq!(commands[0].1["data"]["command"], "cancel");
        assert_eq!(self.stored(&task).await.state, TaskState::Canceling);
        let bread = stockline_domain::ids::TaskId::for_order_line(task.order_id, 2);
        let bread = self.tasks.find(bread).await.unwrap().unwrap();
        assert_eq!(bread.state, TaskState::Canceled);
        let ended = self
            .accepted_report(&task, &report(3, ReportedState::Completed))
            .await;
        assert_eq!(ended.state, TaskState::Canceled);
        assert_eq!(self.orders.level("canceled", "milk").await, (10, 0));
    }

    async fn completion_after_order_cancellation_moves_no_stock(&self) {
        let task = self.task_in_progress("raced").await;
        self.orders.cancel(task.order_id).await;
        let ended = self
            .accepted_report(&task, &report(3, ReportedState::Completed))
            .await;
        assert_eq!(ended.state, TaskState::Canceled);
        assert_eq!(self.orders.level("raced", "milk").await, (10, 0));
    }

    async fn line_fulfilled_by_hand_cancels_its_task(&self) {
        let task = self.task_in_progress("by-hand").await;
        self.orders
            .fulfil_by_hand(task.order_id, &FulfilOrder::default())
            .await;
        let moved = self.orders.level("by-hand", "milk").await;
        assert_eq!(moved, (8, 0));
        let ended = self
            .accepted_report(&task, &report(3, ReportedState::Completed))
            .await;
        assert_eq!(ended.state, TaskState::Canceled);
        assert_eq!(self.orders.level("by-hand", "milk").await, moved);
        assert_eq!(
            self.orders.order(task.order_id).await.status,
            OrderStatus::Fulfilled
        );
    }

    async fn line_partly_fulfilled_by_hand_completes_the_rest(&self) {
        let task = self.task_in_progress("part-by-hand").await;
        let one_unit = FulfilOrder {
            lines: Some(vec![FulfilLine {
                line: task.line,
                quantity: 1,
            }]),
            occurred_at: None,
        };
        self.orders.fulfil_by_hand(task.order_id, &one_unit).await;
        assert_eq!(self.orders.level("part-by-hand", "milk").await, (9, 1));
        let done = report(3, ReportedState::Completed);
        for _ in 0..2 {
            let ended = self.accepted_report(&task, &done).await;
            assert_eq!(ended.state, TaskState::Completed);
            assert_eq!(self.orders.level("part-by-hand", "milk").await, (8, 0));
        }
        let order = self.orders.order(task.order_id).await;
        assert_eq!(order.lines[0].fulfilled_quantity, 2);
    }

    async fn completion_beyond_on_hand_changes_nothing(&self) {
        let task = self.task_in_progress("lacking").await;
        self.orders.stock("lacking", "milk", 1).await;
        let done = report(3, ReportedState::Completed);
        assert_eq!(
            self.settle(&task, &done).await,
            ReportOutcome::InsufficientStock
        );
        assert_eq!(self.stored(&task).await, task);
        assert_eq!(
            self.orders.order(task.order_id).await.status,
            OrderStatus::Allocated
        );
    }

    async fn report_of_another_controller_is_unknown(&self) {
        let task = self.task_in_progress("foreign").await;
        let done = report(3, ReportedState::Completed);
        let controller = |name: &str, location: &str| Caller {
            subject: name.to_owned(),
            role: Role::Controller,
            locations: Locations::Only([location.parse().unwrap()].into()),
            controller: Some(name.parse().unwrap()),
        };
        for caller in [
            controller("controller-2", "foreign"),
            controller("controller-1", "another-warehouse"),
        ] {
            let reported = settle_report(
                &self.tasks,
                &self.completions,
                ReportRequest {
                    task: task.task_id,
                    caller: &caller,
                    report: &done,
                    at: at(4),
                    deadline: deadline(),
                },
            )
            .await;
            assert_eq!(reported.unwrap(), ReportOutcome::NotFound);
        }
        assert_eq!(self.stored(&task).await, task);
    }
}
