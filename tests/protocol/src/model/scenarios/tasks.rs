//! Warehouse tasks and their orders.

use stockline_domain::catalog::Zone;
use stockline_domain::ids::TaskId;
use stockline_domain::task::{Report, Task, TaskState};

use super::coverage::reachable;
use super::fixtures::{cancel, level, order, order_id, place};
use super::{CallerTimeout, Scenario, WAREHOUSE};
use crate::model::requests::{NOW, Progress, Request, Response};
use crate::model::tables::Tables;

/// Two controllers report a task as completed; one of them has lost its lease.
pub fn two_leases() -> Scenario {
    let (tables, task) = task_with_second_lease();
    Scenario {
        name: "a task with two leases, completed",
        tables,
        requests: vec![
            report(task, 2, 1, "in_progress"),
            report(task, 2, 2, "completed"),
            report(task, 1, 2, "completed"),
        ],
        attempts: vec![1, 2, 1],
        caller_timeout: CallerTimeout::ShorterThanInvocation,
        expected_states: vec![
            reachable("the task is completed", |_, state| {
                state
                    .tables
                    .tasks()
                    .all(|task| task.state == TaskState::Completed)
            }),
            reachable("two completions run concurrently", |_, state| {
                let steps = state.invocations.iter().map(|i| &i.progress);
                steps
                    .filter(|step| matches!(step, Progress::TaskAndOrderRead(..)))
                    .count()
                    == 2
            }),
            reachable(
                "an earlier report is rejected after a later one",
                |_, state| state.callers[0].response == Some(Response::Rejected),
            ),
            reachable("a report under the first lease is rejected", |_, state| {
                state.callers[2].response == Some(Response::Rejected)
            }),
        ],
    }
}

/// An order is canceled while a controller works on its task.
pub fn order_canceled() -> Scenario {
    let (mut tables, task) = task_with_second_lease();
    let start_report = report(task, 2, 1, "in_progress");
    for progress in [
        Progress::Started,
        Progress::TaskRead(tables.task(task).unwrap().clone()),
    ] {
        start_report.run(&progress, 0, &mut tables, None);
    }
    Scenario {
        name: "a task whose order is canceled",
        tables,
        requests: vec![
            report(task, 2, 2, "completed"),
            cancel("ana"),
            Request::CancelTask(task),
        ],
        attempts: vec![2, 2, 2],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "the task is completed, and the cancellation is rejected",
                |_, state| {
                    state
                        .tables
                        .tasks()
                        .all(|task| task.state == TaskState::Completed)
                        && state.callers[1].response == Some(Response::Rejected)
                },
            ),
            reachable(
                "the completion of a canceled order returns the units",
                |_, state| {
                    state.callers[0].response == Some(Response::Processed)
                        && state
                            .tables
                            .tasks()
                            .all(|task| task.state == TaskState::Canceled)
                },
            ),
            reachable(
                "the order is canceled between the completion's read and write",
                |_, state| {
                    let order = state.tables.order(order_id("ana"));
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.progress, Progress::TaskAndOrderRead(_, read) if Some(read) != order)
                })
                },
            ),
        ],
    }
}

/// A warehouse with one unit allocated to each of two orders. The task of the first order was leased to a controller
/// that never reported, and then to another.
fn task_with_second_lease() -> (Tables, TaskId) {
    let orders = ["ana", "ben"].map(|buyer| order(WAREHOUSE, "online", buyer, &[("milk", 1)]));
    let mut tables = Tables::with_levels(vec![level(WAREHOUSE, "milk", 2)]);
    for order in &orders {
        place(&mut tables, order.clone(), 0);
        tables.deliver(0, None, true);
    }
    let zone = Zone {
        zone_id: "zone-1".parse().unwrap(),
        aisles: 1,
    };
    let (first, second) = ("controller-1", "controller-2");
    let (then, now) = (
        "2026-03-01T11:00:00Z".parse().unwrap(),
        NOW.parse().unwrap(),
    );
    let task = Task::plan(&orders[0], &[zone], then)
        .remove(0)
        .lease(&first.parse().unwrap(), then)
        .unwrap()
        .reclaimed(false, now)
        .unwrap()
        .lease(&second.parse().unwrap(), now)
        .unwrap();
    let id = task.task_id;
    tables.insert_task(task);
    (tables, id)
}

fn report(task: TaskId, lease_id: u64, report_seq: u64, state: &str) -> Request {
    let report: Report = serde_json::from_str(&format!(
        r#"{{"lease_id":{lease_id},"report_seq":{report_seq},"state":"{state}","occurred_at":"{NOW}"}}"#
    ))
    .unwrap();
    Request::ReportTask { task, report }
}
