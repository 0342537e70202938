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
use stockline_application::task_cancellation::cancel_tasks;
use stockline_application::task_reports::{ReportOutcome, settle_report};
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::catalog::Zone;
use stockline_domain::ids::OrderId;
use stockline_domain::order::{FulfilLine, FulfilOrder, Order, OrderStatus};
use stockline_domain::task::{Controller, Report, ReportError, ReportedState, Task, TaskState};

use super::orders::cancel;
use crate::memory::shop::MemoryShop;
use crate::memory::tasks::MemoryQueues;
use crate::orders::{fulfilment_id, order};

/// The orders and levels that tasks work on, and a view of them that does not go through tasks.
pub trait Orders {
    /// Puts `on_hand` of `sku` at `location`.
    fn stock(&self, location: &str, sku: &str, on_hand: i64) -> impl Future<Output = ()>;

    /// Places the order.
    fn place(&self, order: &Order) -> impl Future<Output = ()>;

    /// Cancels the order.
    fn cancel(&self, id: OrderId) -> impl Future<Output = ()>;

    /// Hands over `what` of the order by hand.
    fn hand_over(&self, id: OrderId, what: &FulfilOrder) -> impl Future<Output = ()>;

    /// The order, as it is now.
    fn order(&self, id: OrderId) -> impl Future<Output = Order>;

    /// On hand and allocated of `sku` at `location`.
    fn level(&self, location: &str, sku: &str) -> impl Future<Output = (i64, i64)>;
}

impl Orders for MemoryShop {
    async fn stock(&self, location: &str, sku: &str, on_hand: i64) {
        let one = Self::stocked(location, &[(sku, on_hand)]);
        let levels = std::mem::take(&mut one.open().levels);
        self.open().levels.extend(levels);
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

    async fn hand_over(&self, id: OrderId, what: &FulfilOrder) {
        let known = self.find(id).await.unwrap().unwrap();
        handed_over(self, &known, what).await;
    }

    async fn order(&self, id: OrderId) -> Order {
        self.find(id).await.unwrap().unwrap().order
    }

    async fn level(&self, location: &str, sku: &str) -> (i64, i64) {
        MemoryShop::level(self, location, sku)
    }
}

/// Hands over `what` of the order in `store` by hand.
pub async fn handed_over<S: OrderStore>(store: &S, known: &StoredOrder, what: &FulfilOrder) {
    let (id, request) = (
        fulfilment_id(&known.order, "f1"),
        Fingerprint::of(&"f").unwrap(),
    );
    let left = fulfil(
        store,
        StepRequest {
            order: known,
            fingerprint: &request,
            at: at(9),
            deadline: deadline(),
        },
        what,
        id,
    )
    .await;
    assert!(matches!(left, Ok(FulfilOutcome::Fulfilled(_))), "{left:?}");
}

/// A deadline no story reaches.
pub fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// Someone who may speak for every controller.
pub fn anybody() -> Caller {
    Caller {
        subject: "operations".to_owned(),
        role: Role::Admin,
        locations: Locations::All,
        controller: None,
    }
}

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

/// One warehouse under test.
struct Warehouse<'a, T, C, O> {
    tasks: &'a T,
    completions: &'a C,
    orders: &'a O,
}

