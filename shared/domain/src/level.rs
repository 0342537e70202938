//! The stock level of one SKU at one location, and the movements that change it.

mod movement;
mod policy;
mod quantities;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, Sku};

pub use movement::{DAMAGE, LevelDelta, Movement, MovementKind, StateDeltas};
pub use policy::{MAX_BUCKETS, ReorderPolicy, ReplenishmentMode};
pub use quantities::{Quantities, Quantity};

/// Maximum quantity of one order line or stock change, in the SKU's unit of measure.
pub const MAX_QUANTITY: i64 = 1_000_000;

/// Maximum of each quantity of a level, in the SKU's unit of measure. A change beyond it is refused.
pub const MAX_LEVEL: i64 = 1_000_000_000_000;

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

/// Identifies a level: one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelKey {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
}

/// The stock level of one SKU at one location, or one bucket of it (see [`crate::split_level`]). It is stored as one
/// item.
///
/// Quantities are in the SKU's unit of measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The bucket number of this item in a split level, from 0. 0 if the level is not split.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bucket: u8,
    /// The largest number of buckets that the level has had, stored on every bucket. 0 if it was never split.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub split_over: u8,
    /// Whether the level as a whole is short, stored on every bucket of a split level. False if the level is not split.
    ///
    /// Stock that is returned to this bucket may be allocated in another bucket, which this item alone does not show.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub whole_short: bool,
    /// Physically at the location. Never negative.
    pub on_hand: i64,
    /// Allocated to orders. Never negative.
    pub allocated: i64,
    /// The part of `on_hand` that is damaged and cannot be sold. Never negative.
    #[serde(default)]
    pub damaged: i64,
    /// The part of `on_hand` that the location holds back from sale. Never negative.
    #[serde(default)]
    pub on_hold: i64,
    /// Shipped to this location by another one, and not arrived. Not part of `on_hand`. Never negative.
    #[serde(default)]
    pub in_transit: i64,
    /// What the open replenishment order of the level still expects. Never negative. Bucket 0 holds it.
    #[serde(default)]
    pub incoming: i64,
    /// Incremented by 1 with every write.
    pub version: u64,
    /// The time of the latest count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_at: Option<Timestamp>,
    /// The reorder policy, if one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ReorderPolicy>,
    /// The delta that was applied last. `None` before the first movement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LevelDelta>,
}

impl Level {
    /// Returns a level with no stock and no history.
    pub fn empty(key: &LevelKey) -> Self {
        Self {
            location_id: key.location_id.clone(),
            sku: key.sku.clone(),
            bucket: 0,
            split_over: 0,
            whole_short: false,
            on_hand: 0,
            allocated: 0,
            damaged: 0,
            on_hold: 0,
            in_transit: 0,
            incoming: 0,
            version: 0,
            counted_at: None,
            policy: None,
            last_change: None,
        }
    }

    /// Returns the level's SKU and location.
    pub fn key(&self) -> LevelKey {
        LevelKey {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
        }
    }

    /// Returns the quantity that can be allocated or sold. Negative if the level is short.
    pub fn available(&self) -> i64 {
        self.quantities().available()
    }

    /// Returns the quantity on hand that can leave with an order. Negative if a count found less on hand than is
    /// recorded as damaged or on hold.
    pub fn fit_for_sale(&self) -> i64 {
        self.on_hand - self.damaged - self.on_hold
    }

    /// Returns whether less is fit for sale than is allocated.
    pub fn is_short(&self) -> bool {
        self.available() < 0
    }

    /// Returns whether the available quantity is at or below the reorder point. A level without a policy is never low.
    pub fn is_low(&self) -> bool {
        let policy = self.policy.as_ref();
        policy.is_some_and(|policy| self.available() <= policy.reorder_point)
    }

    /// Returns whether a count was made after `occurred_at`. Such a count already includes what happened at that time.
    pub fn has_count_after(&self, occurred_at: Timestamp) -> bool {
        self.counted_at
            .is_some_and(|counted_at| occurred_at < counted_at)
    }

