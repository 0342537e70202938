//! A level that is split over several items ("buckets"), so that a SKU in high demand is not a single hot item.
//!
//! - Each quantity of the level is the sum over its buckets.
//! - Allocations are interchangeable: an allocation made in one bucket can be fulfilled or released in another.
//! - Either no bucket is short, or no bucket has anything available: no bucket sells stock that is allocated in another
//!   one.
//! - While the level as a whole is short, every bucket has `whole_short` set. A change that raises the available
//!   quantity then rewrites all buckets, or only the first one after [`SplitLevel::consolidation`] moved everything to
//!   it.
//! - `whole_short` can be stale: set on a bucket of a level that is not short. Rewriting or rebalancing the level
//!   clears it.

mod rebalance;

use crate::level::{Level, LevelDelta, LevelError, LevelKey, StateDeltas};

pub use rebalance::Consolidation;

/// All buckets of one level, indexed by bucket number. Bucket 0 also holds the policy and the quantities that are not
/// split: damaged, on hold, in transit and incoming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitLevel {
    buckets: Vec<Level>,
}

/// How a change of a split level is written to its buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WritePlan {
    /// Adds one delta to each of these buckets. Each write depends only on the quantities of its own bucket.
    Deltas(Vec<BucketDelta>),
    /// Replaces these buckets, given as (before, after). Each write depends on the bucket being as it was before.
    Rewrite(Vec<(Level, Level)>),
}

/// The share of a delta that one bucket takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketDelta {
    /// The bucket number.
    pub bucket: u8,
    /// The delta to apply to the bucket.
    pub change: LevelDelta,
}

impl SplitLevel {
    /// Returns the level with bucket 0 `first` and the other buckets from `others`. A bucket without an item is empty.
    pub fn new(first: Level, others: &[Level]) -> Self {
        let count = first.split_over.max(1);
        let mut buckets = vec![first];
        for bucket in 1..count {
            let found = others.iter().find(|level| level.bucket == bucket).cloned();
            let level = found.unwrap_or_else(|| Self::empty_bucket(&buckets[0], bucket));
            buckets.push(level);
        }
        Self { buckets }
    }

    /// Returns an empty bucket of the level that has bucket 0 `first`.
    pub fn empty_bucket(first: &Level, bucket: u8) -> Level {
        Level {
            bucket,
            split_over: first.split_over,
            whole_short: first.whole_short,
            counted_at: first.counted_at,
            ..Level::empty(&first.key())
        }
    }

    /// Returns the buckets, indexed by bucket number.
    pub fn buckets(&self) -> &[Level] {
        &self.buckets
    }

    /// Returns the level's SKU and location.
    pub fn key(&self) -> LevelKey {
        self.buckets[0].key()
    }

    /// Returns how many buckets are in use: as many as the policy asks for, at most as many as the level has.
    pub fn buckets_in_use(&self) -> u8 {
        let policy = self.buckets[0].policy.as_ref();
        let requested = policy.map_or(1, |policy| policy.buckets.max(1));
        u8::try_from(self.buckets.len()).map_or(requested, |existing| requested.min(existing))
    }

    /// Returns the level as a whole: the sums over its buckets, and the delta that was recorded last in any of them.
    pub fn total(&self) -> Level {
        let last = self
            .buckets
            .iter()
            .filter_map(|level| level.last_change.as_ref())
            .max_by_key(|change| change.recorded_at);
        let total = Level {
            version: self.buckets.iter().map(|level| level.version).sum(),
            last_change: last.cloned(),
            ..self.buckets[0].clone()
        };
        total.with_quantities(self.buckets.iter().map(Level::quantities).sum())
    }

