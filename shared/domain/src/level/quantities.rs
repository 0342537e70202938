//! The quantities of a level that movements change.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

use super::{Level, LevelDelta};

/// A quantity of a level that movements change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Physically at the location.
    OnHand,
    /// Promised to orders.
    Allocated,
    /// On hand and unfit for sale.
    Damaged,
    /// On hand and withheld from sale.
    OnHold,
    /// On its way to the location.
    InTransit,
}

impl Quantity {
    /// The name as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnHand => "on_hand",
            Self::Allocated => "allocated",
            Self::Damaged => "damaged",
            Self::OnHold => "on_hold",
            Self::InTransit => "in_transit",
        }
    }
}

/// All quantities of a level that movements change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quantities {
    /// Physically at the location.
    pub on_hand: i64,
    /// Promised to orders.
    pub allocated: i64,
    /// On hand and unfit for sale.
    pub damaged: i64,
    /// On hand and withheld from sale.
    pub on_hold: i64,
    /// On its way to the location.
    pub in_transit: i64,
}

impl Quantities {
    /// Returns damaged, on hold and in transit: the quantities whose result a movement does not state.
    pub(crate) fn states(&self) -> [i64; 3] {
        [self.damaged, self.on_hold, self.in_transit]
    }

    /// Returns how much may still be promised to orders; negative when short.
    pub fn available(&self) -> i64 {
        self.on_hand - self.allocated - self.damaged - self.on_hold
    }

    /// Returns the quantities with the deltas of `change` added.
    pub fn after(self, change: &LevelDelta) -> Self {
        Self {
            on_hand: self.on_hand.saturating_add(change.on_hand_delta),
            allocated: self.allocated.saturating_add(change.allocated_delta),
            damaged: self.damaged.saturating_add(change.states.damaged_delta),
            on_hold: self.on_hold.saturating_add(change.states.on_hold_delta),
            in_transit: self
                .in_transit
                .saturating_add(change.states.in_transit_delta),
        }
    }

    /// Returns each quantity with its name.
    pub fn each(self) -> [(Quantity, i64); 5] {
        [
            (Quantity::OnHand, self.on_hand),
            (Quantity::Allocated, self.allocated),
            (Quantity::Damaged, self.damaged),
            (Quantity::OnHold, self.on_hold),
            (Quantity::InTransit, self.in_transit),
        ]
    }
}

impl Sum for Quantities {
    fn sum<All: Iterator<Item = Self>>(all: All) -> Self {
        all.fold(Self::default(), |sum, next| Self {
            on_hand: sum.on_hand + next.on_hand,
            allocated: sum.allocated + next.allocated,
            damaged: sum.damaged + next.damaged,
            on_hold: sum.on_hold + next.on_hold,
            in_transit: sum.in_transit + next.in_transit,
        })
    }
}

impl Level {
    /// Returns the quantities that movements change: all but `incoming`.
    pub fn quantities(&self) -> Quantities {
        Quantities {
            on_hand: self.on_hand,
            allocated: self.allocated,
            damaged: self.damaged,
            on_hold: self.on_hold,
            in_transit: self.in_transit,
        }
    }

    /// Returns the level with `quantities` in place of its own.
    pub(crate) fn with_quantities(self, quantities: Quantities) -> Self {
        Self {
            on_hand: quantities.on_hand,
            allocated: quantities.allocated,
            damaged: quantities.damaged,
            on_hold: quantities.on_hold,
            in_transit: quantities.in_transit,
            ..self
        }
    }
}
