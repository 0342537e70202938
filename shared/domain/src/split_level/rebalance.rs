//! Goods that move between the buckets of one level: to the whole of it that is nothing.

use jiff::Timestamp;

use super::{Part, Plan, SplitLevel, share_of};
use crate::ids::MovementId;
use crate::level::{LastChange, Level, MovementKind, StateDeltas};

/// What brings the goods for a change together in one bucket, before the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathering {
    /// The bucket that can then take the change whole.
    pub bucket: u8,
    /// What moves: into that bucket, and out of the others.
    pub parts: Vec<Part>,
}

impl SplitLevel {
    /// What evens the buckets out; none where they are even enough, or short.
    ///
    /// A bucket that is out of use is emptied of what is available in it.
    pub fn evening(&self, at: Timestamp) -> Option<Vec<Part>> {
        let total = self.total();
        let in_use = i64::from(self.in_use());
        if self.buckets.iter().any(Level::is_short) {
            return None;
        }
        let even = |bucket: u8| share_of(total.available(), i64::from(bucket), in_use);
        let off: Vec<(u8, i64)> = self
            .buckets
            .iter()
            .map(|level| (level.bucket, even(level.bucket) - level.available()))
            .filter(|(_, delta)| *delta != 0)
            .collect();
        let is_worth_it = off
            .iter()
            .any(|(bucket, delta)| delta.abs() > even(0) / 2 || i64::from(*bucket) >= in_use);
        if !is_worth_it {
            return None;
        }
        let rebalance = self.rebalance("", at);
        let part = |(bucket, on_hand_delta)| Part {
            bucket,
            change: LastChange {
                movement_id: rebalance.movement_id.in_bucket(bucket),
                on_hand_delta,
                ..rebalance.clone()
            },
        };
        Some(off.into_iter().map(part).collect())
    }

    /// What brings together, in the roomiest bucket, enough for one part to make `change`; none where one part does
    /// already, or where no parts do.
    ///
    /// Goods move to be sold or promised, and with their promise where one is kept or taken back: so no bucket has less
    /// available than before, but those that give up what is sold.
    pub fn gathering(&self, change: &LastChange, at: Timestamp) -> Option<Gathering> {
        let Ok(Plan::Parts(parts)) = self.plan(change) else {
            return None;
        };
        let [target, givers @ ..] = parts.as_slice() else {
            return None;
        };
        let quantity_of = |part: &Part| {
            let deltas = &part.change;
            deltas.on_hand_delta.abs().max(deltas.allocated_delta.abs())
        };
        let rebalance = self.rebalance(&change.movement_id.to_string(), at);
        let moved = |bucket: u8, quantity: i64| Part {
            bucket,
            change: LastChange {
                movement_id: rebalance.movement_id.in_bucket(bucket),
                on_hand_delta: quantity,
                allocated_delta: if change.allocated_delta < 0 {
                    quantity
                } else {
                    0
                },
                ..rebalance.clone()
            },
        };
        if givers.is_empty() {
            return None;
        }
        let given = givers.iter().map(quantity_of).sum();
        let mut parts = vec![moved(target.bucket, given)];
        parts.extend(
            givers
                .iter()
                .map(|giver| moved(giver.bucket, -quantity_of(giver))),
        );
        Some(Gathering {
            bucket: target.bucket,
            parts,
        })
    }

    /// A movement between buckets, with no quantities yet, for `cause`. No count can have seen it: to the whole level it is
    /// nothing.
    fn rebalance(&self, cause: &str, at: Timestamp) -> LastChange {
        let total = self.total();
        LastChange {
            movement_id: MovementId::derive(
                &format!("{}{cause}", total.version),
                MovementKind::Rebalance.as_str(),
                &total.location_id,
                &total.sku,
            ),
            kind: MovementKind::Rebalance,
            on_hand_delta: 0,
            allocated_delta: 0,
            states: StateDeltas::default(),
            reason: None,
            reference: None,
            occurred_at: total.counted_at.map_or(at, |counted_at| at.max(counted_at)),
            recorded_at: at,
        }
    }
}
