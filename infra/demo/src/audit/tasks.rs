//! Invariant 4: a task completes at most once and moves stock exactly once.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::rows::{OrderRow, Snapshot, TaskRow};

/// Quantities by order and SKU.
type Quantities<'a> = BTreeMap<(&'a str, &'a str), Vec<i64>>;

/// Checks that the movements and lines of each order equal its completed tasks and its fulfilments by hand.
pub fn complete_once(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "tasks_complete_once",
        "a task completes at most once and moves stock exactly once",
    );
    let mut fulfilled: Quantities = BTreeMap::new();
    let mut tasks_by_line: BTreeMap<(&str, i64), Vec<&TaskRow>> = BTreeMap::new();
    for task in &snapshot.tasks {
        tasks_by_line
            .entry((&task.order_id, task.line))
            .or_default()
            .push(task);
        if task.state == "completed" {
            fulfilled
                .entry((&task.order_id, &task.sku))
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
            fulfilled
                .entry((&fulfilment.order_id, sku))
                .or_default()
                .push(quantity);
        }
    }
    compare_with_movements(snapshot, fulfilled, &mut finding);
    for order in snapshot
        .orders
        .iter()
        .filter(|order| order.channel != "pos")
    {
        for (number, line) in (1_i64..).zip(&order.lines) {
            let line_tasks = tasks_by_line
                .remove(&(order.order_id.as_str(), number))
                .unwrap_or_default();
            let completed: i64 = line_tasks
                .iter()
                .filter(|task| task.state == "completed")
                .map(|task| task.quantity)
                .sum();
            let is_one_task = line_tasks.len() <= 1
                && line_tasks
                    .iter()
                    .all(|task| is_for_line(task, order, &line.sku, line.quantity));
            let fulfilled_by_hand = by_hand
                .remove(&(order.order_id.as_str(), number))
                .unwrap_or_default();
            finding.check(is_one_task && completed + fulfilled_by_hand == line.fulfilled, || {
                format!(
                    "line {number} of order {}: {} tasks completed {completed}, {fulfilled_by_hand} fulfilled by hand, the line has {}",
                    order.order_id,
                    line_tasks.len(),
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
    for ((order, line), tasks) in tasks_by_line {
        finding.check(false, || {
            format!(
                "{} tasks for line {line} of order {order}, which does not exist",
                tasks.len()
            )
        });
    }
    finding
}

/// Checks that the fulfilment movements of each order equal the quantities in `fulfilled`.
fn compare_with_movements<'a>(
    snapshot: &'a Snapshot,
    mut fulfilled: Quantities<'a>,
    finding: &mut Finding,
) {
    let mut moved_by_order: Quantities = BTreeMap::new();
    for movement in snapshot
        .movements
        .iter()
        .filter(|movement| movement.kind == "fulfilment")
    {
        finding.check(movement.deltas.on_hand == movement.deltas.allocated, || {
            format!(
                "movement {} takes {} from on hand and {} from allocated",
                movement.movement_id, movement.deltas.on_hand, movement.deltas.allocated
            )
        });
        moved_by_order
            .entry((&movement.reference, &movement.sku))
            .or_default()
            .push(-movement.deltas.on_hand);
    }
    let orders: BTreeSet<(&str, &str)> = fulfilled
        .keys()
        .chain(moved_by_order.keys())
        .copied()
        .collect();
    for id in orders {
        let mut completed = fulfilled.remove(&id).unwrap_or_default();
        let mut moved = moved_by_order.remove(&id).unwrap_or_default();
        completed.sort_unstable();
        moved.sort_unstable();
        finding.check(completed == moved, || {
            format!(
                "{} of order {}: fulfilled {completed:?}, stock moved {moved:?}",
                id.1, id.0
            )
        });
    }
}

fn is_for_line(task: &TaskRow, order: &OrderRow, sku: &str, quantity: i64) -> bool {
    task.location_id == order.location_id && task.sku == sku && task.quantity == quantity
}

/// The number of order lines for delivery or collection that are not fulfilled yet.
pub fn count_open_lines(snapshot: &Snapshot) -> usize {
    let orders = snapshot
        .orders
        .iter()
        .filter(|order| order.channel != "pos" && order.status != "canceled");
    orders
        .flat_map(|order| &order.lines)
        .filter(|line| line.fulfilled + line.canceled < line.quantity)
        .count()
}
