//! What is incoming of a level is what its one open replenishment order still expects.

use std::collections::BTreeMap;

use super::rows::{LevelRow, ReplenishmentRow, Snapshot};
use super::{Finding, LevelId, by_level};

fn orders_by_level(snapshot: &Snapshot) -> BTreeMap<LevelId, Vec<&ReplenishmentRow>> {
    by_level(&snapshot.replenishment, |order| {
        (order.location_id.clone(), order.sku.clone())
    })
}

/// Checks that each level has at most one open replenishment order, and that its `incoming` is what that order expects.
pub fn incoming_is_on_order(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "incoming_is_on_order",
        "a level has at most one open replenishment order, which expects what is incoming",
    );
    let orders = orders_by_level(snapshot);
    let levels = by_level(&snapshot.levels, |level| {
        (level.location_id.clone(), level.sku.clone())
    });
    for ((location, sku), buckets) in levels {
        let incoming: i64 = buckets.iter().map(|level| level.incoming).sum();
        let of_level = orders.get(&(location.clone(), sku.clone()));
        let open: Vec<&&ReplenishmentRow> = of_level
            .into_iter()
            .flatten()
            .filter(|order| matches!(order.state.as_str(), "open" | "partly_received"))
            .collect();
        let expected: i64 = open
            .iter()
            .map(|order| order.quantity - order.received_quantity)
            .sum();
        finding.check(open.len() <= 1 && incoming == expected, || {
            format!(
                "{sku} at {location}: {incoming} incoming, {} open orders expect {expected}",
                open.len()
            )
        });
    }
    finding
}

/// The number of low levels that have no replenishment order.
pub fn count_unordered(snapshot: &Snapshot) -> usize {
    let orders = orders_by_level(snapshot);
    snapshot
        .levels
        .iter()
        .filter(|level| is_due(level))
        .filter(|level| !orders.contains_key(&(level.location_id.clone(), level.sku.clone())))
        .count()
}

fn is_due(level: &LevelRow) -> bool {
    let at_most = |limit: Option<i64>| limit.is_some_and(|limit| level.available <= limit);
    at_most(level.reorder_point) && at_most(level.target_level.map(|target| target - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(incoming: i64, orders: &[(&str, i64)]) -> Snapshot {
        Snapshot {
            levels: vec![LevelRow {
                location_id: "dc".into(),
                sku: "milk".into(),
                available: 4,
                incoming,
                reorder_point: Some(10),
                target_level: Some(40),
                ..LevelRow::default()
            }],
            replenishment: orders
                .iter()
                .map(|(state, quantity)| ReplenishmentRow {
                    location_id: "dc".into(),
                    sku: "milk".into(),
                    state: (*state).into(),
                    quantity: *quantity,
                    received_quantity: 6,
                })
                .collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn second_open_order_or_other_incoming_breaks_the_invariant() {
        let holds = |snapshot: &Snapshot| incoming_is_on_order(snapshot).holds();
        assert!(holds(&snapshot(0, &[])));
        assert!(holds(&snapshot(30, &[("received", 36), ("open", 36)])));
        assert!(!holds(&snapshot(36, &[("partly_received", 36)])));
        assert!(!holds(&snapshot(60, &[("open", 36), ("open", 36)])));
    }

    #[test]
    fn low_level_without_an_order_is_counted() {
        assert_eq!(count_unordered(&snapshot(0, &[])), 1);
        assert_eq!(count_unordered(&snapshot(36, &[("open", 42)])), 0);
        let mut full = snapshot(0, &[]);
        full.levels[0].target_level = Some(4);
        assert_eq!(count_unordered(&full), 0);
    }
}
