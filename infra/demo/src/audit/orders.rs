//! Invariant 3: one idempotency key has one effect.

use std::collections::{BTreeMap, BTreeSet};

use super::super::plan::PlannedOrder;
use super::super::trading::Traded;
use super::rows::{MovementRow, OrderRow, Snapshot};
use super::{Finding, history};

/// Each key that was answered with an order has that one order and its movements once; each that was not has none.
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
    let mut taken: BTreeMap<&str, Vec<&MovementRow>> = BTreeMap::new();
    for movement in snapshot
        .movements
        .iter()
        .filter(|movement| matches!(movement.kind.as_str(), "sale" | "allocation"))
    {
        taken.entry(&movement.reference).or_default().push(movement);
    }
    for order in sent {
        let rows = stored.remove(order.key.as_str()).unwrap_or_default();
        match traded.placed.get(&order.key) {
            Some(id) => {
                let movements = taken.remove(id.as_str()).unwrap_or_default();
                let one = rows.len() == 1 && rows[0].order_id == *id && rows[0].total == order.net;
                finding.check(one && takes(order, &movements), || {
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
                format!("basket {} was refused and yet there is an order", order.key)
            }),
        }
    }
    for (reference, rows) in stored {
        finding.check(false, || {
            format!("{} orders of `{reference}`, which nobody sent", rows.len())
        });
    }
    for (reference, movements) in taken {
        finding.check(false, || {
            format!(
                "{} movements for order {reference}, which is not there",
                movements.len()
            )
        });
    }
    for key in &traded.disagreements {
        finding.check(false, || {
            format!("basket {key} was sent twice and the answers differ")
        });
    }
    history::told_alike(snapshot, &mut finding);
    let mut ids = BTreeSet::new();
    for movement in &snapshot.movements {
        finding.check(ids.insert(&movement.movement_id), || {
            format!("two movements have the id {}", movement.movement_id)
        });
    }
    finding
}

/// Whether the movements take each SKU of the order once, and as much as it says.
fn takes(order: &PlannedOrder, movements: &[&MovementRow]) -> bool {
    let mut open = order.quantities.clone();
    for movement in movements {
        let quantity = match movement.kind.as_str() {
            "sale" => -movement.on_hand_delta,
            _ => movement.allocated_delta,
        };
        if movement.location_id != order.location_id || open.remove(&movement.sku) != Some(quantity)
        {
            return false;
        }
    }
    open.is_empty()
}
