//! How much of one SKU is at one location, and the movements that made it so.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, MovementId, Sku};
use crate::invalid::{Checks, Invalid};

/// The largest quantity that one line or change may name, in the SKU's unit of measure.
pub const MAX_QUANTITY: i64 = 1_000_000;

/// The largest level; a change beyond it is refused.
pub const MAX_LEVEL: i64 = 1_000_000_000_000;

/// Which SKU, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelKey {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
}

/// When and how much to reorder, per SKU and location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReorderPolicy {
    /// Available stock at or below this wants replenishing.
    pub reorder_point: i64,
    /// Order up to this.
    pub target_level: i64,
    /// Replenishment comes in multiples of this, at least 1.
    #[serde(default = "one")]
    pub order_multiple: i64,
    /// Held against the unexpected.
    #[serde(default)]
    pub safety_stock: i64,
    /// Days from order to receipt, 0 to 365.
    #[serde(default)]
    pub lead_time_days: u16,
}

fn one() -> i64 {
    1
}

impl ReorderPolicy {
    /// The policy, or every field that breaks a rule.
    pub fn check(self) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        for (pointer, value, least) in [
            ("/reorder_point", self.reorder_point, 0),
            (
                "/target_level",
                self.target_level,
                self.reorder_point.max(0),
            ),
            ("/order_multiple", self.order_multiple, 1),
            ("/safety_stock", self.safety_stock, 0),
        ] {
            let most = MAX_QUANTITY;
            checks.require(
                (least..=most).contains(&value),
                pointer,
                format!("must be {least} to {most}"),
            );
        }
        checks.require(
            self.lead_time_days <= 365,
            "/lead_time_days",
            "must be 0 to 365",
        );
        checks.finish(self)
    }
}

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
        }
    }
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
    /// The caller's reason, where the kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The order, task, or paper that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When it happened in the store.
    pub occurred_at: Timestamp,
    /// When Stockline learnt of it.
    pub recorded_at: Timestamp,
}

/// The reason of an adjustment for goods that are broken or spoilt.
pub const DAMAGE: &str = "damage";

impl LastChange {
    /// Whether it may leave less on hand than is promised: what a person counted or found broken is a fact, and the
    /// promise is what has to give.
    fn may_leave_short(&self) -> bool {
        match self.kind {
            MovementKind::Count => true,
            MovementKind::Adjustment => self.reason.as_deref() == Some(DAMAGE),
            _ => false,
        }
    }
}

/// How much of one SKU is at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// Physically there; never negative.
    pub on_hand: i64,
    /// Promised to orders; never negative.
    pub allocated: i64,
    /// On open replenishment orders.
    #[serde(default)]
    pub incoming: i64,
    /// Rises by one with every write.
    pub version: u64,
    /// When the last count was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_at: Option<Timestamp>,
    /// When to reorder, where that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<ReorderPolicy>,
    /// What was done to it last; none before the first movement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
}

impl Level {
    /// A level nothing has happened to.
    pub fn empty(key: &LevelKey) -> Self {
        Self {
            location_id: key.location_id.clone(),
            sku: key.sku.clone(),
            on_hand: 0,
            allocated: 0,
            incoming: 0,
            version: 0,
            counted_at: None,
            policy: None,
            last_change: None,
        }
    }

    /// Which level this is.
    pub fn key(&self) -> LevelKey {
        LevelKey {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
        }
    }

    /// What may still be promised: negative when the level is short.
    pub fn available(&self) -> i64 {
        self.on_hand - self.allocated
    }

    /// Whether less is there than is promised.
    pub fn is_short(&self) -> bool {
        self.available() < 0
    }

    /// The level after `change`.
    ///
    /// # Errors
    /// [`LevelError`] when the change would leave a level that cannot be; the level is then as before.
    pub fn after(&self, change: LastChange) -> Result<Self, LevelError> {
        let on_hand = self.on_hand.saturating_add(change.on_hand_delta);
        let allocated = self.allocated.saturating_add(change.allocated_delta);
        if on_hand < 0 {
            return Err(LevelError::NotOnHand {
                on_hand: self.on_hand,
            });
        }
        if allocated < 0 {
            return Err(LevelError::NotAllocated {
                allocated: self.allocated,
            });
        }
        if on_hand > MAX_LEVEL || allocated > MAX_LEVEL {
            return Err(LevelError::TooMuch);
        }
        let takes = change.on_hand_delta - change.allocated_delta;
        if takes < 0 && on_hand - allocated < 0 && !change.may_leave_short() {
            return Err(LevelError::NotAvailable {
                available: self.available(),
            });
        }
        Ok(Self {
            on_hand,
            allocated,
            version: self.version + 1,
            last_change: Some(change),
            ..self.clone()
        })
    }

