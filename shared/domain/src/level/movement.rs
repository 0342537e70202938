//! What happens to levels: the kinds of movements, and what each one changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::is_zero;
use crate::ids::{LocationId, MovementId, OrderId, Sku};
use crate::millis;

/// Why a level changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods left with a customer at the till.
    Sale,
    /// Goods were promised to an order.
    Allocation,
    /// A promise was taken back.
    Release,
    /// Promised goods left.
    Fulfilment,
    /// Goods came back from a customer.
    Return,
    /// Goods came in.
    Receipt,
    /// Goods left for another location.
    TransferOut,
    /// Goods came from another location.
    TransferIn,
    /// A person corrected the level.
    Adjustment,
    /// A person counted.
    Count,
    /// Goods became fit or unfit for sale where they are.
    StateChange,
    /// Nothing happened in the store: a level that is split was evened out.
    Rebalance,
    /// The books were put right: nothing moved, and from here on the movements sum up to the level again.
    Repair,
}

impl MovementKind {
    /// The kind as it is stored and sent.
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

/// By how much a change moves what is neither free to sell nor promised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDeltas {
    /// By how much `damaged` changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged_delta: i64,
    /// By how much `on_hold` changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub on_hold_delta: i64,
    /// By how much `in_transit` changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_transit_delta: i64,
    /// The part of the change of `on_hand` that a count had seen before Stockline learnt of it: the goods moved, and
    /// `on_hand` knew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub counted_delta: i64,
}

/// The last change of a level, kept on its item so that the stream record alone makes the movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// The movement this change is.
    pub movement_id: MovementId,
    /// Why.
    pub kind: MovementKind,
    /// By how much `on_hand` changed.
    pub on_hand_delta: i64,
    /// By how much `allocated` changed.
    pub allocated_delta: i64,
    /// What else changed.
    #[serde(flatten)]
    pub states: StateDeltas,
    /// The caller's reason, where the kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The order, task, or paper that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When it happened in the store.
    #[serde(serialize_with = "millis::serialize")]
    pub occurred_at: Timestamp,
    /// When Stockline learnt of it.
    #[serde(serialize_with = "millis::serialize")]
    pub recorded_at: Timestamp,
}

/// The reason of an adjustment for goods that are broken or spoilt.
pub const DAMAGE: &str = "damage";

impl LastChange {
    /// By how much what may be promised changed.
    pub fn available_delta(&self) -> i64 {
        self.on_hand_delta
            - self.allocated_delta
            - self.states.damaged_delta
            - self.states.on_hold_delta
    }

    /// By how much what is there and may leave with an order changed.
    pub(super) fn fit_for_sale_delta(&self) -> i64 {
        self.on_hand_delta - self.states.damaged_delta - self.states.on_hold_delta
    }

    /// Whether it states what is there, in place of saying what happened to it.
    pub(super) fn says_what_is_there(&self) -> bool {
        matches!(
            self.kind,
            MovementKind::Count | MovementKind::Repair | MovementKind::Rebalance
        )
    }

    /// This change where a count has seen it: nothing is added to what was counted, or taken off.
    pub fn seen_by_count(mut self) -> Self {
        self.states.counted_delta += self.on_hand_delta;
        self.on_hand_delta = 0;
        self
    }

    /// Whether it may leave less on hand than is promised: what a person counted or found broken is a fact, and the
    /// promise is what has to give.
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

/// One immutable change of a level, with what it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// Which of the items of a level that is split.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bucket: u8,
    /// The level's version after it: movements of a level are in this order.
    pub version: u64,
    /// `on_hand` after it.
    pub on_hand: i64,
    /// `allocated` after it.
    pub allocated: i64,
    /// What happened.
    #[serde(flatten)]
    pub change: LastChange,
}

impl Movement {
    /// The order to which this promised something, or of whose promise it took something away; none where it is of another
    /// kind.
    pub fn order(&self) -> Option<OrderId> {
        match self.change.kind {
            MovementKind::Allocation | MovementKind::Release | MovementKind::Fulfilment => {
                self.change.reference.as_deref()?.parse().ok()
            }
            _ => None,
        }
    }
}
