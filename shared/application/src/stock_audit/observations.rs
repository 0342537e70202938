//! Repeated observations of one SKU whose first comparison showed a difference.
//!
//! Each observation reads the movements, then the orders that may hold the SKU, then the level. The level as it was read by an
//! observation is judged two observations later:
//!
//! ```text
//! observation 1             level A
//! observation 2    orders            level B
//! observation 3    movements: A is judged, with the orders read between A and B
//! ```
//!
//! The pause before observation 3 gives the ledger time to record what changed between A and B.

use std::sync::Arc;

use stockline_domain::audit::{AuditResult, AuditWindow, SkuAuditData, WindowMovements};
use stockline_domain::ids::Sku;

use super::readings::{LevelReading, OrdersRead};

/// What was compared, and the result.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub data: SkuAuditData,
    pub result: AuditResult,
}

/// The observations of one SKU so far.
pub(super) struct SkuObservations {
    sku: Sku,
    /// The latest comparison.
    pub latest: Comparison,
    /// The reading before the last, and the orders read between the two. Absent before the second observation.
    previous: Option<(LevelReading, Arc<OrdersRead>)>,
    last: LevelReading,
}

impl SkuObservations {
    /// Starts with the first comparison and a reading made after it.
    pub fn new(sku: Sku, first: Comparison, reading: LevelReading) -> Self {
        Self {
            sku,
            latest: first,
            previous: None,
            last: reading,
        }
    }

    /// The reading that the next observation judges, or, before the second observation, the one after.
    pub fn next_judged(&self) -> &LevelReading {
        self.previous
            .as_ref()
            .map_or(&self.last, |(reading, _)| reading)
    }

    /// Adds an observation: the movements around [`Self::next_judged`], then the orders, then `reading`.
    ///
    /// Judges the reading before the last with `audit`, and returns the comparison if it is certain.
    pub fn add(
        &mut self,
        movements: Vec<WindowMovements>,
        orders: &Arc<OrdersRead>,
        reading: LevelReading,
        audit: impl Fn(&SkuAuditData) -> AuditResult,
    ) -> Option<Comparison> {
        let after = std::mem::replace(&mut self.last, reading);
        let newer = (after.clone(), Arc::clone(orders));
        let (before, orders) = self.previous.replace(newer)?;
        let are_snapshots = before.is_snapshot && after.is_snapshot;
        let is_unchanged = before.versions() == self.last.versions();
        let window = AuditWindow {
            held: orders.held_quantities(&self.sku),
            before: before.levels,
            after: after.levels,
        };
        let movements = if is_unchanged {
            movements.into_iter().map(replay_all).collect()
        } else {
            movements
        };
        let (data, is_open_quantity_known) = window.audit_data(movements);
        let result = audit(&data);
        let is_certain = are_snapshots && is_open_quantity_known && !result.ledger_is_behind;
        self.latest = Comparison { data, result };
        is_certain.then(|| self.latest.clone())
    }
}

/// Replays also the movements that are newer than the level. The level did not change while they were read, so they
/// contradict it.
fn replay_all(mut movements: WindowMovements) -> WindowMovements {
    for movement in std::mem::take(&mut movements.since) {
        movements.replay.add(&movement);
    }
    movements
}

#[cfg(test)]
mod tests {
    use stockline_domain::audit::StoredLevel;
    use stockline_domain::level::{Level, LevelKey};

    use super::*;

    fn reading(is_snapshot: bool) -> LevelReading {
        let milk = LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        };
        let level = Level::empty(&milk);
        let available = Some(0);
        LevelReading {
            levels: vec![StoredLevel { level, available }],
            is_snapshot,
        }
    }

    /// Whether the comparison is certain after three readings of a level that does not change.
    fn is_certain(
        are_snapshots: [bool; 3],
        ledger_is_behind: bool,
        movements: &[WindowMovements],
    ) -> bool {
        let audit = |_: &SkuAuditData| AuditResult {
            differences: Vec::new(),
            ledger_is_behind,
        };
        let [first, second, third] = are_snapshots.map(reading);
        let data = SkuAuditData::of(first.levels.clone(), vec![WindowMovements::default()]);
        let result = audit(&data);
        let mut observations = SkuObservations::new(
            first.levels[0].level.sku.clone(),
            Comparison { data, result },
            first,
        );
        let orders = Arc::new(OrdersRead::default());
        let early = observations.add(movements.to_vec(), &orders, second, audit);
        assert!(
            early.is_none(),
            "a reading is judged two observations later"
        );
        observations
            .add(movements.to_vec(), &orders, third, audit)
            .is_some()
    }

    #[test]
    fn complete_observations_are_certain() {
        let movements = [WindowMovements::default()];
        assert!(is_certain([true, true, true], false, &movements));
        assert!(
            is_certain([true, true, false], false, &movements),
            "the third reading is judged later"
        );
    }

    #[test]
    fn incomplete_observations_are_not_certain() {
        let movements = [WindowMovements::default()];
        for torn in [[false, true, true], [true, false, true]] {
            assert!(!is_certain(torn, false, &movements), "{torn:?}");
        }
        assert!(
            !is_certain([true; 3], true, &movements),
            "the ledger is behind"
        );
        assert!(
            !is_certain([true; 3], false, &[]),
            "the open quantity is not known"
        );
    }
}
