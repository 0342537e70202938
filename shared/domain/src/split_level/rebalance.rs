//! Goods that move between the buckets of one level: to the whole of it that is nothing.

use jiff::Timestamp;

use super::{Part, Plan, SplitLevel, share_of};
use crate::ids::MovementId;
use crate::level::{LastChange, Level, MovementKind, StateDeltas};

/// What brings together, in one bucket, all that a change concerns, and then the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathering {
    /// What moves, before the change; nothing where all is together already.
    pub first: Option<Plan>,
    /// How the change is then written: to one bucket.
    pub then: Plan,
}

impl SplitLevel {
    /// What evens the buckets out; none where they are even enough, or short.
    ///
    /// A bucket that is out of use is emptied of what is available in it, and one that still says that the level is short is
    /// told otherwise.
    pub fn evening(&self, at: Timestamp) -> Option<Plan> {
        let total = self.total();
        if self.buckets.iter().any(Level::is_short) {
            return None;
        }
        if self.is_to_be_told() {
            return Some(Plan::Anew(self.anew(&total, &self.rebalance("", at))));
        }
        let in_use = i64::from(self.in_use());
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
        let part = |(bucket, on_hand)| move_to(bucket, (on_hand, 0), &rebalance);
        Some(Plan::Parts(off.into_iter().map(part).collect()))
    }

    /// What moves from the bucket that is furthest above its share to the one that is furthest below; none where evening
    /// out is more than moving goods, or nothing.
    pub fn evening_step(&self, at: Timestamp) -> Option<Plan> {
        let Some(Plan::Parts(parts)) = self.evening(at) else {
            return None;
        };
        let by_delta = |part: &&Part| part.change.on_hand_delta;
        let receiver = parts.iter().max_by_key(by_delta)?;
        let giver = parts.iter().min_by_key(by_delta)?;
        let quantity = receiver
            .change
            .on_hand_delta
            .min(-giver.change.on_hand_delta);
        let rebalance = self.rebalance("", at);
        let parts = [(giver, -quantity), (receiver, quantity)];
        let parts = parts.map(|(part, on_hand)| move_to(part.bucket, (on_hand, 0), &rebalance));
        Some(Plan::Parts(parts.into()))
    }

    /// What makes `change` the change of one bucket; none where it is that already, or cannot be made.
    ///
    /// Where several buckets would each take a part of it, goods move to the roomiest of them, to be sold or promised, and
    /// with their promise where one is kept or taken back: so no bucket has less available than before, but those that give
    /// up what is sold. Where every bucket would be written, for the level is short or some bucket is to be told that it is
    /// not any more, all that there is moves to the first; and if the change leaves it short no more, the others are told
    /// when the level is evened out.
    pub fn gathering(&self, change: &LastChange, at: Timestamp) -> Option<Gathering> {
        let plan = self.plan(change).ok()?;
        let after = self.total().after(change.clone()).ok()?;
        // It may have become one that a count has seen.
        let change = after.last_change.as_ref()?;
        let rebalance = self.rebalance(&change.movement_id.to_string(), at);
        match plan {
            Plan::Parts(parts) => goods_together(&parts, change, &rebalance),
            Plan::Anew(levels) if levels.len() > 1 => self.all_together(&after, change, &rebalance),
            Plan::Anew(_) => None,
        }
    }

    fn all_together(
        &self,
        after: &Level,
        change: &LastChange,
        rebalance: &LastChange,
    ) -> Option<Gathering> {
        let before = self.total();
        if after.is_short() && !before.is_short() {
            // Every bucket is to say so.
            return None;
        }
        let (first, gathered) = if self.is_together() {
            (None, self.clone())
        } else {
            let first = self.anew_over(1, &before, rebalance);
            let buckets = first.iter().map(|(_, after)| after.clone()).collect();
            (Some(Plan::Anew(first)), Self { buckets })
        };
        let then = gathered.anew_over(1, after, change);
        Some(Gathering {
            first,
            then: Plan::Anew(then.into_iter().take(1).collect()),
        })
    }

    /// Whether the first bucket holds all that there is, and no other sells what it may owe.
    fn is_together(&self) -> bool {
        let is_short = self.total().is_short();
        self.buckets.iter().skip(1).all(|bucket| {
            bucket.on_hand == 0 && bucket.allocated == 0 && (bucket.whole_short || !is_short)
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

/// What moves goods to the first of the buckets that would take `parts` of `change`.
fn goods_together(
    parts: &[Part],
    change: &LastChange,
    rebalance: &LastChange,
) -> Option<Gathering> {
    let [target, givers @ ..] = parts else {
        return None;
    };
    if givers.is_empty() {
        return None;
    }
    let quantity_of = |part: &Part| {
        let deltas = &part.change;
        deltas.on_hand_delta.abs().max(deltas.allocated_delta.abs())
    };
    let moved = |bucket: u8, quantity: i64| {
        let promised = if change.allocated_delta < 0 {
            quantity
        } else {
            0
        };
        move_to(bucket, (quantity, promised), rebalance)
    };
    let given = givers.iter().map(quantity_of).sum();
    let out = givers
        .iter()
        .map(|giver| moved(giver.bucket, -quantity_of(giver)));
    let first = std::iter::once(moved(target.bucket, given)).chain(out);
    Some(Gathering {
        first: Some(Plan::Parts(first.collect())),
        then: Plan::Parts(vec![Part::whole(change, target.bucket)]),
    })
}

/// The part of `rebalance` by which `bucket` gets so much on hand, and so much of it promised.
fn move_to(
    bucket: u8,
    (on_hand_delta, allocated_delta): (i64, i64),
    rebalance: &LastChange,
) -> Part {
    Part {
        bucket,
        change: LastChange {
            movement_id: rebalance.movement_id.in_bucket(bucket),
            on_hand_delta,
            allocated_delta,
            ..rebalance.clone()
        },
    }
}
