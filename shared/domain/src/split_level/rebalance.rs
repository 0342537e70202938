//! Moves stock between the buckets of one level. The level's total is unchanged.

use jiff::Timestamp;

use super::{BucketDelta, SplitLevel, WritePlan, share_of};
use crate::ids::MovementId;
use crate::level::{Level, LevelDelta, MovementKind, StateDeltas};

/// Two writes by which a change needs only one bucket: first move stock to that bucket, then change it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consolidation {
    /// Moves the stock that the change needs to one bucket. `None` if it is there already.
    pub transfer: Option<WritePlan>,
    /// Writes the change to that bucket.
    pub write: WritePlan,
}

impl SplitLevel {
    /// Returns the plan that evens out the available quantities of the buckets. `None` if a bucket is short, or if no
    /// bucket is off its share by more than half of the largest share.
    ///
    /// The plan also empties buckets that are out of use of their available stock. If a bucket has a stale
    /// `whole_short`, the plan rewrites all buckets.
    pub fn rebalance_plan(&self, at: Timestamp) -> Option<WritePlan> {
        let total = self.total();
        if self.buckets.iter().any(Level::is_short) {
            return None;
        }
        if self.has_stale_short_flag() {
            let delta = self.rebalance_delta("", at);
            return Some(WritePlan::Rewrite(self.rewrite(&total, &delta)));
        }
        let in_use = i64::from(self.buckets_in_use());
        let target = |bucket: u8| share_of(total.available(), i64::from(bucket), in_use);
        let deviations: Vec<(u8, i64)> = self
            .buckets
            .iter()
            .map(|level| (level.bucket, target(level.bucket) - level.available()))
            .filter(|(_, delta)| *delta != 0)
            .collect();
        let is_worthwhile = deviations
            .iter()
            .any(|(bucket, delta)| delta.abs() > target(0) / 2 || i64::from(*bucket) >= in_use);
        if !is_worthwhile {
            return None;
        }
        let rebalance = self.rebalance_delta("", at);
        let delta = |(bucket, on_hand)| move_to(bucket, on_hand, 0, &rebalance);
        Some(WritePlan::Deltas(
            deviations.into_iter().map(delta).collect(),
        ))
    }

    /// Returns the largest single move of [`Self::rebalance_plan`]: from the bucket furthest above its share to the
    /// bucket furthest below. `None` if there is nothing to move, or if the plan rewrites all buckets.
    pub fn rebalance_step(&self, at: Timestamp) -> Option<WritePlan> {
        let Some(WritePlan::Deltas(deltas)) = self.rebalance_plan(at) else {
            return None;
        };
        let by_on_hand_delta = |delta: &&BucketDelta| delta.change.on_hand_delta;
        let receiver = deltas.iter().max_by_key(by_on_hand_delta)?;
        let giver = deltas.iter().min_by_key(by_on_hand_delta)?;
        let quantity = receiver
            .change
            .on_hand_delta
            .min(-giver.change.on_hand_delta);
        let rebalance = self.rebalance_delta("", at);
        let moves = [(giver, -quantity), (receiver, quantity)];
        let moves = moves.map(|(delta, on_hand)| move_to(delta.bucket, on_hand, 0, &rebalance));
        Some(WritePlan::Deltas(moves.into()))
    }

    /// Returns the writes that reduce `change` to a change of one bucket. `None` if it is one already, or if that is
    /// not possible.
    ///
    /// - If several buckets would each take a delta, the missing stock moves to the bucket with the largest capacity.
    ///   For a fulfilment or release the allocation moves with it. Only the buckets that give stock have less available
    ///   afterwards.
    /// - If all buckets would be rewritten, because the level is short or a `whole_short` is stale, all stock moves to
    ///   bucket 0. If the level is no longer short after the change, the `whole_short` of the other buckets is stale
    ///   until they are rewritten or rebalanced.
    pub fn consolidation(&self, change: &LevelDelta, at: Timestamp) -> Option<Consolidation> {
        let plan = self.plan(change).ok()?;
        let after = self.total().after(change.clone()).ok()?;
        // The applied delta differs from `change` if a later count already includes it.
        let change = after.last_change.as_ref()?;
        let rebalance = self.rebalance_delta(&change.movement_id.to_string(), at);
        match plan {
            WritePlan::Deltas(deltas) => consolidate_deltas(&deltas, change, &rebalance),
            WritePlan::Rewrite(levels) if levels.len() > 1 => {
                self.consolidate_all(&after, change, &rebalance)
            }
            WritePlan::Rewrite(_) => None,
        }
    }

