//! Replays the movements of one level in version order.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ids::{MovementId, OrderId};
use crate::level::{Movement, MovementKind, Quantities};

/// The sum of a level's movements, added oldest first, and the places where one does not follow from the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerReplay {
    sum: Quantities,
    /// The on-hand and allocated results that the newest movement states.
    stated: (i64, i64),
    last: Option<(u64, MovementId)>,
    gap: Option<u64>,
    recorded_after_hole: Option<Timestamp>,
    recorded_after_skip: Option<Timestamp>,
    allocated_by_order: BTreeMap<OrderId, i64>,
    last_repair: Option<u64>,
}

impl LedgerReplay {
    /// Adds the next movement.
    ///
    /// A repair that states the sum of all movements up to it closes every gap before it.
    pub fn add(&mut self, movement: &Movement) {
        let change = &movement.change;
        self.sum = self.sum.after(change);
        let stated = (movement.on_hand, movement.allocated);
        let expected = (
            self.stated.0.saturating_add(change.on_hand_delta),
            self.stated.1.saturating_add(change.allocated_delta),
        );
        let last_version = self.last_version();
        let in_order = self.last.is_none() || last_version < movement.version;
        let closes_gaps =
            change.kind == MovementKind::Repair && stated == (self.sum.on_hand, self.sum.allocated);
        let skips_version = movement.version > last_version.saturating_add(1);
        if closes_gaps {
            self.gap = None;
            self.recorded_after_hole = None;
            self.recorded_after_skip = None;
        } else {
            let contradicts = stated != expected || !in_order;
            if contradicts {
                self.gap.get_or_insert(movement.version);
            }
            if skips_version {
                self.recorded_after_skip = self.recorded_after_skip.max(Some(change.recorded_at));
            }
            if skips_version && contradicts {
                self.recorded_after_hole = self.recorded_after_hole.max(Some(change.recorded_at));
            }
        }
        if change.kind == MovementKind::Repair {
            self.last_repair = Some(movement.version);
        }
        if let Some(order) = movement.order() {
            let allocated = self.allocated_by_order.entry(order).or_default();
            *allocated = allocated.saturating_add(change.allocated_delta);
            if *allocated == 0 {
                self.allocated_by_order.remove(&order);
            }
        }
        self.stated = stated;
        self.last = Some((movement.version, change.movement_id));
    }

    /// Returns the sum of the deltas of all movements.
    pub fn sum(&self) -> Quantities {
        self.sum
    }

    /// Returns the version of the first movement since the last repair that does not follow from the one before it.
    pub fn gap(&self) -> Option<u64> {
        self.gap
    }

    /// Returns when the newest movement was recorded that follows a missing one; none where none is missing since the last
    /// repair.
    ///
    /// The missing movement may still arrive: a batch of the stream is retried from its first failure, and later records of
    /// that batch may already be in the ledger.
    pub fn recorded_after_hole(&self) -> Option<Timestamp> {
        self.recorded_after_hole
    }

    /// Returns when the newest movement was recorded that follows a skipped version, since the last repair.
    ///
    /// The skipped version is a change of policy, which makes no movement, or a missing movement that changed neither
    /// `on_hand` nor `allocated` and so leaves no hole.
    pub fn recorded_after_skip(&self) -> Option<Timestamp> {
        self.recorded_after_skip
    }

    /// Returns the quantity allocated to each order, without the orders for which it is 0.
    pub fn allocated_by_order(&self) -> &BTreeMap<OrderId, i64> {
        &self.allocated_by_order
    }

    /// Returns the version of the last repair, if there was one.
    pub fn last_repair_version(&self) -> Option<u64> {
        self.last_repair
    }

    /// Returns the id of the newest movement.
    pub fn last_movement(&self) -> Option<MovementId> {
        self.last.map(|(_, id)| id)
    }

    /// Returns the version of the newest movement; 0 where there is none.
    pub fn last_version(&self) -> u64 {
        self.last.map_or(0, |(version, _)| version)
    }
}

#[cfg(test)]
mod tests;
