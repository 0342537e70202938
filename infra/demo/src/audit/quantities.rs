//! The quantities of a level that movements change.

use std::ops::AddAssign;

/// The quantities of a level, or how one movement changes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quantities {
    pub on_hand: i64,
    /// Promised to orders.
    pub allocated: i64,
    /// The part of `on_hand` that is damaged.
    pub damaged: i64,
    /// The part of `on_hand` that is on hold.
    pub on_hold: i64,
    /// On its way from another location, so not part of `on_hand`.
    pub in_transit: i64,
}

impl Quantities {
    /// The quantity that an order can take. Negative if the level is short.
    pub fn available(&self) -> i64 {
        self.on_hand - self.allocated - self.damaged - self.on_hold
    }

    /// Whether a quantity is negative.
    pub fn has_negative(&self) -> bool {
        [
            self.on_hand,
            self.allocated,
            self.damaged,
            self.on_hold,
            self.in_transit,
        ]
        .iter()
        .any(|quantity| *quantity < 0)
    }
}

impl AddAssign for Quantities {
    fn add_assign(&mut self, change: Self) {
        self.on_hand += change.on_hand;
        self.allocated += change.allocated;
        self.damaged += change.damaged;
        self.on_hold += change.on_hold;
        self.in_transit += change.in_transit;
    }
}

impl std::fmt::Display for Quantities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "on hand {}, allocated {}, damaged {}, on hold {}, in transit {}",
            self.on_hand, self.allocated, self.damaged, self.on_hold, self.in_transit
        )
    }
}
