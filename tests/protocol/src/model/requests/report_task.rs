//! A controller's report: reads task and order, lets the domain decide, and on completion writes task, order and
//! level in one transaction.

use jiff::Timestamp;
use stockline_domain::ids::TaskId;
use stockline_domain::level::{LevelDelta, LevelKey};
use stockline_domain::order::NotFulfillable;
use stockline_domain::split_level::BucketDelta;
use stockline_domain::task::{Report, ReportEffect, Task};

use super::{NOW, NextStep, Progress, Response};
use crate::model::faults::Fault;
use crate::model::tables::{StoredOrder, Tables, TransactItem};

pub fn run(
    id: TaskId,
    report: &Report,
    progress: &Progress,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> NextStep {
    let now: Timestamp = NOW.parse().unwrap();
    let (task, order) = match progress {
        Progress::TaskRead(task) => (task, None),
        Progress::TaskAndOrderRead(task, order) => (task, Some(order)),
        _ => return read(id, tables),
    };
    match (task.report(report, now), order) {
        (Err(_), _) => NextStep::Respond(Response::Rejected),
        (Ok(ReportEffect::NoChange), _) => NextStep::Respond(Response::Processed),
        (Ok(ReportEffect::Update(after)), _) => replace(tables, *after),
        (Ok(ReportEffect::Complete { .. }), None) => match tables.order(task.order_id) {
            Some(order) => {
                NextStep::Continue(Progress::TaskAndOrderRead(task.clone(), order.clone()))
            }
            None => NextStep::Respond(Response::ServerError),
        },
        (
            Ok(ReportEffect::Complete {
                completed: done,
                canceled: dropped,
            }),
            Some(before),
        ) => {
            match task.fulfil(&before.order) {
                Ok((order, quantity)) => {
                    let next = StoredOrder {
                        order,
                        revision: before.revision + 1,
                        ..StoredOrder::clone(before)
                    };
                    let movement = done.movement(quantity, report.occurred_at, now);
                    complete(tables, *done, &movement, next, fault)
                }
                Err(NotFulfillable::NoSuchLine) => NextStep::Respond(Response::ServerError),
                // The line is canceled or already fulfilled. If another report of this task fulfilled it, the task
                // has a new version and this write fails.
                Err(_) => replace(tables, *dropped),
            }
        }
    }
}

/// The task planner processes the cancellation of the order.
pub fn cancel(id: TaskId, progress: &Progress, tables: &mut Tables) -> NextStep {
    let Progress::TaskRead(task) = progress else {
        return read(id, tables);
    };
    match task.cancel_with_order() {
        Some(after) => replace(tables, after),
        None => NextStep::Respond(Response::Processed),
    }
}

fn read(id: TaskId, tables: &Tables) -> NextStep {
    match tables.task(id) {
        Some(task) => NextStep::Continue(Progress::TaskRead(task.clone())),
        None => NextStep::Respond(Response::NotFound),
    }
}

fn replace(tables: &mut Tables, after: Task) -> NextStep {
    match tables.transact(&[TransactItem::UpdateTask(after)]) {
        Ok(()) => NextStep::Respond(Response::Processed),
        Err(_) => NextStep::Continue(Progress::Started),
    }
}

fn complete(
    tables: &mut Tables,
    done: Task,
    change: &LevelDelta,
    order: StoredOrder,
    fault: Option<Fault>,
) -> NextStep {
    let key = LevelKey {
        location_id: done.location_id.clone(),
        sku: done.sku.clone(),
    };
    let mut writes = vec![
        TransactItem::UpdateTask(done),
        TransactItem::UpdateOrder(order),
        TransactItem::AddDeltas(key, BucketDelta::whole(change, 0)),
    ];
    if fault == Some(Fault::CompleteWithoutConditions) {
        let level = writes.pop();
        writes = writes
            .into_iter()
            .map(|write| TransactItem::Unconditional(Box::new(write)))
            .chain(level)
            .collect();
    }
    match tables
        .transact(&writes)
        .map_err(|failed| failed[..2].contains(&true))
    {
        Ok(()) => NextStep::Respond(Response::Processed),
        Err(true) => NextStep::Continue(Progress::Started),
        Err(false) => NextStep::Respond(Response::Rejected),
    }
}
