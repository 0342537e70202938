//! What the movements of a level come to.

use super::Quantities;
use crate::ids::MovementId;
use crate::level::{Movement, MovementKind};

/// The movements of one level, taken oldest first: their sum, and whether each follows from the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    sum: Quantities,
    result: (i64, i64),
    last: Option<(u64, MovementId)>,
    gap: Option<u64>,
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
        let in_order = self
            .last
            .is_none_or(|(version, _)| version < movement.version);
        let repairs =
            change.kind == MovementKind::Repair && says == (self.sum.on_hand, self.sum.allocated);
        if repairs {
            self.gap = None;
        } else if says != follows || !in_order {
            self.gap.get_or_insert(movement.version);
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

    /// The newest movement.
    pub fn last_movement(&self) -> Option<MovementId> {
        self.last.map(|(_, id)| id)
    }

    /// The version of the newest movement; 0 where there is none.
    pub fn last_version(&self) -> u64 {
        self.last.map_or(0, |(version, _)| version)
    }
}
