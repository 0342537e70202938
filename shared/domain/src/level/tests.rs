//! Changes of one level.

use proptest::prelude::*;

use super::*;
use crate::ids::MovementId;

#[test]
fn movement_kind_serializes_as_its_name() {
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

fn change(kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> LevelDelta {
    let location = "store-1".parse().unwrap();
    let sku = "milk".parse().unwrap();
    LevelDelta {
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
fn last_unit_is_sold_once() {
    let level = level(1, 0)
        .after(change(MovementKind::Sale, -1, 0))
        .unwrap();
    let again = level.after(change(MovementKind::Sale, -1, 0));
    assert_eq!(again, Err(LevelError::NotOnHand { on_hand: 0 }));
}

#[test]
fn sale_of_allocated_stock_is_refused() {
    let refused = level(5, 4).after(change(MovementKind::Sale, -2, 0));
    assert_eq!(refused, Err(LevelError::NotAvailable { available: 1 }));
}

#[test]
fn fulfilment_cannot_take_damaged_or_held_stock() {
    let with_unfit = Level {
        damaged: 1,
        on_hold: 2,
        ..level(7, 6)
    };
    assert_eq!(with_unfit.fit_for_sale(), 4);
    let fulfil =
        |quantity: i64| with_unfit.after(change(MovementKind::Fulfilment, -quantity, -quantity));
    assert_eq!(fulfil(4).unwrap().fit_for_sale(), 0);
    assert_eq!(fulfil(5), Err(LevelError::NotFitForSale { fit: 4 }));
}

#[test]
fn damage_cannot_exceed_stock_fit_for_sale() {
    let with_unfit = Level {
        damaged: 4,
        ..level(6, 1)
    };
    let damage = |on_hand_delta: i64, damaged_delta: i64| {
        with_unfit.after(LevelDelta {
            states: StateDeltas {
                damaged_delta,
                ..StateDeltas::default()
            },
            reason: Some(DAMAGE.to_owned()),
            ..change(MovementKind::StateChange, on_hand_delta, 0)
        })
    };
    for (on_hand_delta, damaged_delta) in [(0, 2), (-2, 0)] {
        let after = damage(on_hand_delta, damaged_delta).unwrap();
        assert_eq!((after.fit_for_sale(), after.available()), (0, -1));
    }
    for (on_hand_delta, damaged_delta) in [(0, 3), (-3, 0)] {
        let refused = damage(on_hand_delta, damaged_delta);
        assert_eq!(refused, Err(LevelError::NotFitForSale { fit: 2 }));
    }
    assert_eq!(
        damage(-4, -4).unwrap().fit_for_sale(),
        2,
        "damaged stock is discarded"
    );
    let held_beyond_on_hand = Level {
        on_hold: 2,
        ..level(1, 0)
    };
    let from_hold_to_damaged = StateDeltas {
        damaged_delta: 1,
        on_hold_delta: -1,
        ..StateDeltas::default()
    };
    let after = held_beyond_on_hand.after(LevelDelta {
        states: from_hold_to_damaged,
        ..change(MovementKind::StateChange, 0, 0)
    });
    assert_eq!(after.unwrap().fit_for_sale(), -1, "unchanged");
}

#[test]
fn changes_that_keep_fit_stock_pass_when_it_is_negative() {
    let only_unfit = Level {
        damaged: 2,
        ..level(1, 1)
    };
    let already_counted = only_unfit.after(change(MovementKind::Fulfilment, 0, -1));
    assert_eq!(already_counted.unwrap().allocated, 0);
    let returned = only_unfit.after(change(MovementKind::Return, 1, 0));
    assert_eq!(returned.unwrap().fit_for_sale(), 0);
    let counted = only_unfit.after(change(MovementKind::Count, -1, 0));
    assert_eq!(counted.unwrap().fit_for_sale(), -2);
}

#[test]
fn only_count_or_damage_makes_a_level_short() {
    let correction = change(MovementKind::Adjustment, -3, 0);
    let damage = LevelDelta {
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
        "a short level still fulfils what is on hand"
    );
}

#[test]
fn level_above_maximum_is_refused() {
    let nearly_full = level(MAX_LEVEL - 1, 0);
    let receipt = |quantity| nearly_full.after(change(MovementKind::Receipt, quantity, 0));
    assert_eq!(receipt(1).unwrap().on_hand, MAX_LEVEL);
    assert_eq!(receipt(2), Err(LevelError::TooMuch));
}

#[test]
fn stored_level_round_trips_without_unused_split_fields() {
    let whole = Level {
        last_change: Some(LevelDelta {
            states: StateDeltas {
                damaged_delta: 1,
                on_hold_delta: 2,
                in_transit_delta: 3,
                incoming_delta: -5,
                counted_delta: 4,
            },
            ..change(MovementKind::Count, 5, 0)
        }),
        ..level(5, 1)
    };
    let stored = serde_json::to_value(&whole).unwrap();
    assert!(stored.get("bucket").is_none() && stored.get("split_over").is_none());
    assert_eq!(serde_json::from_value::<Level>(stored).unwrap(), whole);
    let bucket = Level {
        bucket: 2,
        split_over: 3,
        ..whole
    };
    let stored = serde_json::to_value(&bucket).unwrap();
    assert_eq!(serde_json::from_value::<Level>(stored).unwrap(), bucket);
}

#[test]
fn policy_change_makes_no_movement() {
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
    fn quantities_stay_non_negative_and_equal_the_sum_of_deltas(
        drawn in prop::collection::vec((0_usize..11, -50_i64..50, -50_i64..50, -9_i64..9), 1..60),
    ) {
        let kinds = [
            MovementKind::Sale, MovementKind::Allocation, MovementKind::Release, MovementKind::Fulfilment,
            MovementKind::Return, MovementKind::Receipt, MovementKind::TransferOut, MovementKind::TransferIn,
            MovementKind::Adjustment, MovementKind::Count, MovementKind::StateChange,
        ];
        let mut level = level(0, 0);
        let (mut on_hand, mut allocated) = (0, 0);
        for (kind, on_hand_delta, allocated_delta, state_delta) in drawn {
            let mut drawn = change(kinds[kind], on_hand_delta, allocated_delta);
            drawn.states.damaged_delta = state_delta;
            drawn.states.on_hold_delta = -state_delta / 2;
            drawn.states.in_transit_delta = state_delta / 3;
            let (delta, before) = (drawn.available_delta(), level.available());
            let needs_availability = delta < 0 && !drawn.may_leave_short();
            if let Ok(next) = level.after(drawn) {
                on_hand += on_hand_delta;
                allocated += allocated_delta;
                prop_assert_eq!(next.version, level.version + 1);
                prop_assert!(!needs_availability || next.available() >= 0);
                prop_assert_eq!(next.available(), before + delta);
                level = next;
            }
            prop_assert!([level.on_hand, level.allocated, level.damaged, level.on_hold, level.in_transit].iter().all(|quantity| *quantity >= 0));
            prop_assert_eq!((level.on_hand, level.allocated), (on_hand, allocated));
        }
    }
}