    /// Returns the level with `change` applied.
    ///
    /// If a count was made after the change occurred, the count already includes its goods: `on_hand` stays as counted,
    /// see [`LevelDelta::as_already_counted`].
    ///
    /// # Errors
    /// [`LevelError`] if the resulting level is not allowed.
    pub fn after(&self, change: LevelDelta) -> Result<Self, LevelError> {
        let change =
            if change.kind != MovementKind::Count && self.has_count_after(change.occurred_at) {
                change.as_already_counted()
            } else {
                change
            };
        let next = Self {
            incoming: self.incoming.saturating_add(change.states.incoming_delta),
            version: self.version + 1,
            ..self.clone()
        };
        let next = next.with_quantities(self.quantities().after(&change));
        next.check(self)?;
        if change.available_delta() < 0 && next.is_short() && !change.may_leave_short() {
            return Err(LevelError::NotAvailable {
                available: self.available(),
            });
        }
        if change.fit_for_sale_delta() < 0 && next.fit_for_sale() < 0 && !change.states_quantities()
        {
            return Err(LevelError::NotFitForSale {
                fit: self.fit_for_sale(),
            });
        }
        Ok(Self {
            last_change: Some(change),
            ..next
        })
    }

    fn check(&self, before: &Self) -> Result<(), LevelError> {
        let quantities = [
            self.on_hand,
            self.allocated,
            self.damaged,
            self.on_hold,
            self.in_transit,
            self.incoming,
        ];
        if self.on_hand < 0 {
            return Err(LevelError::NotOnHand {
                on_hand: before.on_hand,
            });
        }
        if self.allocated < 0 {
            return Err(LevelError::NotAllocated {
                allocated: before.allocated,
            });
        }
        if self.damaged < 0 {
            return Err(LevelError::NotDamaged {
                damaged: before.damaged,
            });
        }
        if self.on_hold < 0 {
            return Err(LevelError::NotOnHold {
                on_hold: before.on_hold,
            });
        }
        if self.in_transit < 0 {
            return Err(LevelError::NotInTransit {
                in_transit: before.in_transit,
            });
        }
        if self.incoming < 0 {
            return Err(LevelError::NotIncoming {
                incoming: before.incoming,
            });
        }
        if quantities.into_iter().any(|quantity| quantity > MAX_LEVEL) {
            return Err(LevelError::TooMuch);
        }
        Ok(())
    }

    /// Returns the movement that led from `before` to this level, given the two images of a stream record. `None` if
    /// only the policy changed.
    pub fn movement_since(&self, before: Option<&Self>) -> Option<Movement> {
        let change = self.last_change.as_ref()?;
        let earlier = before.and_then(|level| level.last_change.as_ref());
        if earlier.is_some_and(|earlier| earlier.movement_id == change.movement_id) {
            return None;
        }
        Some(Movement {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
            bucket: self.bucket,
            version: self.version,
            on_hand: self.on_hand,
            allocated: self.allocated,
            change: change.clone(),
        })
    }
}

/// The reason why a level refuses a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum LevelError {
    /// The change removes more than is on hand.
    #[error("only {on_hand} on hand")]
    NotOnHand {
        /// The quantity on hand.
        on_hand: i64,
    },
    /// The change removes more sellable goods than are on hand.
    #[error("only {fit} fit for sale")]
    NotFitForSale {
        /// The quantity on hand that is fit for sale.
        fit: i64,
    },
    /// The change takes more than is available.
    #[error("only {available} available")]
    NotAvailable {
        /// The available quantity.
        available: i64,
    },
    /// The change releases more than is allocated.
    #[error("only {allocated} allocated")]
    NotAllocated {
        /// The allocated quantity.
        allocated: i64,
    },
    /// The change removes more damaged goods than are recorded.
    #[error("only {damaged} damaged")]
    NotDamaged {
        /// The damaged quantity.
        damaged: i64,
    },
    /// The change removes more from hold than is on hold.
    #[error("only {on_hold} on hold")]
    NotOnHold {
        /// The quantity on hold.
        on_hold: i64,
    },
    /// The change receives more than is in transit.
    #[error("only {in_transit} in transit")]
    NotInTransit {
        /// The quantity in transit.
        in_transit: i64,
    },
    /// The change receives more of a replenishment order than is incoming.
    #[error("only {incoming} incoming")]
    NotIncoming {
        /// The incoming quantity.
        incoming: i64,
    },
    /// A quantity of the level would exceed [`MAX_LEVEL`].
    #[error("the level would exceed {MAX_LEVEL}")]
    TooMuch,
}

#[cfg(test)]
mod tests;