    /// The movement that the last change of this level is, seen after `before`; none when only the policy changed.
    pub fn movement_since(&self, before: Option<&Self>) -> Option<Movement> {
        let change = self.last_change.as_ref()?;
        let earlier = before.and_then(|level| level.last_change.as_ref());
        if earlier.is_some_and(|earlier| earlier.movement_id == change.movement_id) {
            return None;
        }
        Some(Movement {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
            version: self.version,
            on_hand: self.on_hand,
            allocated: self.allocated,
            change: change.clone(),
        })
    }
}

/// Why a level cannot be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// More would leave than is there.
    #[error("only {on_hand} on hand")]
    NotOnHand {
        /// What is there.
        on_hand: i64,
    },
    /// More would be taken than may be promised.
    #[error("only {available} available")]
    NotAvailable {
        /// What may be promised.
        available: i64,
    },
    /// More would be released than is promised.
    #[error("only {allocated} allocated")]
    NotAllocated {
        /// What is promised.
        allocated: i64,
    },
    /// The level would exceed [`MAX_LEVEL`].
    #[error("the level would exceed {MAX_LEVEL}")]
    TooMuch,
}

/// One immutable change of a level, with what it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> LastChange {
        let location = "store-1".parse().unwrap();
        let sku = "milk".parse().unwrap();
        LastChange {
            movement_id: MovementId::derive(
                &format!("{on_hand_delta}{allocated_delta}"),
                kind.as_str(),
                &location,
                &sku,
            ),
            kind,
            on_hand_delta,
            allocated_delta,
            reason: None,
            reference: None,
            occurred_at: Timestamp::UNIX_EPOCH,
            recorded_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn level(on_hand: i64, allocated: i64) -> Level {
        Level {
            on_hand,
            allocated,
            ..Level::empty(&LevelKey {
                location_id: "store-1".parse().unwrap(),
                sku: "milk".parse().unwrap(),
            })
        }
    }

    #[test]
    fn the_last_unit_is_sold_once() {
        let level = level(1, 0)
            .after(change(MovementKind::Sale, -1, 0))
            .unwrap();
        let again = level.after(change(MovementKind::Sale, -1, 0));
        assert_eq!(again, Err(LevelError::NotOnHand { on_hand: 0 }));
    }

    #[test]
    fn what_is_promised_is_not_sold() {
        let refused = level(5, 4).after(change(MovementKind::Sale, -2, 0));
        assert_eq!(refused, Err(LevelError::NotAvailable { available: 1 }));
    }

    #[test]
    fn only_a_count_or_damage_leaves_a_level_short_and_then_it_sells_nothing() {
        let correction = change(MovementKind::Adjustment, -3, 0);
        let damage = LastChange {
            reason: Some(DAMAGE.to_owned()),
            ..correction.clone()
        };
        assert_eq!(
            level(5, 4).after(correction),
            Err(LevelError::NotAvailable { available: 1 })
        );
        assert!(level(5, 4).after(damage).unwrap().is_short());
        let short = level(5, 4)
            .after(change(MovementKind::Count, -3, 0))
            .unwrap();
        assert!(short.is_short());
        assert_eq!(
            short.after(change(MovementKind::Allocation, 0, 1)),
            Err(LevelError::NotAvailable { available: -2 })
        );
        assert!(short.after(change(MovementKind::Release, 0, -4)).is_ok());
    }

    #[test]
    fn a_policy_change_is_no_movement() {
        let before = level(5, 0)
            .after(change(MovementKind::Receipt, 5, 0))
            .unwrap();
        let mut after = before.clone();
        after.version += 1;
        assert!(after.movement_since(Some(&before)).is_none());
        assert!(before.movement_since(None).is_some());
    }

    proptest! {
        #[test]
        fn whatever_happens_nothing_goes_below_zero_and_the_movements_add_up(
            steps in prop::collection::vec((0_usize..10, -50_i64..50, -50_i64..50), 1..60),
        ) {
            let kinds = [
                MovementKind::Sale, MovementKind::Allocation, MovementKind::Release, MovementKind::Fulfilment,
                MovementKind::Return, MovementKind::Receipt, MovementKind::TransferOut, MovementKind::TransferIn,
                MovementKind::Adjustment, MovementKind::Count,
            ];
            let mut level = level(0, 0);
            let (mut on_hand, mut allocated) = (0, 0);
            for (kind, on_hand_delta, allocated_delta) in steps {
                if let Ok(next) = level.after(change(kinds[kind], on_hand_delta, allocated_delta)) {
                    on_hand += on_hand_delta;
                    allocated += allocated_delta;
                    prop_assert_eq!(next.version, level.version + 1);
                    level = next;
                }
                prop_assert!(level.on_hand >= 0 && level.allocated >= 0);
                prop_assert_eq!((level.on_hand, level.allocated), (on_hand, allocated));
            }
        }
    }
}
