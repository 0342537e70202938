//! How much of one SKU is at one location, and the movements that made it so.

mod movement;
mod policy;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, Sku};

pub use movement::{DAMAGE, LastChange, Movement, MovementKind, StateDeltas};
pub use policy::{MAX_BUCKETS, ReorderPolicy};

/// The largest quantity that one line or change may name, in the SKU's unit of measure.
pub const MAX_QUANTITY: i64 = 1_000_000;

/// The largest level; a change beyond it is refused.
pub const MAX_LEVEL: i64 = 1_000_000_000_000;

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

/// Which SKU, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelKey {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
}

/// How much of one SKU is at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// Which of the items this is that a level may be split over, from 0; 0 where it is not split.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bucket: u8,
    /// How many items the level was ever split over, told by each of them; 0 where it never was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub split_over: u8,
    /// Whether the level is short as a whole, told by each of its items; never of one that is not split.
    ///
    /// What comes back to an item of such a level may be owed by another, which the item alone cannot know.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub whole_short: bool,
    /// Physically there; never negative.
    pub on_hand: i64,
    /// Promised to orders; never negative.
    pub allocated: i64,
    /// There, and unfit for sale; never negative.
    #[serde(default)]
    pub damaged: i64,
    /// There, and kept back for a reason of the location's own; never negative.
    #[serde(default)]
    pub on_hold: i64,
    /// On its way here from another location; never negative.
    #[serde(default)]
    pub in_transit: i64,
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

    /// Which level this is.
    pub fn key(&self) -> LevelKey {
        LevelKey {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
        }
    }

    /// What may still be promised: negative when the level is short.
    pub fn available(&self) -> i64 {
        self.on_hand - self.allocated - self.damaged - self.on_hold
    }

    /// What is there and may leave with an order; negative where a count found less than is set aside as unfit.
    pub fn fit_for_sale(&self) -> i64 {
        self.on_hand - self.damaged - self.on_hold
    }

    /// Whether less is there than is promised.
    pub fn is_short(&self) -> bool {
        self.available() < 0
    }

    /// Whether a count has seen what happened at `occurred_at`: what was counted later holds it already.
    pub fn has_counted(&self, occurred_at: Timestamp) -> bool {
        self.counted_at
            .is_some_and(|counted_at| occurred_at < counted_at)
    }

    /// The level after `change`, whose goods are taken as counted where a count made later is known.
    ///
    /// # Errors
    /// [`LevelError`] when the change would leave a level that cannot be; the level is then as before.
    pub fn after(&self, change: LastChange) -> Result<Self, LevelError> {
        let change = if change.kind != MovementKind::Count && self.has_counted(change.occurred_at) {
            change.seen_by_count()
        } else {
            change
        };
        let next = Self {
            on_hand: self.on_hand.saturating_add(change.on_hand_delta),
            allocated: self.allocated.saturating_add(change.allocated_delta),
            damaged: self.damaged.saturating_add(change.states.damaged_delta),
            on_hold: self.on_hold.saturating_add(change.states.on_hold_delta),
            in_transit: self
                .in_transit
                .saturating_add(change.states.in_transit_delta),
            version: self.version + 1,
            ..self.clone()
        };
        next.check(self)?;
        if change.available_delta() < 0 && next.is_short() && !change.may_leave_short() {
            return Err(LevelError::NotAvailable {
                available: self.available(),
            });
        }
        if change.fit_for_sale_delta() < 0
            && next.fit_for_sale() < 0
            && !change.says_what_is_there()
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
        if quantities.into_iter().any(|quantity| quantity > MAX_LEVEL) {
            return Err(LevelError::TooMuch);
        }
        Ok(())
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
            bucket: self.bucket,
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
    /// More would leave with an order than is there and fit for sale.
    #[error("only {fit} fit for sale")]
    NotFitForSale {
        /// What is there and fit for sale.
        fit: i64,
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
    /// More would be taken from the damaged than there are.
    #[error("only {damaged} damaged")]
    NotDamaged {
        /// What is damaged.
        damaged: i64,
    },
    /// More would be taken off hold than is on it.
    #[error("only {on_hold} on hold")]
    NotOnHold {
        /// What is on hold.
        on_hold: i64,
    },
    /// More would arrive than is on its way.
    #[error("only {in_transit} in transit")]
    NotInTransit {
        /// What is on its way.
        in_transit: i64,
    },
    /// The level would exceed [`MAX_LEVEL`].
    #[error("the level would exceed {MAX_LEVEL}")]
    TooMuch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MovementId;
    use proptest::prelude::*;

    #[test]
    fn a_kind_has_one_name_stored_or_sent() {
        use MovementKind as K;
        for kind in [
            K::Sale,
            K::Allocation,
            K::Release,
            K::Fulfilment,
            K::Return,
            K::Receipt,
            K::TransferOut,
            K::TransferIn,
            K::Adjustment,
            K::Count,
            K::StateChange,
            K::Rebalance,
            K::Repair,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

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
            states: StateDeltas::default(),
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
    fn unfit_goods_leave_with_no_order() {
        let with_unfit = Level {
            damaged: 1,
            on_hold: 2,
            ..level(7, 6)
        };
        assert_eq!(with_unfit.fit_for_sale(), 4);
        let leave = |quantity: i64| {
            with_unfit.after(change(MovementKind::Fulfilment, -quantity, -quantity))
        };
        assert_eq!(leave(4).unwrap().fit_for_sale(), 0);
        assert_eq!(leave(5), Err(LevelError::NotFitForSale { fit: 4 }));
    }

    #[test]
    fn no_more_goods_break_than_are_there_and_whole() {
        let with_unfit = Level {
            damaged: 4,
            ..level(6, 1)
        };
        let broken = |on_hand_delta: i64, damaged_delta: i64| {
            with_unfit.after(LastChange {
                states: StateDeltas {
                    damaged_delta,
                    ..StateDeltas::default()
                },
                reason: Some(DAMAGE.to_owned()),
                ..change(MovementKind::StateChange, on_hand_delta, 0)
            })
        };
        for (on_hand_delta, damaged_delta) in [(0, 2), (-2, 0)] {
            let after = broken(on_hand_delta, damaged_delta).unwrap();
            assert_eq!((after.fit_for_sale(), after.available()), (0, -1));
        }
        for (on_hand_delta, damaged_delta) in [(0, 3), (-3, 0)] {
            let refused = broken(on_hand_delta, damaged_delta);
            assert_eq!(refused, Err(LevelError::NotFitForSale { fit: 2 }));
        }
        assert_eq!(broken(-4, -4).unwrap().fit_for_sale(), 2, "thrown away");
        let kept_back = Level {
            on_hold: 2,
            ..level(1, 0)
        };
        let given_up = StateDeltas {
            damaged_delta: 1,
            on_hold_delta: -1,
            ..StateDeltas::default()
        };
        let after = kept_back.after(LastChange {
            states: given_up,
            ..change(MovementKind::StateChange, 0, 0)
        });
        assert_eq!(after.unwrap().fit_for_sale(), -1, "as before");
    }

    #[test]
    fn what_left_before_a_count_found_only_unfit_goods_is_kept_all_the_same() {
        let only_unfit = Level {
            damaged: 2,
            ..level(1, 1)
        };
        let seen_by_the_count = only_unfit.after(change(MovementKind::Fulfilment, 0, -1));
        assert_eq!(seen_by_the_count.unwrap().allocated, 0);
        let more_come_in = only_unfit.after(change(MovementKind::Return, 1, 0));
        assert_eq!(more_come_in.unwrap().fit_for_sale(), 0);
        let found_gone = only_unfit.after(change(MovementKind::Count, -1, 0));
        assert_eq!(found_gone.unwrap().fit_for_sale(), -2);
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
        assert!(
            short
                .after(change(MovementKind::Fulfilment, -1, -1))
                .is_ok(),
            "what is there still goes to whom it is promised"
        );
    }

    #[test]
    fn a_level_holds_the_largest_quantity_and_not_one_more() {
        let nearly_full = level(MAX_LEVEL - 1, 0);
        let receipt = |quantity| nearly_full.after(change(MovementKind::Receipt, quantity, 0));
        assert_eq!(receipt(1).unwrap().on_hand, MAX_LEVEL);
        assert_eq!(receipt(2), Err(LevelError::TooMuch));
    }

    #[test]
    fn what_is_stored_of_a_level_is_all_of_it_and_no_word_of_a_split_that_never_was() {
        let whole = Level {
            last_change: Some(LastChange {
                states: StateDeltas {
                    damaged_delta: 1,
                    on_hold_delta: 2,
                    in_transit_delta: 3,
                    counted_delta: 4,
                },
                ..change(MovementKind::Count, 5, 0)
            }),
            ..level(5, 1)
        };
        let stored = serde_json::to_value(&whole).unwrap();
        assert!(stored.get("bucket").is_none() && stored.get("split_over").is_none());
        assert_eq!(serde_json::from_value::<Level>(stored).unwrap(), whole);
        let part = Level {
            bucket: 2,
            split_over: 3,
            ..whole
        };
        let stored = serde_json::to_value(&part).unwrap();
        assert_eq!(serde_json::from_value::<Level>(stored).unwrap(), part);
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
            steps in prop::collection::vec((0_usize..11, -50_i64..50, -50_i64..50, -9_i64..9), 1..60),
        ) {
            let kinds = [
                MovementKind::Sale, MovementKind::Allocation, MovementKind::Release, MovementKind::Fulfilment,
                MovementKind::Return, MovementKind::Receipt, MovementKind::TransferOut, MovementKind::TransferIn,
                MovementKind::Adjustment, MovementKind::Count, MovementKind::StateChange,
            ];
            let mut level = level(0, 0);
            let (mut on_hand, mut allocated) = (0, 0);
            for (kind, on_hand_delta, allocated_delta, state_delta) in steps {
                let mut step = change(kinds[kind], on_hand_delta, allocated_delta);
                step.states.damaged_delta = state_delta;
                step.states.on_hold_delta = -state_delta / 2;
                step.states.in_transit_delta = state_delta / 3;
                let (delta, before) = (step.available_delta(), level.available());
                let takes = delta < 0 && !step.may_leave_short();
                if let Ok(next) = level.after(step) {
                    on_hand += on_hand_delta;
                    allocated += allocated_delta;
                    prop_assert_eq!(next.version, level.version + 1);
                    prop_assert!(!takes || next.available() >= 0);
                    prop_assert_eq!(next.available(), before + delta);
                    level = next;
                }
                prop_assert!([level.on_hand, level.allocated, level.damaged, level.on_hold, level.in_transit].iter().all(|quantity| *quantity >= 0));
                prop_assert_eq!((level.on_hand, level.allocated), (on_hand, allocated));
            }
        }
    }
}
