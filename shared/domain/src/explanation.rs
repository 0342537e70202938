//! Why the available quantity of a level is what it is.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::{Difference, Quantities, Quantity};
use crate::ids::{MovementId, OrderId};
use crate::level::{Level, Movement, MovementKind};
use crate::open_order::OpenOrder;

/// The most open orders that an explanation names.
pub const MAX_ORDERS: usize = 100;

/// A level and its movements, as far as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The level.
    pub level: Level,
    /// Its movements, newest first: from its last one back to its last count, to its beginning, or as far as they were read.
    pub movements: Vec<Movement>,
    /// Whether there is none before them.
    pub reaches_the_beginning: bool,
}

/// The open orders that hold a SKU, as far as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Those placed last first, with their lines of the SKU alone; at most [`MAX_ORDERS`].
    pub orders: Vec<OpenOrder>,
    /// What all that were read hold.
    pub open: i64,
    /// Whether more hold it than are named.
    pub more: bool,
    /// Whether all open orders of the location were read.
    pub all_read: bool,
    /// Whether each was read as it is, and the level stood still meanwhile: else they may be of another moment than the level.
    pub of_one_moment: bool,
}

/// Why the available quantity is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The last count, where one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_count: Option<LastCount>,
    /// What was on hand and allocated before the movements below: after the last count, where there is one.
    pub before: Standing,
    /// What moved since, by kind; nothing of a kind that did not.
    pub movements: Vec<Moved>,
    /// Whether the movements go back to the last count, or to the beginning where there is none.
    pub reaches_back: bool,
    /// Whether the ledger holds the level's last movement: else it is on its way.
    pub ledger_complete: bool,
    /// The open orders that hold the SKU.
    pub holders: HoldersSeen,
    /// Whether what is allocated was compared with what the orders hold: not where not all were read, nor where they do not
    /// agree and the level moved meanwhile.
    pub orders_compared: bool,
    /// What does not add up; nothing, where all does.
    pub differences: Vec<Difference>,
}

/// A count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastCount {
    /// The movement it is; of a level that is split, that of its first item.
    pub movement_id: MovementId,
    /// When it was made.
    #[serde(serialize_with = "crate::millis::serialize")]
    pub counted_at: Timestamp,
    /// When Stockline learnt of it.
    #[serde(serialize_with = "crate::millis::serialize")]
    pub recorded_at: Timestamp,
    /// By how much it changed what was on hand.
    pub on_hand_delta: i64,
    /// What was on hand after it.
    pub on_hand: i64,
}

/// Where the movements begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Physically there.
    pub on_hand: i64,
    /// Promised to orders.
    pub allocated: i64,
}

/// What the movements of one kind come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The kind.
    pub kind: MovementKind,
    /// How many there were.
    pub count: u64,
    /// By how much they changed what is on hand.
    pub on_hand_delta: i64,
    /// By how much they changed what is allocated.
    pub allocated_delta: i64,
}

/// Open orders as an explanation names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldersSeen {
    /// Those placed last first.
    pub orders: Vec<OpenOrder>,
    /// Whether more hold it than are named.
    pub more: bool,
    /// What they hold, named or not; none where not all were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_quantity: Option<i64>,
}

/// Explains the levels of `histories`, which are all of one SKU at one location, and are held by `holders`.
pub fn explain(histories: &[History], holders: Holders) -> Explanation {
    let mut explained = Explanation {
        last_count: None,
        before: Standing::default(),
        movements: Vec::new(),
        reaches_back: true,
        ledger_complete: true,
        holders: HoldersSeen {
            open_quantity: holders.all_read.then_some(holders.open),
            orders: holders.orders,
            more: holders.more,
        },
        orders_compared: false,
        differences: Vec::new(),
    };
    for history in histories {
        explained.add(history);
    }
    if !explained.reaches_back {
        // Of a level that is split it would be the part of some of its items.
        explained.last_count = None;
    }
    let allocated = allocated(histories);
    let agrees = allocated == holders.open;
    // An order that is too new for the index is known from the ledger, once that is complete.
    let is_of_one_moment = holders.of_one_moment && explained.ledger_complete;
    explained.orders_compared = holders.all_read && (agrees || is_of_one_moment);
    if explained.orders_compared && !agrees {
        explained.differences.push(Difference::Orders {
            allocated,
            open: holders.open,
        });
    }
    explained.movements.sort_by_key(|moved| moved.kind.as_str());
    explained
}

/// What is allocated of the levels of `histories`.
pub fn allocated(histories: &[History]) -> i64 {
    let levels = histories.iter().map(|history| &history.level);
    levels.map(|level| level.allocated).sum()
}

