//! What the movements of a level come to.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Quantities;
use crate::ids::{MovementId, OrderId};
use crate::level::{Movement, MovementKind};

/// The movements of one level, taken oldest first: their sum, and whether each follows from the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    sum: Quantities,
    result: (i64, i64),
    last: Option<(u64, MovementId)>,
    gap: Option<u64>,
    hole_before: Option<Timestamp>,
    skipped_before: Option<Timestamp>,
    promised: BTreeMap<OrderId, i64>,
    repaired_at: Option<u64>,
}

impl Ledger {
    /// Takes the next movement.
    ///
    /// A repair states what all movements up to it sum up to: what did not follow before it is put right by it.
    pub fn add(&mut self, movement: &Movement) {
        let change = &movement.change;
        self.sum = self.sum.after(change);
        let says = (movement.on_hand, movement.allocated);
        let follows = (
            self.result.0.saturating_add(change.on_hand_delta),
            self.result.1.saturating_add(change.allocated_delta),
        );
        let last_version = self.last_version();
        let in_order = self.last.is_none() || last_version < movement.version;
        let repairs =
            change.kind == MovementKind::Repair && says == (self.sum.on_hand, self.sum.allocated);
        let skips = movement.version > last_version.saturating_add(1);
        if repairs {
            self.gap = None;
            self.hole_before = None;
            self.skipped_before = None;
        } else {
            let contradicts = says != follows || !in_order;
            if contradicts {
                self.gap.get_or_insert(movement.version);
            }
            if skips {
                self.skipped_before = self.skipped_before.max(Some(change.recorded_at));
            }
            if skips && contradicts {
                self.hole_before = self.hole_before.max(Some(change.recorded_at));
            }
        }
        if change.kind == MovementKind::Repair {
            self.repaired_at = Some(movement.version);
        }
        if let Some(order) = movement.order() {
            let promised = self.promised.entry(order).or_default();
            *promised = promised.saturating_add(change.allocated_delta);
            if *promised == 0 {
                self.promised.remove(&order);
            }
        }
        self.result = says;
        self.last = Some((movement.version, change.movement_id));
    }

    /// What the movements sum up to.
    pub fn sum(&self) -> Quantities {
        self.sum
    }

    /// The version of the first movement since the last repair that does not follow from the one before it.
    pub fn gap(&self) -> Option<u64> {
        self.gap
    }

    /// When the newest movement became known before which another is missing, which may still come: a batch of the stream
    /// is tried again from its first failure, and what came after that in it may have been recorded. None where none is
    /// missing since the last repair.
    pub fn hole_before(&self) -> Option<Timestamp> {
        self.hole_before
    }

    /// When the newest movement became known before which a version is skipped since the last repair: that of a policy, or of
    /// a movement that may still come and is no hole, since it changes neither what is on hand nor what is promised.
    pub fn skipped_before(&self) -> Option<Timestamp> {
        self.skipped_before
    }

    /// What the movements say is promised to each order; nothing of an order to which it is nothing.
    pub fn promised(&self) -> &BTreeMap<OrderId, i64> {
        &self.promised
    }

    /// The version of the last repair; none where there was none.
    pub fn repaired_at(&self) -> Option<u64> {
        self.repaired_at
    }

    /// The newest movement.
    pub fn last_movement(&self) -> Option<MovementId> {
        self.last.map(|(_, id)| id)
    }

    /// The version of the newest movement; 0 where there is none.
    pub fn last_version(&self) -> u64 {
        self.last.map_or(0, |(version, _)| version)
    }
}

#[cfg(test)]
mod tests;
