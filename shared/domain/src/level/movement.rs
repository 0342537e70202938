//! Deltas of levels and the movements that record them.
//!
//! A [`LevelDelta`] is applied to a level; the [`Movement`] records that it was, with the resulting quantities.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::is_zero;
use crate::ids::{LocationId, MovementId, OrderId, Sku};
use crate::millis;

/// The kind of a movement: why a level changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods were sold at the till and left at once.
    Sale,
    /// Goods were allocated to an order.
    Allocation,
    /// An allocation was released.
    Release,
    /// Allocated goods left.
    Fulfilment,
    /// Goods were returned by a customer.
    Return,
    /// Goods were received, for example from a supplier.
    Receipt,
    /// Goods left for another location.
    TransferOut,
    /// Goods of another location were shipped to this one (in transit), or arrived here.
    TransferIn,
    /// A person corrected the level.
    Adjustment,
    /// A person counted the stock.
    Count,
    /// Goods on hand became fit or unfit for sale.
    StateChange,
    /// Stock was moved between the buckets of a split level. The sum over the buckets is unchanged.
    Rebalance,
    /// The ledger was repaired: no goods moved, and from this movement on the movements sum to the level again.
    Repair,
}

impl MovementKind {
    /// Returns the name of the kind in stored items and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Allocation => "allocation",
            Self::Release => "release",
            Self::Fulfilment => "fulfilment",
            Self::Return => "return",
            Self::Receipt => "receipt",
            Self::TransferOut => "transfer_out",
            Self::TransferIn => "transfer_in",
            Self::Adjustment => "adjustment",
            Self::Count => "count",
            Self::StateChange => "state_change",
            Self::Rebalance => "rebalance",
            Self::Repair => "repair",
        }
    }
}

/// The deltas of one change apart from `on_hand` and `allocated`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDeltas {
    /// The delta of `damaged`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged_delta: i64,
    /// The delta of `on_hold`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub on_hold_delta: i64,
    /// The delta of `in_transit`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_transit_delta: i64,
    /// The delta of `incoming`. Only a receipt of a replenishment order has one: what an order adds when it is placed, and
    /// takes back when it is canceled, is no movement, because no goods move.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub incoming_delta: i64,
    /// The quantity that moved on the shelf but does not change `on_hand`, because a count made after the goods moved
    /// already includes it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub counted_delta: i64,
}

/// What one change adds to or subtracts from the quantities of a level, with its kind, cause and times.
///
/// The level's item keeps the delta that was applied last, so that a stream record alone is enough to write the
/// movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelDelta {
    /// The id of the movement that records this delta.
    pub movement_id: MovementId,
    /// Why the level changes.
    pub kind: MovementKind,
    /// The delta of `on_hand`.
    pub on_hand_delta: i64,
    /// The delta of `allocated`.
    pub allocated_delta: i64,
    /// The deltas of the other quantities.
    #[serde(flatten)]
    pub states: StateDeltas,
    /// The caller's reason, if the kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The order or document that caused the change, such as an order id or a delivery note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When the change happened at the location.
    #[serde(serialize_with = "millis::serialize")]
    pub occurred_at: Timestamp,
    /// When Stockline recorded the change.
    #[serde(serialize_with = "millis::serialize")]
    pub recorded_at: Timestamp,
}

/// The reason of a change for goods that are broken or spoilt. It may leave a level short.
pub const DAMAGE: &str = "damage";

impl LevelDelta {
    /// Returns the delta of [`Level::available`](super::Level::available).
    pub fn available_delta(&self) -> i64 {
        self.on_hand_delta
            - self.allocated_delta
            - self.states.damaged_delta
            - self.states.on_hold_delta
    }

    /// Returns the delta of [`Level::fit_for_sale`](super::Level::fit_for_sale).
    pub(super) fn fit_for_sale_delta(&self) -> i64 {
        self.on_hand_delta - self.states.damaged_delta - self.states.on_hold_delta
    }

    /// Returns whether the change states the resulting quantities instead of reporting goods that moved.
    pub(super) fn states_quantities(&self) -> bool {
        matches!(
            self.kind,
            MovementKind::Count | MovementKind::Repair | MovementKind::Rebalance
        )
    }

    /// Returns this delta for a level that was counted after the goods moved: `on_hand` stays as counted, and the
    /// quantity is kept as `counted_delta`.
    pub fn as_already_counted(mut self) -> Self {
        self.states.counted_delta += self.on_hand_delta;
        self.on_hand_delta = 0;
        self
    }

    /// Returns whether the change may make a level short. A count and damage are facts about the shelf, so they are
    /// recorded even if allocated orders can then not be fulfilled.
    pub(super) fn may_leave_short(&self) -> bool {
        match self.kind {
            MovementKind::Count => true,
            MovementKind::Adjustment | MovementKind::StateChange => {
                self.reason.as_deref() == Some(DAMAGE)
            }
            _ => false,
        }
    }
}

/// The immutable record of one delta that was applied to a level, with the resulting quantities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The bucket of a split level. 0 if the level is not split.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bucket: u8,
    /// The version of the level (or bucket) after the change. Movements are ordered by it.
    pub version: u64,
    /// `on_hand` after the change.
    pub on_hand: i64,
    /// `allocated` after the change.
    pub allocated: i64,
    /// The delta that was applied.
    #[serde(flatten)]
    pub change: LevelDelta,
}

impl Movement {
    /// Returns the order whose allocation this movement changed. `None` if the kind changes no allocation, or if the
    /// reference is not an order id.
    pub fn order(&self) -> Option<OrderId> {
        match self.change.kind {
            MovementKind::Allocation | MovementKind::Release | MovementKind::Fulfilment => {
                self.change.reference.as_deref()?.parse().ok()
            }
            _ => None,
        }
    }
}