impl<T: TaskStore + ControllerStore, C: CompletionStore, O: Orders> Warehouse<'_, T, C, O> {
    /// An order of two units of milk and one of bread at `name`, its zone called the same; the task of the milk.
    async fn planned(&self, name: &str) -> Task {
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

    async fn in_progress(&self, name: &str) -> Task {
        let planned = self.planned(name).await;
        let leased = planned
            .lease(&"controller-1".parse().unwrap(), at(1))
            .unwrap();
        assert!(self.tasks.replace(&planned, &leased).await.unwrap());
        self.counted(&leased, &report(1, ReportedState::Accepted))
            .await;
        self.counted(&leased, &report(2, ReportedState::InProgress))
            .await
    }

    async fn settle(&self, task: &Task, report: &Report) -> ReportOutcome {
        settle_report(
            self.tasks,
            self.completions,
            ReportRequest {
                task: task.task_id,
                caller: &anybody(),
                report,
                at: at(4),
                deadline: deadline(),
            },
        )
        .await
        .unwrap()
    }

    async fn counted(&self, task: &Task, report: &Report) -> Task {
        match self.settle(task, report).await {
            ReportOutcome::Applied(task) => *task,
            other => panic!("it did not count: {other:?}"),
        }
    }

    async fn stored(&self, task: &Task) -> Task {
        self.tasks.find(task.task_id).await.unwrap().unwrap()
    }

    async fn a_task_is_added_once_and_read_as_it_is(&self) {
        let task = self.planned("added").await;
        assert_eq!(self.stored(&task).await, task);
        let later = Task {
            created_at: at(5),
            ..task.clone()
        };
        self.tasks.add(&later).await.unwrap();
        assert_eq!(self.stored(&task).await, task);
        let nobody = stockline_domain::ids::TaskId::for_order_line(task.order_id, 99);
        assert_eq!(self.tasks.find(nobody).await.unwrap(), None);
    }

    async fn of_two_writers_the_second_is_told_and_the_first_may_write_the_same_again(&self) {
        let task = self.planned("two-writers").await;
        let one = task.lease(&"one".parse().unwrap(), at(1)).unwrap();
        let two = task.lease(&"two".parse().unwrap(), at(1)).unwrap();
        assert!(self.tasks.replace(&task, &one).await.unwrap());
        assert!(!self.tasks.replace(&task, &two).await.unwrap());
        assert!(self.tasks.replace(&task, &one).await.unwrap());
        assert_eq!(self.stored(&task).await, one);
    }

    async fn a_zone_tells_its_controllers_by_their_last_heartbeat_and_its_tasks(&self) {
        let (hub, zone) = ("told".parse().unwrap(), "zone-told".parse().unwrap());
        let beat = |name: &str, hub: &str, zone: &str, minute, free_capacity| Controller {
            controller_id: name.parse().unwrap(),
            location_id: hub.parse().unwrap(),
            zone_id: zone.parse().unwrap(),
            free_capacity,
            received_at: at(minute),
        };
        for heartbeat in [
            beat("told-1", "told", "zone-told", 2, 4),
            beat("told-1", "told", "zone-told", 1, 9),
            beat("told-2", "told", "elsewhere", 2, 1),
            beat("told-3", "another", "zone-told", 2, 1),
        ] {
            self.tasks.record_heartbeat(&heartbeat).await.unwrap();
        }
        let here = self.tasks.controllers(&hub, &zone).await.unwrap();
        assert_eq!(here, [beat("told-1", "told", "zone-told", 2, 4)]);

        let known = self.tasks.controller(&here[0].controller_id).await;
        assert_eq!(known.unwrap().as_ref(), Some(&here[0]));
        let nobody = "nobody".parse().unwrap();
        assert_eq!(self.tasks.controller(&nobody).await.unwrap(), None);

        let task = self.in_progress("holds").await;
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

    async fn a_completed_task_moves_its_stock_and_its_order_once_however_often_it_is_said(&self) {
        let task = self.in_progress("once").await;
        let done = report(3, ReportedState::Completed);
        let reports = join_all((0..8).map(|_| self.counted(&task, &done))).await;
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

    async fn of_many_reports_that_contradict_each_other_one_ends_the_task(&self) {
        let task = self.in_progress("contradict").await;
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
            other => panic!("it is {other:?}"),
        };
        assert_eq!(self.orders.level("contradict", "milk").await, moved);
    }

    async fn two_tasks_of_one_order_that_end_at_once_both_count(&self) {
        let milk = self.in_progress("both").await;
        let id = stockline_domain::ids::TaskId::for_order_line(milk.order_id, 2);
        let bread = self.tasks.find(id).await.unwrap().unwrap();
        let leased = bread
            .lease(&"controller-1".parse().unwrap(), at(1))
            .unwrap();
        assert!(self.tasks.replace(&bread, &leased).await.unwrap());
        self.counted(&bread, &report(1, ReportedState::InProgress))
            .await;
        let done = report(3, ReportedState::Completed);
        join_all([&milk, &bread].map(|task| self.counted(task, &done))).await;
        assert_eq!(
            self.orders.order(milk.order_id).await.status,
            OrderStatus::Fulfilled
        );
        assert_eq!(self.orders.level("both", "milk").await, (8, 0));
        assert_eq!(self.orders.level("both", "bread").await, (9, 0));
    }

    async fn a_task_of_a_canceled_order_ends_canceled_and_moves_no_stock(&self) {
        let task = self.in_progress("canceled").await;
        self.orders.cancel(task.order_id).await;
        let queues = MemoryQueues::default();
        for _ in 0..2 {
            cancel_tasks(
                self.tasks,
                &queues,
                (task.order_id, &[1, 2]),
                at(4),
                deadline(),
            )
            .await
            .unwrap();
        }
        let told = queues.take();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, "controller-1");
        assert_eq!(told[0].1["data"]["command"], "cancel");
        assert_eq!(self.stored(&task).await.state, TaskState::Canceling);
        let bread = stockline_domain::ids::TaskId::for_order_line(task.order_id, 2);
        let bread = self.tasks.find(bread).await.unwrap().unwrap();
        assert_eq!(bread.state, TaskState::Canceled);
        let ended = self
            .counted(&task, &report(3, ReportedState::Completed))
            .await;
        assert_eq!(ended.state, TaskState::Canceled);
        assert_eq!(self.orders.level("canceled", "milk").await, (10, 0));
    }

    async fn a_completion_that_comes_before_word_of_the_cancellation_moves_no_stock_either(&self) {
        let task = self.in_progress("raced").await;
        self.orders.cancel(task.order_id).await;
        let ended = self
            .counted(&task, &report(3, ReportedState::Completed))
            .await;
        assert_eq!(ended.state, TaskState::Canceled);
        assert_eq!(self.orders.level("raced", "milk").await, (10, 0));
    }

    async fn a_task_whose_line_was_handed_over_by_hand_drops_out_and_moves_no_stock(&self) {
        let task = self.in_progress("handed").await;
        self.orders
            .hand_over(task.order_id, &FulfilOrder::default())
            .await;
        let moved = self.orders.level("handed", "milk").await;
        assert_eq!(moved, (8, 0));
        let ended = self
            .counted(&task, &report(3, ReportedState::Completed))
            .await;
        assert_eq!(ended.state, TaskState::Canceled);
        assert_eq!(self.orders.level("handed", "milk").await, moved);
        assert_eq!(
            self.orders.order(task.order_id).await.status,
            OrderStatus::Fulfilled
        );
    }

    async fn what_is_left_of_a_line_of_which_a_part_was_handed_over_by_hand_leaves_with_its_task(
        &self,
    ) {
        let task = self.in_progress("shared-out").await;
        let one = FulfilOrder {
            lines: Some(vec![FulfilLine {
                line: task.line,
                quantity: 1,
            }]),
            occurred_at: None,
        };
        self.orders.hand_over(task.order_id, &one).await;
        assert_eq!(self.orders.level("shared-out", "milk").await, (9, 1));
        let done = report(3, ReportedState::Completed);
        for _ in 0..2 {
            let ended = self.counted(&task, &done).await;
            assert_eq!(ended.state, TaskState::Completed);
            assert_eq!(self.orders.level("shared-out", "milk").await, (8, 0));
        }
        let order = self.orders.order(task.order_id).await;
        assert_eq!(order.lines[0].fulfilled_quantity, 2);
    }

    async fn a_level_that_holds_less_than_was_fetched_refuses_the_report_and_all_stays_as_it_was(
        &self,
    ) {
        let task = self.in_progress("lacking").await;
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

    async fn a_controller_reports_on_no_task_of_another_or_of_another_warehouse(&self) {
        let task = self.in_progress("foreign").await;
        let done = report(3, ReportedState::Completed);
        let controller = |name: &str, location: &str| Caller {
            subject: name.to_owned(),
            role: Role::Controller,
            locations: Locations::Only([location.parse().unwrap()].into()),
            controller: Some(name.parse().unwrap()),
        };
        for stranger in [
            controller("controller-2", "foreign"),
            controller("controller-1", "another-warehouse"),
        ] {
            let reported = settle_report(
                self.tasks,
                self.completions,
                ReportRequest {
                    task: task.task_id,
                    caller: &stranger,
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

/// Runs every story.
pub async fn all<T, C, O>(tasks: &T, completions: &C, orders: &O)
where
    T: TaskStore + ControllerStore,
    C: CompletionStore,
    O: Orders,
{
    let warehouse = Warehouse {
        tasks,
        completions,
        orders,
    };
    warehouse.a_task_is_added_once_and_read_as_it_is().await;
    warehouse
        .of_two_writers_the_second_is_told_and_the_first_may_write_the_same_again()
        .await;
    warehouse
        .a_zone_tells_its_controllers_by_their_last_heartbeat_and_its_tasks()
        .await;
    warehouse
        .a_completed_task_moves_its_stock_and_its_order_once_however_often_it_is_said()
        .await;
    warehouse
        .of_many_reports_that_contradict_each_other_one_ends_the_task()
        .await;
    warehouse
        .two_tasks_of_one_order_that_end_at_once_both_count()
        .await;
    warehouse
        .a_task_of_a_canceled_order_ends_canceled_and_moves_no_stock()
        .await;
    warehouse
        .a_completion_that_comes_before_word_of_the_cancellation_moves_no_stock_either()
        .await;
    warehouse
        .a_task_whose_line_was_handed_over_by_hand_drops_out_and_moves_no_stock()
        .await;
    warehouse
        .what_is_left_of_a_line_of_which_a_part_was_handed_over_by_hand_leaves_with_its_task()
        .await;
    warehouse
        .a_level_that_holds_less_than_was_fetched_refuses_the_report_and_all_stays_as_it_was()
        .await;
    warehouse
        .a_controller_reports_on_no_task_of_another_or_of_another_warehouse()
        .await;
}

#[cfg(test)]
mod tests {
    use crate::memory::shop::MemoryShop;
    use crate::memory::tasks::MemoryTasks;

    #[tokio::test]
    async fn tasks_in_memory_conform() {
        let shop = MemoryShop::default();
        let tasks = MemoryTasks::over(shop.clone());
        super::all(&tasks, &tasks, &shop).await;
    }
}