/// The orders that hold the levels of `histories` for all that the movements say that were read.
pub fn orders_named(histories: &[History]) -> BTreeSet<OrderId> {
    let mut promised = BTreeMap::<OrderId, i64>::new();
    for movement in histories.iter().flat_map(|history| &history.movements) {
        if let Some(order) = movement.order() {
            let promised = promised.entry(order).or_default();
            *promised = promised.saturating_add(movement.change.allocated_delta);
        }
    }
    let held = promised.into_iter().filter(|(_, held)| *held != 0);
    held.map(|(order, _)| order).collect()
}

impl Explanation {
    fn add(&mut self, history: &History) {
        let level = &history.level;
        for (quantity, level) in Quantities::of(level).each() {
            if level < 0 {
                self.differences
                    .push(Difference::Negative { quantity, level });
            }
        }
        let newest = history.movements.first();
        let last = level.last_change.as_ref().map(|change| change.movement_id);
        let recorded = newest.map(|movement| movement.change.movement_id) == last;
        self.ledger_complete &= recorded;

        let is_count = |movement: &&Movement| movement.change.kind == MovementKind::Count;
        let count = history.movements.iter().find(is_count);
        self.reaches_back &= count.is_some() || history.reaches_the_beginning;
        if let Some(count) = count {
            self.take_count(count);
        }
        let since: Vec<&Movement> = history
            .movements
            .iter()
            .take_while(|movement| !is_count(movement))
            .collect();
        let before = match (count, since.last()) {
            (Some(count), _) => Standing::after(count),
            (None, Some(oldest)) if !history.reaches_the_beginning => Standing::ahead_of(oldest),
            _ => Standing::default(),
        };
        self.before.on_hand += before.on_hand;
        self.before.allocated += before.allocated;

        let (mut now, mut gap) = (before, None);
        for movement in since.into_iter().rev() {
            let after = Standing::after(movement);
            let moved = if movement.change.kind == MovementKind::Repair {
                // It makes up for what is missing before it.
                gap = None;
                // It changed what the books say by more or less than the level.
                after.minus(now)
            } else {
                Standing::of_change(movement)
            };
            if now.plus(moved) != after {
                gap.get_or_insert(movement.version);
            }
            self.count_in(movement.change.kind, moved);
            now = now.plus(moved);
        }
        if let Some(version) = gap {
            self.differences.push(Difference::Gap { version });
        }
        // What is not recorded yet is no contradiction.
        if recorded {
            for (quantity, level, movements) in [
                (Quantity::OnHand, level.on_hand, now.on_hand),
                (Quantity::Allocated, level.allocated, now.allocated),
            ] {
                if level != movements {
                    self.differences.push(Difference::Movements {
                        quantity,
                        level,
                        movements,
                    });
                }
            }
        }
    }

    fn take_count(&mut self, count: &Movement) {
        let change = &count.change;
        let part = LastCount {
            movement_id: change.movement_id,
            counted_at: change.occurred_at,
            recorded_at: change.recorded_at,
            on_hand_delta: change.on_hand_delta,
            on_hand: count.on_hand,
        };
        let Some(known) = &mut self.last_count else {
            self.last_count = Some(part);
            return;
        };
        match part.when().cmp(&known.when()) {
            Ordering::Less => {}
            // Each item of a level that is split holds its part of one count.
            Ordering::Equal => {
                known.on_hand_delta += part.on_hand_delta;
                known.on_hand += part.on_hand;
            }
            Ordering::Greater => *known = part,
        }
    }

    fn count_in(&mut self, kind: MovementKind, by: Standing) {
        let known = self.movements.iter_mut().find(|moved| moved.kind == kind);
        if let Some(moved) = known {
            moved.count += 1;
            moved.on_hand_delta += by.on_hand;
            moved.allocated_delta += by.allocated;
        } else {
            self.movements.push(Moved {
                kind,
                count: 1,
                on_hand_delta: by.on_hand,
                allocated_delta: by.allocated,
            });
        }
    }
}

impl LastCount {
    fn when(&self) -> (Timestamp, Timestamp) {
        (self.counted_at, self.recorded_at)
    }
}

impl Standing {
    fn after(movement: &Movement) -> Self {
        Self {
            on_hand: movement.on_hand,
            allocated: movement.allocated,
        }
    }

    fn ahead_of(movement: &Movement) -> Self {
        Self::after(movement).minus(Self::of_change(movement))
    }

    fn of_change(movement: &Movement) -> Self {
        Self {
            on_hand: movement.change.on_hand_delta,
            allocated: movement.change.allocated_delta,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            on_hand: self.on_hand.saturating_add(other.on_hand),
            allocated: self.allocated.saturating_add(other.allocated),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            on_hand: self.on_hand.saturating_sub(other.on_hand),
            allocated: self.allocated.saturating_sub(other.allocated),
        }
    }
}

#[cfg(test)]
mod tests;