    /// Returns how to write `change` of the whole level.
    ///
    /// # Errors
    /// [`LevelError`] if the whole level refuses the change.
    pub fn plan(&self, change: &LevelDelta) -> Result<WritePlan, LevelError> {
        let after = self.total().after(change.clone())?;
        // The applied delta differs from `change` if a later count already includes it.
        let change = after.last_change.clone().unwrap_or_else(|| change.clone());
        let StateDeltas {
            damaged_delta,
            on_hold_delta,
            in_transit_delta,
            incoming_delta,
            ..
        } = change.states;
        let (on_hand, allocated) = (change.on_hand_delta, change.allocated_delta);
        // How much of the change a bucket can take. None: the change cannot be split into deltas.
        let capacity: Option<fn(&Level) -> i64> = match (on_hand.signum(), allocated.signum()) {
            _ if damaged_delta != 0 || on_hold_delta != 0 => None,
            (-1, 0) | (0, 1) => Some(Level::available),
            (0, _) => Some(|level| level.allocated),
            // Any bucket can take a return. The one with the least available comes first.
            (_, 0) => Some(|level| i64::MAX - level.available().max(0)),
            (-1, _) if on_hand == allocated => Some(fulfilment_capacity),
            _ => None,
        };
        // Stock that a short level gains goes to the short buckets first: no other bucket may sell it.
        let is_short = |bucket: &Level| bucket.is_short() || bucket.whole_short;
        let covers_shortage = change.available_delta() > 0 && self.buckets.iter().any(is_short);
        let deltas = match capacity {
            _ if covers_shortage || self.has_stale_short_flag() => None,
            // Only the first bucket holds quantities in transit and incoming ones.
            Some(_) if in_transit_delta != 0 || incoming_delta != 0 => {
                (on_hand >= 0 && allocated == 0).then(|| vec![BucketDelta::whole(&change, 0)])
            }
            Some(capacity) => self.deltas(&change, capacity),
            None => None,
        };
        Ok(deltas.map_or_else(
            || WritePlan::Rewrite(self.rewrite(&after, &change)),
            WritePlan::Deltas,
        ))
    }

    /// Returns the level after `plan` is written to it.
    ///
    /// # Errors
    /// [`LevelError`] if a bucket refuses its delta. This happens only if the plan was made for another state of the
    /// level.
    pub fn after(&self, plan: &WritePlan) -> Result<Self, LevelError> {
        let mut buckets = self.buckets.clone();
        let mut put = |bucket: u8, level: Level| {
            if let Some(slot) = buckets.get_mut(usize::from(bucket)) {
                *slot = level;
            }
        };
        match plan {
            WritePlan::Deltas(deltas) => {
                for delta in deltas {
                    if let Some(before) = self.buckets.get(usize::from(delta.bucket)) {
                        put(delta.bucket, before.after(delta.change.clone())?);
                    }
                }
            }
            WritePlan::Rewrite(levels) => {
                for (before, after) in levels {
                    put(before.bucket, after.clone());
                }
            }
        }
        Ok(Self { buckets })
    }

    /// Returns whether a bucket has `whole_short` set although the level is not short.
    fn has_stale_short_flag(&self) -> bool {
        self.buckets.iter().any(|bucket| bucket.whole_short) && !self.total().is_short()
    }

    /// Splits `change` over as few buckets as possible, those with the largest `capacity` first. `None` if their
    /// capacities do not suffice.
    fn deltas(
        &self,
        change: &LevelDelta,
        capacity: impl Fn(&Level) -> i64,
    ) -> Option<Vec<BucketDelta>> {
        let mut remaining = change.on_hand_delta.abs().max(change.allocated_delta.abs());
        let mut by_capacity: Vec<(i64, &Level)> = self
            .buckets
            .iter()
            .map(|level| (capacity(level).max(0), level))
            .collect();
        by_capacity.sort_by_key(|(capacity, level)| (std::cmp::Reverse(*capacity), level.bucket));
        if remaining == 0 {
            return Some(vec![BucketDelta::whole(change, by_capacity[0].1.bucket)]);
        }
        let mut deltas = Vec::new();
        for (capacity, level) in by_capacity {
            let quantity = remaining.min(capacity);
            if quantity > 0 {
                deltas.push(BucketDelta::of(change, level.bucket, quantity));
                remaining -= quantity;
            }
        }
        (remaining == 0).then_some(deltas)
    }

    /// Returns every bucket as (before, after), with `total` shared evenly over the buckets in use. `total` is the
    /// level after `change`.
    pub fn rewrite(&self, total: &Level, change: &LevelDelta) -> Vec<(Level, Level)> {
        self.rewrite_over(self.buckets_in_use(), total, change)
    }

