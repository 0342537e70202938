//! A level that is split over several items ("buckets"), so that a SKU that everyone buys at once is no single hot item.
//!
//! What is there, what is promised and what is available is the sum of the buckets. Promises are alike, so one that was
//! made in one bucket may be kept or taken back in another. Either no bucket is short or none has anything available:
//! nothing is sold from one while another owes. While the whole is short every bucket says so, and whatever raises what is
//! available is shared out over all of them, or comes to the first where all that there is was gathered in it. A bucket that
//! says so of a level that is not short any more is only waiting to be told.

mod rebalance;

use crate::level::{LastChange, Level, LevelError, LevelKey, StateDeltas};

pub use rebalance::Gathering;

/// Every item of one level, by its bucket number; the first also holds the policy and what is not split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitLevel {
    buckets: Vec<Level>,
}

/// How a change is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// These parts of it, each of which needs no more than that its bucket can take it.
    Parts(Vec<Part>),
    /// Every bucket anew, each as it was and as it is to be.
    Anew(Vec<(Level, Level)>),
}

/// The part of a change that one bucket takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The bucket.
    pub bucket: u8,
    /// What changes there.
    pub change: LastChange,
}

impl SplitLevel {
    /// The level whose items are `buckets`, the first of them bucket 0; those after it that are missing hold nothing yet.
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

    /// A bucket of the level whose first is `first`, with nothing in it.
    pub fn empty_bucket(first: &Level, bucket: u8) -> Level {
        Level {
            bucket,
            split_over: first.split_over,
            whole_short: first.whole_short,
            counted_at: first.counted_at,
            ..Level::empty(&first.key())
        }
    }

    /// Its items, by bucket number.
    pub fn buckets(&self) -> &[Level] {
        &self.buckets
    }

    /// Which level it is.
    pub fn key(&self) -> LevelKey {
        self.buckets[0].key()
    }

    /// How many buckets its policy wants in use.
    pub fn in_use(&self) -> u8 {
        let policy = self.buckets[0].policy.as_ref();
        let wanted = policy.map_or(1, |policy| policy.buckets.max(1));
        u8::try_from(self.buckets.len()).map_or(wanted, |there| wanted.min(there))
    }

    /// The level as a whole: sums, and the last change of any bucket.
    pub fn total(&self) -> Level {
        let sum = |of: fn(&Level) -> i64| self.buckets.iter().map(of).sum();
        let last = self
            .buckets
            .iter()
            .filter_map(|level| level.last_change.as_ref())
            .max_by_key(|change| change.recorded_at);
        Level {
            on_hand: sum(|level| level.on_hand),
            allocated: sum(|level| level.allocated),
            damaged: sum(|level| level.damaged),
            on_hold: sum(|level| level.on_hold),
            in_transit: sum(|level| level.in_transit),
            version: self.buckets.iter().map(|level| level.version).sum(),
            last_change: last.cloned(),
            ..self.buckets[0].clone()
        }
    }

    /// How `change` of the whole level is written.
    ///
    /// # Errors
    /// [`LevelError`] when the whole level cannot take it.
    pub fn plan(&self, change: &LastChange) -> Result<Plan, LevelError> {
        let after = self.total().after(change.clone())?;
        // It may have become one that a count has seen.
        let change = after.last_change.clone().unwrap_or_else(|| change.clone());
        let StateDeltas {
            damaged_delta,
            on_hold_delta,
            in_transit_delta,
            ..
        } = change.states;
        let (on_hand, allocated) = (change.on_hand_delta, change.allocated_delta);
        let room: Option<fn(&Level) -> i64> = match (on_hand.signum(), allocated.signum()) {
            _ if damaged_delta != 0 || on_hold_delta != 0 => None,
            (-1, 0) | (0, 1) => Some(Level::available),
            (0, _) => Some(|level| level.allocated),
            (_, 0) => Some(|level| i64::MAX - level.available().max(0)),
            (-1, _) if on_hand == allocated => Some(room_to_leave),
            _ => None,
        };
        let owes = |bucket: &Level| bucket.is_short() || bucket.whole_short;
        let is_owed = change.available_delta() > 0 && self.buckets.iter().any(owes);
        let parts = match room {
            _ if is_owed || self.is_to_be_told() => None,
            // What is on its way is the first bucket's.
            Some(_) if in_transit_delta != 0 => {
                (on_hand >= 0 && allocated == 0).then(|| vec![Part::whole(&change, 0)])
            }
            Some(room) => self.parts(&change, room),
            None => None,
        };
        Ok(parts.map_or_else(|| Plan::Anew(self.anew(&after, &change)), Plan::Parts))
    }

    /// The level once `plan`, which is of it as it is, is written.
    ///
    /// # Errors
    /// [`LevelError`] when a bucket has not what its part needs: the plan was of another level.
    pub fn after(&self, plan: &Plan) -> Result<Self, LevelError> {
        let mut buckets = self.buckets.clone();
        let mut put = |bucket: u8, level: Level| {
            if let Some(place) = buckets.get_mut(usize::from(bucket)) {
                *place = level;
            }
        };
        match plan {
            Plan::Parts(parts) => {
                for part in parts {
                    if let Some(before) = self.buckets.get(usize::from(part.bucket)) {
                        put(part.bucket, before.after(part.change.clone())?);
                    }
                }
            }
            Plan::Anew(levels) => {
                for (before, after) in levels {
                    put(before.bucket, after.clone());
                }
            }
        }
        Ok(Self { buckets })
    }

