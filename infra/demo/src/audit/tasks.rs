//! Invariant 4: a task completes at most once and moves stock exactly once.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::rows::{OrderRow, Snapshot, TaskRow};

type Moved<'a> = BTreeMap<(&'a str, &'a str), Vec<i64>>;

/// For each order, what left is what its completed tasks fetched and what left by hand, and so say its lines.
pub fn completed_once(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "tasks_complete_once",
        "a task completes at most once and moves stock exactly once",
    );
    let mut done: Moved = BTreeMap::new();
    let mut lines: BTreeMap<(&str, i64), Vec<&TaskRow>> = BTreeMap::new();
    for task in &snapshot.tasks {
        lines
            .entry((&task.order_id, task.line))
            .or_default()
            .push(task);
        if task.state == "completed" {
            done.entry((&task.order_id, &task.sku))
                .or_default()
                .push(task.quantity);
        }
    }
    let mut by_hand: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    for fulfilment in &snapshot.fulfilments {
        let mut moved: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &fulfilment.lines {
            *moved.entry(&line.sku).or_default() += line.quantity;
            *by_hand
                .entry((&fulfilment.order_id, line.line))
                .or_default() += line.quantity;
        }
        for (sku, quantity) in moved {
            done.entry((&fulfilment.order_id, sku))
                .or_default()
                .push(quantity);
        }
    }
    compare_with_movements(snapshot, done, &mut finding);
    for order in snapshot
        .orders
        .iter()
        .filter(|order| order.channel != "pos")
    {
        for (number, line) in (1_i64..).zip(&order.lines) {
            let own = lines
                .remove(&(order.order_id.as_str(), number))
                .unwrap_or_default();
            let completed: i64 = own
                .iter()
                .filter(|task| task.state == "completed")
                .map(|task| task.quantity)
                .sum();
            let one = own.len() <= 1
                && own
                    .iter()
                    .all(|task| is_of(task, order, &line.sku, line.quantity));
            let handed_over = by_hand
                .remove(&(order.order_id.as_str(), number))
                .unwrap_or_default();
            finding.check(one && completed + handed_over == line.fulfilled, || {
                format!(
                    "line {number} of order {}: {} tasks fetched {completed}, {handed_over} left by hand, the line says {}",
                    order.order_id,
                    own.len(),
                    line.fulfilled
                )
            });
        }
    }
    let mut ids = BTreeSet::new();
    for task in &snapshot.tasks {
        finding.check(ids.insert(&task.task_id), || {
            format!("two tasks have the id {}", task.task_id)
        });
    }
    for ((order, line), tasks) in lines {
        finding.check(false, || {
            format!(
                "{} tasks for line {line} of order {order}, which is not there",
                tasks.len()
            )
        });
    }
    finding
}

/// What was fetched or handed over of each order, `done`, is what its movements say has left.
fn compare_with_movements<'a>(snapshot: &'a Snapshot, mut done: Moved<'a>, finding: &mut Finding) {
    let mut left: Moved = BTreeMap::new();
    for movement in snapshot
        .movements
        .iter()
        .filter(|movement| movement.kind == "fulfilment")
    {
        finding.check(movement.on_hand_delta == movement.allocated_delta, || {
            format!(
                "movement {} takes {} from on hand and {} from allocated",
                movement.movement_id, movement.on_hand_delta, movement.allocated_delta
            )
        });
        left.entry((&movement.reference, &movement.sku))
            .or_default()
            .push(-movement.on_hand_delta);
    }
    let orders: BTreeSet<(&str, &str)> = done.keys().chain(left.keys()).copied().collect();
    for id in orders {
        let mut completed = done.remove(&id).unwrap_or_default();
        let mut moved = left.remove(&id).unwrap_or_default();
        completed.sort_unstable();
        moved.sort_unstable();
        finding.check(completed == moved, || {
            format!(
                "{} of order {}: {completed:?} was fetched or handed over, stock moved {moved:?}",
                id.1, id.0
            )
        });
    }
}

fn is_of(task: &TaskRow, order: &OrderRow, sku: &str, quantity: i64) -> bool {
    task.location_id == order.location_id && task.sku == sku && task.quantity == quantity
}

/// How many lines of orders for delivery have not left yet.
pub fn open_lines(snapshot: &Snapshot) -> usize {
    let orders = snapshot
        .orders
        .iter()
        .filter(|order| order.channel != "pos" && order.status != "canceled");
    orders
        .flat_map(|order| &order.lines)
        .filter(|line| line.fulfilled + line.canceled < line.quantity)
        .count()
}