    /// Like [`Self::rewrite`], with `total` shared over the first `count` buckets.
    fn rewrite_over(&self, count: u8, total: &Level, change: &LevelDelta) -> Vec<(Level, Level)> {
        let shares = shares(total, count);
        self.buckets
            .iter()
            .map(|before| {
                let empty = Share::default();
                let share = shares.get(usize::from(before.bucket)).unwrap_or(&empty);
                let after = share.applied_to(before, total, change);
                (before.clone(), after)
            })
            .collect()
    }
}

impl BucketDelta {
    /// Returns the share of `change` with which `bucket` takes `quantity`.
    pub fn of(change: &LevelDelta, bucket: u8, quantity: i64) -> Self {
        Self {
            bucket,
            change: LevelDelta {
                movement_id: change.movement_id.in_bucket(bucket),
                on_hand_delta: change.on_hand_delta.signum() * quantity,
                allocated_delta: change.allocated_delta.signum() * quantity,
                states: StateDeltas {
                    counted_delta: change.states.counted_delta.signum() * quantity,
                    ..change.states
                },
                ..change.clone()
            },
        }
    }

    /// Returns the delta that applies all of `change` to `bucket`.
    pub fn whole(change: &LevelDelta, bucket: u8) -> Self {
        Self {
            bucket,
            change: LevelDelta {
                movement_id: change.movement_id.in_bucket(bucket),
                ..change.clone()
            },
        }
    }
}

/// Returns how much allocated stock can leave a bucket by a delta. 0 if the bucket holds damaged or held goods, because
/// the condition of a delta write does not check how much of the rest is fit for sale.
fn fulfilment_capacity(level: &Level) -> i64 {
    if level.damaged == 0 && level.on_hold == 0 {
        level.on_hand.min(level.allocated)
    } else {
        0
    }
}

/// The share of a level's quantities that one bucket holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    on_hand: i64,
    allocated: i64,
}

impl Share {
    /// Returns the bucket `before` with this share of `total`, which is the level after `change`.
    fn applied_to(&self, before: &Level, total: &Level, change: &LevelDelta) -> Level {
        let is_first = before.bucket == 0;
        let if_first = |quantity: i64| if is_first { quantity } else { 0 };
        let next = Level {
            on_hand: self.on_hand,
            allocated: self.allocated,
            damaged: if_first(total.damaged),
            on_hold: if_first(total.on_hold),
            in_transit: if_first(total.in_transit),
            incoming: if_first(total.incoming),
            version: before.version + 1,
            whole_short: before.split_over > 1 && total.is_short(),
            counted_at: total.counted_at,
            ..before.clone()
        };
        let delta = LevelDelta {
            movement_id: change.movement_id.in_bucket(before.bucket),
            on_hand_delta: next.on_hand - before.on_hand,
            allocated_delta: next.allocated - before.allocated,
            states: StateDeltas {
                damaged_delta: next.damaged - before.damaged,
                on_hold_delta: next.on_hold - before.on_hold,
                in_transit_delta: next.in_transit - before.in_transit,
                incoming_delta: next.incoming - before.incoming,
                counted_delta: if_first(change.states.counted_delta),
            },
            ..change.clone()
        };
        Level {
            last_change: Some(delta),
            ..next
        }
    }
}

/// Splits `total` into `count` shares. Their available quantities, or what each lacks if the level is short, differ by
/// at most 1.
fn shares(total: &Level, count: u8) -> Vec<Share> {
    let (available, unfit) = (total.available(), total.damaged + total.on_hold);
    // A shortage beyond all allocations is a shortage of damaged or held goods, which only the first bucket holds.
    let beyond_allocated = (-available - total.allocated).max(0);
    (0..i64::from(count))
        .map(|bucket| {
            let of = |quantity: i64| share_of(quantity, bucket, i64::from(count));
            let allocated = of(total.allocated);
            let available = available.signum() * of(available.abs() - beyond_allocated);
            let unfit = if bucket == 0 {
                unfit - beyond_allocated
            } else {
                0
            };
            Share {
                on_hand: available + allocated + unfit,
                allocated,
            }
        })
        .collect()
}

/// Returns share `index` of `quantity` (not negative) split into `count` shares. The first shares take the remainder.
fn share_of(quantity: i64, index: i64, count: i64) -> i64 {
    if index >= count {
        return 0;
    }
    quantity / count + i64::from(index < quantity % count)
}

#[cfg(test)]
mod tests;
