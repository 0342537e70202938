//! Invariant 3: one idempotency key has one effect.

use std::collections::{BTreeMap, BTreeSet};

use super::super::plan::PlannedOrder;
use super::super::trading::Traded;
use super::rows::{MovementRow, OrderRow, Snapshot};
use super::{Finding, history};

/// Checks that each key with a placed order has exactly this order and one set of movements, and each other key has none.
pub fn one_key_one_effect(snapshot: &Snapshot, sent: &[PlannedOrder], traded: &Traded) -> Finding {
    let mut finding = Finding::new(
        "one_key_one_effect",
        "one idempotency key has one effect, however often it is sent",
    );
    let mut stored: BTreeMap<&str, Vec<&OrderRow>> = BTreeMap::new();
    for order in &snapshot.orders {
        stored
            .entry(&order.external_reference)
            .or_default()
            .push(order);
    }
    let mut taken_by_order: BTreeMap<&str, Vec<&MovementRow>> = BTreeMap::new();
    for movement in snapshot
        .movements
        .iter()
        .filter(|movement| matches!(movement.kind.as_str(), "sale" | "allocation"))
    {
        taken_by_order
            .entry(&movement.reference)
            .or_default()
            .push(movement);
    }
    for order in sent {
        let rows = stored.remove(order.key.as_str()).unwrap_or_default();
        match traded.placed.get(&order.key) {
            Some(id) => {
                let movements = taken_by_order.remove(id.as_str()).unwrap_or_default();
                let is_one_order =
                    rows.len() == 1 && rows[0].order_id == *id && rows[0].total == order.net;
                finding.check(is_one_order && takes_stock_once(order, &movements), || {
                    format!(
                        "basket {}: {} orders, {} movements for {} SKUs",
                        order.key,
                        rows.len(),
                        movements.len(),
                        order.quantities.len()
                    )
                });
            }
            None => finding.check(rows.is_empty(), || {
                format!("basket {} was rejected, but there is an order", order.key)
            }),
        }
    }
    for (reference, rows) in stored {
        finding.check(false, || {
            format!("{} orders of `{reference}`, which was not sent", rows.len())
        });
    }
    for (reference, movements) in taken_by_order {
        finding.check(false, || {
            format!(
                "{} movements for order {reference}, which does not exist",
                movements.len()
            )
        });
    }
    for key in &traded.contradictions {
        finding.check(false, || {
            format!("basket {key} was sent twice, and the responses contradict each other")
        });
    }
    history::check_changes(snapshot, &mut finding);
    let mut ids = BTreeSet::new();
    for movement in &snapshot.movements {
        finding.check(ids.insert(&movement.movement_id), || {
            format!("two movements have the id {}", movement.movement_id)
        });
    }
    finding
}

/// Whether the movements take each SKU of the order once, with the quantity of the order.
fn takes_stock_once(order: &PlannedOrder, movements: &[&MovementRow]) -> bool {
    let mut remaining = order.quantities.clone();
    for movement in movements {
        let quantity = match movement.kind.as_str() {
            "sale" => -movement.deltas.on_hand,
            _ => movement.deltas.allocated,
        };
        if movement.location_id != order.location_id
            || remaining.remove(&movement.sku) != Some(quantity)
        {
            return false;
        }
    }
    remaining.is_empty()
}
