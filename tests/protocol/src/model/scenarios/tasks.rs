//! Warehouse tasks and their orders.

use stockline_domain::catalog::Zone;
use stockline_domain::ids::TaskId;
use stockline_domain::task::{Report, Task, TaskState};

use super::requests::{cancel, level, order, order_id, place};
use super::sights::sight;
use super::{Patience, Story, WAREHOUSE};
use crate::model::requests::{Answer, NOW, Request, Step};
use crate::model::tables::Tables;

/// Two controllers report a task as completed; one of them has lost its lease.
pub fn a_task() -> Story {
    let (tables, task) = fetched();
    Story {
        title: "a task with two leases, completed",
        tables,
        requests: vec![
            says(task, 2, 1, "in_progress"),
            says(task, 2, 2, "completed"),
            says(task, 1, 2, "completed"),
        ],
        tries: vec![1, 2, 1],
        patience: Patience::ShorterThanAnInvocation,
        sights: vec![
            sight("the task is completed", |_, state| {
                state
                    .tables
                    .tasks()
                    .all(|task| task.state == TaskState::Completed)
            }),
            sight("two completions are under way at once", |_, state| {
                let steps = state.invocations.iter().map(|i| &i.step);
                steps
                    .filter(|step| matches!(step, Step::TaskAndOrder(..)))
                    .count()
                    == 2
            }),
            sight("an earlier report comes after a later one", |_, state| {
                state.callers[0].told == Some(Answer::Refused)
            }),
            sight("the first lease is fenced off", |_, state| {
                state.callers[2].told == Some(Answer::Refused)
            }),
        ],
    }
}

/// An order is canceled while a controller works on its task.
pub fn a_task_called_off() -> Story {
    let (mut tables, task) = fetched();
    let begins = says(task, 2, 1, "in_progress");
    for step in [Step::Begun, Step::Task(tables.task(task).unwrap().clone())] {
        begins.run(&step, 0, &mut tables, None);
    }
    Story {
        title: "a task whose order is canceled",
        tables,
        requests: vec![
            says(task, 2, 2, "completed"),
            cancel("ana"),
            Request::Withdraw(task),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "the task is completed, and the order canceled too late",
                |_, state| {
                    state
                        .tables
                        .tasks()
                        .all(|task| task.state == TaskState::Completed)
                        && state.callers[1].told == Some(Answer::Refused)
                },
            ),
            sight("the goods come back, their order canceled", |_, state| {
                state.callers[0].told == Some(Answer::Counted)
                    && state
                        .tables
                        .tasks()
                        .all(|task| task.state == TaskState::Canceled)
            }),
            sight(
                "the order is canceled between reading and completing",
                |_, state| {
                    let order = state.tables.order(order_id("ana"));
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.step, Step::TaskAndOrder(_, read) if Some(read) != order)
                })
                },
            ),
        ],
    }
}

/// A warehouse with one unit allocated to each of two orders. The task of the first order was leased to a controller
/// that never reported, and then to another.
fn fetched() -> (Tables, TaskId) {
    let orders = ["ana", "ben"].map(|buyer| order(WAREHOUSE, "online", buyer, &[("milk", 1)]));
    let mut tables = Tables::stocked(vec![level(WAREHOUSE, "milk", 2)]);
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
        .taken_back(None, now)
        .unwrap()
        .lease(&second.parse().unwrap(), now)
        .unwrap();
    let id = task.task_id;
    tables.plan(task);
    (tables, id)
}

fn says(task: TaskId, lease_id: u64, report_seq: u64, state: &str) -> Request {
    let report: Report = serde_json::from_str(&format!(
        r#"{{"lease_id":{lease_id},"report_seq":{report_seq},"state":"{state}","occurred_at":"{NOW}"}}"#
    ))
    .unwrap();
    Request::Report { task, report }
}