    /// Whether a bucket says that the level is short, and it is not any more.
    fn is_to_be_told(&self) -> bool {
        self.buckets.iter().any(|bucket| bucket.whole_short) && !self.total().is_short()
    }

    /// The buckets that take `change`, as few as may be: none where they have not the room.
    fn parts(&self, change: &LastChange, room: impl Fn(&Level) -> i64) -> Option<Vec<Part>> {
        let mut wanted = change.on_hand_delta.abs().max(change.allocated_delta.abs());
        let mut roomiest: Vec<(i64, &Level)> = self
            .buckets
            .iter()
            .map(|level| (room(level).max(0), level))
            .collect();
        roomiest.sort_by_key(|(room, level)| (std::cmp::Reverse(*room), level.bucket));
        if wanted == 0 {
            return Some(vec![Part::whole(change, roomiest[0].1.bucket)]);
        }
        let mut parts = Vec::new();
        for (room, level) in roomiest {
            let quantity = wanted.min(room);
            if quantity > 0 {
                parts.push(Part::of(change, level.bucket, quantity));
                wanted -= quantity;
            }
        }
        (wanted == 0).then_some(parts)
    }

    /// Every bucket as it is and as it is to be, so that together they are `total` after `change`, evenly.
    pub fn anew(&self, total: &Level, change: &LastChange) -> Vec<(Level, Level)> {
        self.anew_over(self.in_use(), total, change)
    }

    /// The same, over the first `count` buckets.
    fn anew_over(&self, count: u8, total: &Level, change: &LastChange) -> Vec<(Level, Level)> {
        let shares = shares(total, count);
        self.buckets
            .iter()
            .map(|before| {
                let nothing = Share::default();
                let share = shares.get(usize::from(before.bucket)).unwrap_or(&nothing);
                let after = share.fill(before, total, change);
                (before.clone(), after)
            })
            .collect()
    }
}

impl Part {
    /// The part of `change` of which `bucket` takes `quantity`.
    pub fn of(change: &LastChange, bucket: u8, quantity: i64) -> Self {
        Self {
            bucket,
            change: LastChange {
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

    /// All of `change`, in `bucket`.
    pub fn whole(change: &LastChange, bucket: u8) -> Self {
        Self {
            bucket,
            change: LastChange {
                movement_id: change.movement_id.in_bucket(bucket),
                ..change.clone()
            },
        }
    }
}

/// How much may leave of a bucket by what it adds up to: nothing where goods are set aside as unfit, for how much is left
/// beside them a write by deltas cannot ask.
fn room_to_leave(level: &Level) -> i64 {
    if level.damaged == 0 && level.on_hold == 0 {
        level.on_hand.min(level.allocated)
    } else {
        0
    }
}

/// What one bucket holds of a whole level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    on_hand: i64,
    allocated: i64,
}

impl Share {
    /// `before` with this share of `total`, in which `change` is.
    fn fill(&self, before: &Level, total: &Level, change: &LastChange) -> Level {
        let is_first = before.bucket == 0;
        let whole = |of: i64| if is_first { of } else { 0 };
        let next = Level {
            on_hand: self.on_hand,
            allocated: self.allocated,
            damaged: whole(total.damaged),
            on_hold: whole(total.on_hold),
            in_transit: whole(total.in_transit),
            version: before.version + 1,
            whole_short: before.split_over > 1 && total.is_short(),
            counted_at: total.counted_at,
            ..before.clone()
        };
        let part = LastChange {
            movement_id: change.movement_id.in_bucket(before.bucket),
            on_hand_delta: next.on_hand - before.on_hand,
            allocated_delta: next.allocated - before.allocated,
            states: StateDeltas {
                damaged_delta: next.damaged - before.damaged,
                on_hold_delta: next.on_hold - before.on_hold,
                in_transit_delta: next.in_transit - before.in_transit,
                counted_delta: whole(change.states.counted_delta),
            },
            ..change.clone()
        };
        Level {
            last_change: Some(part),
            ..next
        }
    }
}

/// `total` in `count` shares: each has as much available as any other, give or take one, or lacks as much.
fn shares(total: &Level, count: u8) -> Vec<Share> {
    let (available, aside) = (total.available(), total.damaged + total.on_hold);
    // What is lacking beyond all promises is set aside, and so in the first bucket.
    let beyond = (-available - total.allocated).max(0);
    (0..i64::from(count))
        .map(|bucket| {
            let of = |quantity: i64| share_of(quantity, bucket, i64::from(count));
            let allocated = of(total.allocated);
            let available = available.signum() * of(available.abs() - beyond);
            let first = if bucket == 0 { aside - beyond } else { 0 };
            Share {
                on_hand: available + allocated + first,
                allocated,
            }
        })
        .collect()
}

/// The share of `quantity` (not negative) that is number `place` of `count`: the first ones take the remainder.
fn share_of(quantity: i64, place: i64, count: i64) -> i64 {
    if place >= count {
        return 0;
    }
    quantity / count + i64::from(place < quantity % count)
}

#[cfg(test)]
mod tests;