    fn consolidate_all(
        &self,
        after: &Level,
        change: &LevelDelta,
        rebalance: &LevelDelta,
    ) -> Option<Consolidation> {
        let before = self.total();
        if after.is_short() && !before.is_short() {
            // Every bucket needs its `whole_short` set.
            return None;
        }
        let (transfer, consolidated) = if self.is_consolidated() {
            (None, self.clone())
        } else {
            let levels = self.rewrite_over(1, &before, rebalance);
            let buckets = levels.iter().map(|(_, after)| after.clone()).collect();
            (Some(WritePlan::Rewrite(levels)), Self { buckets })
        };
        let levels = consolidated.rewrite_over(1, after, change);
        Some(Consolidation {
            transfer,
            write: WritePlan::Rewrite(levels.into_iter().take(1).collect()),
        })
    }

    /// Returns whether bucket 0 holds all stock, and no other bucket of a short level can sell (its `whole_short` is
    /// set).
    fn is_consolidated(&self) -> bool {
        let is_short = self.total().is_short();
        self.buckets.iter().skip(1).all(|bucket| {
            bucket.on_hand == 0 && bucket.allocated == 0 && (bucket.whole_short || !is_short)
        })
    }

    /// Returns a rebalance delta with no quantities, whose movement id is derived from `cause`.
    ///
    /// It occurs at the time of the latest count at the earliest: a count must not absorb it, because the level's total
    /// does not change.
    fn rebalance_delta(&self, cause: &str, at: Timestamp) -> LevelDelta {
        let total = self.total();
        LevelDelta {
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

/// Moves the stock that `deltas` of `change` take to the bucket of the first one. `None` if there are fewer than two.
fn consolidate_deltas(
    deltas: &[BucketDelta],
    change: &LevelDelta,
    rebalance: &LevelDelta,
) -> Option<Consolidation> {
    let [target, givers @ ..] = deltas else {
        return None;
    };
    if givers.is_empty() {
        return None;
    }
    let quantity_of = |delta: &BucketDelta| {
        let change = &delta.change;
        change.on_hand_delta.abs().max(change.allocated_delta.abs())
    };
    let moved = |bucket: u8, quantity: i64| {
        let allocated = if change.allocated_delta < 0 {
            quantity
        } else {
            0
        };
        move_to(bucket, quantity, allocated, rebalance)
    };
    let received = givers.iter().map(quantity_of).sum();
    let given = givers
        .iter()
        .map(|giver| moved(giver.bucket, -quantity_of(giver)));
    let transfer = std::iter::once(moved(target.bucket, received)).chain(given);
    Some(Consolidation {
        transfer: Some(WritePlan::Deltas(transfer.collect())),
        write: WritePlan::Deltas(vec![BucketDelta::whole(change, target.bucket)]),
    })
}

/// Returns the share of `rebalance` that adds the given on-hand and allocated quantities to `bucket`.
fn move_to(
    bucket: u8,
    on_hand_delta: i64,
    allocated_delta: i64,
    rebalance: &LevelDelta,
) -> BucketDelta {
    BucketDelta {
        bucket,
        change: LevelDelta {
            movement_id: rebalance.movement_id.in_bucket(bucket),
            on_hand_delta,
            allocated_delta,
            ..rebalance.clone()
        },
    }
}
