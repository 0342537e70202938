//! A controller's report: reads task and order, lets the domain decide, and on completion writes task, order and
//! level in one transaction.

use jiff::Timestamp;
use stockline_domain::ids::TaskId;
use stockline_domain::level::LevelKey;
use stockline_domain::order::NotFulfillable;
use stockline_domain::split_level::Part;
use stockline_domain::task::{Report, Step as Reported, Task};

use super::{Answer, NOW, Next, Step};
use crate::model::faults::Fault;
use crate::model::tables::{StoredOrder, Tables, Write};

pub fn run(
    id: TaskId,
    report: &Report,
    step: &Step,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> Next {
    let now: Timestamp = NOW.parse().unwrap();
    let (task, order) = match step {
        Step::Task(task) => (task, None),
        Step::TaskAndOrder(task, order) => (task, Some(order)),
        _ => return read(id, tables),
    };
    match (task.report(report, now), order) {
        (Err(_), _) => Next::Answer(Answer::Refused),
        (Ok(Reported::Known), _) => Next::Answer(Answer::Counted),
        (Ok(Reported::Moves(after)), _) => replace(tables, *after),
        (Ok(Reported::Completes { .. }), None) => match tables.order(task.order_id) {
            Some(order) => Next::Step(Step::TaskAndOrder(task.clone(), order.clone())),
            None => Next::Answer(Answer::Failed),
        },
        (Ok(Reported::Completes { done, dropped }), Some(before)) => {
            match task.fulfil(&before.order) {
                Ok((order, quantity)) => {
                    let next = StoredOrder {
                        order,
                        revision: before.revision + 1,
                        ..StoredOrder::clone(before)
                    };
                    complete(tables, *done, quantity, next, report, fault)
                }
                Err(NotFulfillable::NoSuchLine) => Next::Answer(Answer::Failed),
                // The line is canceled or already fulfilled. If another report of this task fulfilled it, the task
                // has a new version and this write fails.
                Err(_) => replace(tables, *dropped),
            }
        }
    }
}

/// The task planner processes the cancellation of the order.
pub fn withdraw(id: TaskId, step: &Step, tables: &mut Tables) -> Next {
    let Step::Task(task) = step else {
        return read(id, tables);
    };
    match task.order_canceled() {
        Some(after) => replace(tables, after),
        None => Next::Answer(Answer::Counted),
    }
}

fn read(id: TaskId, tables: &Tables) -> Next {
    match tables.task(id) {
        Some(task) => Next::Step(Step::Task(task.clone())),
        None => Next::Answer(Answer::Unknown),
    }
}

fn replace(tables: &mut Tables, after: Task) -> Next {
    match tables.transact(&[Write::Task(after)]) {
        Ok(()) => Next::Answer(Answer::Counted),
        Err(_) => Next::Step(Step::Begun),
    }
}

fn complete(
    tables: &mut Tables,
    done: Task,
    quantity: i64,
    order: StoredOrder,
    report: &Report,
    fault: Option<Fault>,
) -> Next {
    let key = LevelKey {
        location_id: done.location_id.clone(),
        sku: done.sku.clone(),
    };
    let change = done.movement(quantity, report.occurred_at, NOW.parse().unwrap());
    let mut writes = vec![
        Write::Task(done),
        Write::Order(order),
        Write::Change(key, Part::whole(&change, 0)),
    ];
    if fault == Some(Fault::CompleteTwice) {
        let level = writes.pop();
        writes = writes
            .into_iter()
            .map(|write| Write::Unguarded(Box::new(write)))
            .chain(level)
            .collect();
    }
    match tables
        .transact(&writes)
        .map_err(|failed| failed[..2].contains(&true))
    {
        Ok(()) => Next::Answer(Answer::Counted),
        Err(true) => Next::Step(Step::Begun),
        Err(false) => Next::Answer(Answer::Refused),
    }
}
