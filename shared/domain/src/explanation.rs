//! Explains the quantities of a level by its last count, its movements since and its open orders.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::Difference;
use crate::ids::{MovementId, OrderId};
use crate::level::{Level, Movement, MovementKind, Quantity};
use crate::open_order::OpenOrder;

/// The maximum number of open orders in an explanation.
pub const MAX_ORDERS: usize = 100;

/// A level and the movements that were read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelHistory {
    /// The level.
    pub level: Level,
    /// The movements, newest first: back to the last count, to the first movement, or to the limit of the read.
    pub movements: Vec<Movement>,
    /// Whether the level has no older movement.
    pub reaches_first_movement: bool,
}

/// The open orders that hold a SKU, as input of an explanation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HoldingOrders {
    /// The newest orders first, with only their lines of the SKU; at most [`MAX_ORDERS`].
    pub orders: Vec<OpenOrder>,
    /// The open quantity of all orders that were read, listed or not.
    pub open_quantity: i64,
    /// Whether more orders hold the SKU than are listed.
    pub has_more: bool,
    /// Whether all open orders of the location were read.
    pub is_complete: bool,
    /// Whether each order was read itself and not from an index, and the level did not change meanwhile. Otherwise orders and
    /// level may be from different moments.
    pub is_consistent: bool,
}

/// The explanation of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The last count, if one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_count: Option<LastCount>,
    /// The quantities before the movements below: after the last count, if there is one.
    pub before: Balance,
    /// The movements since, summed by kind.
    pub movements: Vec<MovementTotal>,
    /// Whether the movements go back to the last count, or to the first movement of a level without a count.
    pub reaches_back: bool,
    /// Whether the ledger holds the level's last movement. Otherwise it has not arrived yet.
    pub ledger_complete: bool,
    /// The open orders that hold the SKU.
    pub holders: ExplainedHolders,
    /// Whether the allocated quantity was compared with the open quantity of the orders. It is not where some orders were not
    /// read, or where the two differ and may be from different moments.
    pub orders_compared: bool,
    /// The contradictions found.
    pub differences: Vec<Difference>,
}

/// The last count of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastCount {
    /// The id of its movement; for a split level that of its first bucket.
    pub movement_id: MovementId,
    /// When the count was made.
    #[serde(serialize_with = "crate::millis::serialize")]
    pub counted_at: Timestamp,
    /// When Stockline recorded it.
    #[serde(serialize_with = "crate::millis::serialize")]
    pub recorded_at: Timestamp,
    /// The change of `on_hand` by the count.
    pub on_hand_delta: i64,
    /// `on_hand` after the count.
    pub on_hand: i64,
}

/// The quantities on hand and allocated at one point in the movements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Physically at the location.
    pub on_hand: i64,
    /// Promised to orders.
    pub allocated: i64,
}

/// The sum of the movements of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovementTotal {
    /// The kind.
    pub kind: MovementKind,
    /// The number of movements.
    pub count: u64,
    /// The sum of their changes of `on_hand`.
    pub on_hand_delta: i64,
    /// The sum of their changes of `allocated`.
    pub allocated_delta: i64,
}

/// The open orders in an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedHolders {
    /// The newest orders first.
    pub orders: Vec<OpenOrder>,
    /// Whether more orders hold the SKU than are listed.
    pub more: bool,
    /// The open quantity of all orders, listed or not; absent where not all orders were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_quantity: Option<i64>,
}

/// Explains the level of one SKU at one location.
///
/// `histories` has one entry, or one for each bucket of a split level. `holders` are the open orders that hold the level.
pub fn explain(histories: &[LevelHistory], holders: HoldingOrders) -> Explanation {
    let mut explanation = Explanation {
        last_count: None,
        before: Balance::default(),
        movements: Vec::new(),
        reaches_back: true,
        ledger_complete: true,
        holders: ExplainedHolders {
            open_quantity: holders.is_complete.then_some(holders.open_quantity),
            orders: holders.orders,
            more: holders.has_more,
        },
        orders_compared: false,
        differences: Vec::new(),
    };
    for history in histories {
        explanation.add(history);
    }
    if !explanation.reaches_back {
        // For a split level it may be the sum of only some of the buckets.
        explanation.last_count = None;
    }
    let allocated = total_allocated(histories);
    let agrees = allocated == holders.open_quantity;
    // An order too new for the index is only known from its movements, so the ledger must be complete.
    let is_consistent = holders.is_consistent && explanation.ledger_complete;
    explanation.orders_compared = holders.is_complete && (agrees || is_consistent);
    if explanation.orders_compared && !agrees {
        explanation.differences.push(Difference::Orders {
            allocated,
            open: holders.open_quantity,
        });
    }
    explanation
        .movements
        .sort_by_key(|total| total.kind.as_str());
    explanation
}

