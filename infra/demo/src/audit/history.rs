//! Invariant 3 for what was done to an order after it was placed: lines, refunds and movements tell the same.

use std::collections::BTreeMap;

use super::Finding;
use super::rows::Snapshot;

type Moved<'a> = BTreeMap<(&'a str, &'a str, &'a str), i64>;

/// Each line gave up, and got back, as much as the levels did and as its refunds paid for.
pub fn told_alike(snapshot: &Snapshot, finding: &mut Finding) {
    // That two empty sums are alike proves nothing.
    if snapshot.orders.is_empty() && snapshot.movements.is_empty() {
        return;
    }
    let mut paid_back: BTreeMap<(&str, i64), (i64, i64)> = BTreeMap::new();
    let mut expected: BTreeMap<&str, Moved> = BTreeMap::new();
    let returns = expected.entry("return").or_default();
    for refund in &snapshot.refunds {
        let sum: i64 = refund.lines.iter().map(|line| line.amount).sum();
        finding.check(sum == refund.total, || {
            format!(
                "a refund of order {}: its lines come to {sum}, its total is {}",
                refund.order_id, refund.total
            )
        });
        for line in &refund.lines {
            let paid = paid_back.entry((&refund.order_id, line.line)).or_default();
            paid.0 += line.quantity;
            paid.1 += line.amount;
            if line.restock {
                let back = (
                    refund.order_id.as_str(),
                    refund.location_id.as_str(),
                    line.sku.as_str(),
                );
                *returns.entry(back).or_default() += line.quantity;
            }
        }
    }
    let releases = expected.entry("release").or_default();
    for order in &snapshot.orders {
        for (number, line) in (1_i64..).zip(&order.lines) {
            if line.canceled > 0 {
                let given_up = (
                    order.order_id.as_str(),
                    order.location_id.as_str(),
                    line.sku.as_str(),
                );
                *releases.entry(given_up).or_default() += line.canceled;
            }
            let paid = paid_back
                .remove(&(order.order_id.as_str(), number))
                .unwrap_or_default();
            let owed = (
                line.returned,
                line.share(order.total_of(line), line.returned),
            );
            finding.check(paid == owed, || {
                format!(
                    "line {number} of order {}: {} paid back for {}; the line says {} for {}",
                    order.order_id, paid.1, paid.0, owed.1, owed.0
                )
            });
        }
    }
    for ((order, line), _) in paid_back {
        finding.check(false, || {
            format!("a refund of line {line} of order {order}, which is not there")
        });
    }
    for (kind, expected) in expected {
        let mut moved: Moved = BTreeMap::new();
        for movement in snapshot.movements.iter().filter(|one| one.kind == kind) {
            let place = (
                movement.reference.as_str(),
                movement.location_id.as_str(),
                movement.sku.as_str(),
            );
            *moved.entry(place).or_default() += movement.on_hand_delta - movement.allocated_delta;
        }
        finding.check(moved == expected, || {
            let wrong: Vec<_> = moved
                .iter()
                .filter(|(place, quantity)| expected.get(*place) != Some(quantity))
                .chain(
                    expected
                        .iter()
                        .filter(|(place, _)| !moved.contains_key(*place)),
                )
                .take(3)
                .collect();
            format!(
                "movements of kind {kind} that orders do not tell, or that are missing: {wrong:?}"
            )
        });
    }
}
