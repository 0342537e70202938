//! Invariant 3 for changes after an order is placed: its lines, refunds and movements agree.

use std::collections::BTreeMap;

use super::Finding;
use super::rows::Snapshot;

/// Quantity by order, location and SKU.
type Quantities<'a> = BTreeMap<(&'a str, &'a str, &'a str), i64>;

/// Checks that canceled and returned quantities agree in order lines, refunds and movements.
pub fn check_changes(snapshot: &Snapshot, finding: &mut Finding) {
    // Comparing two empty sums would count as a passed check.
    if snapshot.orders.is_empty() && snapshot.movements.is_empty() {
        return;
    }
    let mut refunded_by_line: BTreeMap<(&str, i64), (i64, i64)> = BTreeMap::new();
    let mut expected: BTreeMap<&str, Quantities> = BTreeMap::new();
    let returns = expected.entry("return").or_default();
    for refund in &snapshot.refunds {
        let sum: i64 = refund.lines.iter().map(|line| line.amount).sum();
        finding.check(sum == refund.total, || {
            format!(
                "a refund of order {}: the sum of its lines is {sum}, its total is {}",
                refund.order_id, refund.total
            )
        });
        for line in &refund.lines {
            let refunded = refunded_by_line
                .entry((&refund.order_id, line.line))
                .or_default();
            refunded.0 += line.quantity;
            refunded.1 += line.amount;
            if line.restock {
                let key = (
                    refund.order_id.as_str(),
                    refund.location_id.as_str(),
                    line.sku.as_str(),
                );
                *returns.entry(key).or_default() += line.quantity;
            }
        }
    }
    let releases = expected.entry("release").or_default();
    for order in &snapshot.orders {
        for (number, line) in (1_i64..).zip(&order.lines) {
            if line.canceled > 0 {
                let key = (
                    order.order_id.as_str(),
                    order.location_id.as_str(),
                    line.sku.as_str(),
                );
                *releases.entry(key).or_default() += line.canceled;
            }
            let refunded = refunded_by_line
                .remove(&(order.order_id.as_str(), number))
                .unwrap_or_default();
            let expected = (
                line.returned,
                line.share(order.total_of(line), line.returned),
            );
            finding.check(refunded == expected, || {
                format!(
                    "line {number} of order {}: refunds of {} for {} units; the line requires {} for {} units",
                    order.order_id, refunded.1, refunded.0, expected.1, expected.0
                )
            });
        }
    }
    for ((order, line), _) in refunded_by_line {
        finding.check(false, || {
            format!("a refund of line {line} of order {order}, which does not exist")
        });
    }
    for (kind, expected) in expected {
        let mut moved: Quantities = BTreeMap::new();
        for movement in snapshot.movements.iter().filter(|one| one.kind == kind) {
            let key = (
                movement.reference.as_str(),
                movement.location_id.as_str(),
                movement.sku.as_str(),
            );
            *moved.entry(key).or_default() += movement.deltas.on_hand - movement.deltas.allocated;
        }
        finding.check(moved == expected, || {
            let wrong: Vec<_> = moved
                .iter()
                .filter(|(key, quantity)| expected.get(*key) != Some(quantity))
                .chain(expected.iter().filter(|(key, _)| !moved.contains_key(*key)))
                .take(3)
                .collect();
            format!(
                "movements of kind {kind} that differ from the orders, or are missing: {wrong:?}"
            )
        });
    }
}