/// Returns the sum of the allocated quantities of `histories`.
pub fn total_allocated(histories: &[LevelHistory]) -> i64 {
    let levels = histories.iter().map(|history| &history.level);
    levels.map(|level| level.allocated).sum()
}

/// Returns the orders that hold a level according to the movements in `histories`.
pub fn orders_in_movements(histories: &[LevelHistory]) -> BTreeSet<OrderId> {
    let mut allocated = BTreeMap::<OrderId, i64>::new();
    for movement in histories.iter().flat_map(|history| &history.movements) {
        if let Some(order) = movement.order() {
            let allocated = allocated.entry(order).or_default();
            *allocated = allocated.saturating_add(movement.change.allocated_delta);
        }
    }
    let held = allocated.into_iter().filter(|(_, held)| *held != 0);
    held.map(|(order, _)| order).collect()
}

impl Explanation {
    fn add(&mut self, history: &LevelHistory) {
        let level = &history.level;
        for (quantity, level) in level.quantities().each() {
            if level < 0 {
                self.differences
                    .push(Difference::Negative { quantity, level });
            }
        }
        let newest = history.movements.first();
        let last = level.last_change.as_ref().map(|change| change.movement_id);
        let is_recorded = newest.map(|movement| movement.change.movement_id) == last;
        self.ledger_complete &= is_recorded;

        let is_count = |movement: &&Movement| movement.change.kind == MovementKind::Count;
        let count = history.movements.iter().find(is_count);
        self.reaches_back &= count.is_some() || history.reaches_first_movement;
        if let Some(count) = count {
            self.add_count(count);
        }
        let since: Vec<&Movement> = history
            .movements
            .iter()
            .take_while(|movement| !is_count(movement))
            .collect();
        let before = match (count, since.last()) {
            (Some(count), _) => Balance::after(count),
            (None, Some(oldest)) if !history.reaches_first_movement => Balance::before(oldest),
            _ => Balance::default(),
        };
        self.before.on_hand += before.on_hand;
        self.before.allocated += before.allocated;

        let (mut balance, mut gap) = (before, None);
        for movement in since.into_iter().rev() {
            let after = Balance::after(movement);
            let delta = if movement.change.kind == MovementKind::Repair {
                // A repair makes up for the movements missing before it.
                gap = None;
                // Its own deltas are those of the ledger; the level changed by what its result shows.
                after.minus(balance)
            } else {
                Balance::of_change(movement)
            };
            if balance.plus(delta) != after {
                gap.get_or_insert(movement.version);
            }
            self.add_to_total(movement.change.kind, delta);
            balance = balance.plus(delta);
        }
        if let Some(version) = gap {
            self.differences.push(Difference::Gap { version });
        }
        // A movement that has not arrived yet is not a contradiction.
        if is_recorded {
            for (quantity, level, movements) in [
                (Quantity::OnHand, level.on_hand, balance.on_hand),
                (Quantity::Allocated, level.allocated, balance.allocated),
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

    fn add_count(&mut self, movement: &Movement) {
        let change = &movement.change;
        let count = LastCount {
            movement_id: change.movement_id,
            counted_at: change.occurred_at,
            recorded_at: change.recorded_at,
            on_hand_delta: change.on_hand_delta,
            on_hand: movement.on_hand,
        };
        let Some(known) = &mut self.last_count else {
            self.last_count = Some(count);
            return;
        };
        match count.times().cmp(&known.times()) {
            Ordering::Less => {}
            // Each bucket of a split level has its own part of one count.
            Ordering::Equal => {
                known.on_hand_delta += count.on_hand_delta;
                known.on_hand += count.on_hand;
            }
            Ordering::Greater => *known = count,
        }
    }

    fn add_to_total(&mut self, kind: MovementKind, delta: Balance) {
        let known = self.movements.iter_mut().find(|total| total.kind == kind);
        if let Some(total) = known {
            total.count += 1;
            total.on_hand_delta += delta.on_hand;
            total.allocated_delta += delta.allocated;
        } else {
            self.movements.push(MovementTotal {
                kind,
                count: 1,
                on_hand_delta: delta.on_hand,
                allocated_delta: delta.allocated,
            });
        }
    }
}

impl LastCount {
    fn times(&self) -> (Timestamp, Timestamp) {
        (self.counted_at, self.recorded_at)
    }
}

impl Balance {
    fn after(movement: &Movement) -> Self {
        Self {
            on_hand: movement.on_hand,
            allocated: movement.allocated,
        }
    }

    fn before(movement: &Movement) -> Self {
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
