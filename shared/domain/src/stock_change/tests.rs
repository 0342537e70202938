//! What a change to stock makes of the levels it is of.

mod counts;
mod fields;

use serde_json::{Value, json};

use super::*;
use crate::ids::{MovementId, RequestId};
use crate::level::{LastChange, Level, Movement, MovementKind, StateDeltas};

const NOW: &str = "2026-03-01T12:00:00Z";

fn change(mut change: Value) -> StockChange {
    let fields = change.as_object_mut().unwrap();
    fields.insert("sku".to_owned(), json!("milk"));
    if !fields.contains_key("from_location_id") {
        fields.insert("location_id".to_owned(), json!("store-1"));
    }
    serde_json::from_value(change).unwrap()
}

fn level(location: &str, on_hand: i64, allocated: i64) -> Level {
    Level {
        on_hand,
        allocated,
        version: 7,
        ..Level::empty(&key(location))
    }
}

fn key(location: &str) -> LevelKey {
    LevelKey {
        location_id: location.parse().unwrap(),
        sku: "milk".parse().unwrap(),
    }
}

fn apply(change: &StockChange, levels: &[Level]) -> Result<Vec<Level>, ChangeRefused> {
    let request = RequestId::derive("till", "1");
    change.apply(levels, 0, request, 0, NOW.parse().unwrap())
}

#[test]
fn a_level_that_is_as_the_caller_read_it_is_changed() {
    let found =
        change(json!({"kind": "adjustment", "delta": 1, "reason": "found", "expected_version": 7}));
    assert_eq!(
        apply(&found, &[level("store-1", 10, 0)]).unwrap()[0].version,
        8
    );
}

#[test]
fn a_level_that_moved_on_since_the_caller_read_it_is_left_alone_by_every_change() {
    let coming = Level {
        in_transit: 1,
        ..level("store-1", 10, 0)
    };
    for told in [
        json!({"kind": "count", "quantity": 1, "counted_at": NOW}),
        json!({"kind": "adjustment", "delta": 1, "reason": "found"}),
        json!({"kind": "receipt", "quantity": 1}),
        json!({"kind": "arrival", "quantity": 1}),
        json!({"kind": "state_change", "quantity": 1, "from": "sellable", "to": "damaged"}),
    ] {
        let expecting = |version: u64| {
            let mut told = told.clone();
            told["expected_version"] = version.into();
            apply(&change(told), std::slice::from_ref(&coming))
        };
        let refused = ChangeRefused::VersionMismatch {
            expected: 6,
            actual: 7,
        };
        assert_eq!(expecting(6), Err(refused), "{told}");
        assert_eq!(expecting(7).unwrap()[0].version, 8, "{told}");
    }
}

#[test]
fn a_transfer_asks_for_the_version_of_the_level_that_the_goods_leave() {
    let (here, there) = (level("store-1", 5, 0), Level::empty(&key("store-2")));
    let transfer = |version: u64| {
        change(json!({"kind": "transfer", "from_location_id": "store-1",
                      "to_location_id": "store-2", "quantity": 1, "expected_version": version}))
    };
    let levels = [here, there];
    let after = apply(&transfer(7), &levels).unwrap();
    assert_eq!((after[0].on_hand, after[1].in_transit), (4, 1));
    let refused = apply(&transfer(0), &levels).unwrap_err();
    assert!(matches!(refused, ChangeRefused::VersionMismatch { .. }));
}

#[test]
fn broken_goods_may_leave_a_level_short_and_lost_ones_may_not() {
    let levels = [level("store-1", 5, 4)];
    let broken = change(json!({"kind": "adjustment", "delta": -3, "reason": "damage"}));
    assert!(apply(&broken, &levels).unwrap()[0].is_short());
    let stolen = change(json!({"kind": "adjustment", "delta": -3, "reason": "theft"}));
    let refused = apply(&stolen, &levels);
    assert_eq!(
        refused,
        Err(LevelError::NotAvailable { available: 1 }.into())
    );
}

#[test]
fn a_transfer_leaves_here_and_is_in_transit_there_until_it_arrives_in_parts() {
    let transfer = change(
        json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2",
            "quantity": 3, "reference": "T-1"}),
    );
    let keys: Vec<_> = transfer
        .keys()
        .into_iter()
        .map(|key| key.location_id)
        .collect();
    assert_eq!(
        keys,
        ["store-1".parse().unwrap(), "store-2".parse().unwrap()]
    );
    let after = apply(&transfer, &[level("store-1", 5, 0), level("store-2", 1, 0)]).unwrap();
    assert_eq!(
        (after[0].on_hand, after[1].on_hand, after[1].in_transit),
        (2, 1, 3)
    );
    let movements: Vec<_> = after
        .iter()
        .filter_map(|level| level.last_change.clone())
        .collect();
    assert_ne!(movements[0].movement_id, movements[1].movement_id);
    assert_eq!(movements[0].reference, movements[1].reference);

    let arrival = |quantity: i64| change(json!({"kind": "arrival", "quantity": quantity}));
    let part = apply(&arrival(2), &after[1..]).unwrap();
    assert_eq!((part[0].on_hand, part[0].in_transit), (3, 1));
    assert_eq!(
        apply(&arrival(2), &part),
        Err(LevelError::NotInTransit { in_transit: 1 }.into())
    );
    let lost = change(
        json!({"kind": "adjustment", "delta": -1, "reason": "theft", "state": "in_transit"}),
    );
    let closed = apply(&lost, &part).unwrap();
    assert_eq!((closed[0].on_hand, closed[0].in_transit), (3, 0));
}

#[test]
fn damaged_and_held_goods_are_there_and_not_available() {
    let turn = |quantity: i64, from: &str, to: &str| {
        change(json!({"kind": "state_change", "quantity": quantity, "from": from, "to": to}))
    };
    let broken = apply(&turn(2, "sellable", "damaged"), &[level("store-1", 5, 1)]).unwrap();
    let held = apply(&turn(1, "sellable", "on_hold"), &broken).unwrap();
    assert_eq!(
        (
            held[0].on_hand,
            held[0].damaged,
            held[0].on_hold,
            held[0].available()
        ),
        (5, 2, 1, 1)
    );
    assert_eq!(
        apply(&turn(2, "sellable", "on_hold"), &held),
        Err(LevelError::NotAvailable { available: 1 }.into())
    );
    assert_eq!(
        apply(&turn(2, "on_hold", "sellable"), &held),
        Err(LevelError::NotOnHold { on_hold: 1 }.into())
    );
    let thrown_away =
        change(json!({"kind": "adjustment", "delta": -2, "reason": "damage", "state": "damaged"}));
    let after = apply(&thrown_away, &held).unwrap();
    assert_eq!(
        (after[0].on_hand, after[0].damaged, after[0].available()),
        (3, 0, 1)
    );
}

#[test]
fn what_is_promised_may_turn_out_broken_and_the_level_is_short() {
    let broken =
        change(json!({"kind": "state_change", "quantity": 3, "from": "sellable", "to": "damaged"}));
    let after = apply(&broken, &[level("store-1", 5, 4)]).unwrap();
    assert!(after[0].is_short());
}

fn sold(quantity: i64, occurred_at: &str) -> LastChange {
    let (location, sku) = ("store-1".parse().unwrap(), "milk".parse().unwrap());
    LastChange {
        movement_id: MovementId::derive(
            &format!("{quantity}{occurred_at}"),
            "sale",
            &location,
            &sku,
        ),
        kind: MovementKind::Sale,
        on_hand_delta: -quantity,
        allocated_delta: 0,
        states: StateDeltas::default(),
        reason: None,
        reference: None,
        occurred_at: occurred_at.parse().unwrap(),
        recorded_at: NOW.parse().unwrap(),
    }
}

fn counted(quantity: i64, counted_at: &str) -> StockChange {
    change(json!({"kind": "count", "quantity": quantity, "counted_at": counted_at}))
}

#[test]
fn a_transfer_of_what_is_promised_is_refused() {
    let transfer = change(
        json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2",
        "quantity": 3}),
    );
    let refused = apply(&transfer, &[level("store-1", 5, 4), level("store-2", 1, 0)]);
    assert_eq!(
        refused,
        Err(LevelError::NotAvailable { available: 1 }.into())
    );
}

#[test]
fn the_same_change_of_the_same_request_is_the_same_movement() {
    let receipt = change(json!({"kind": "receipt", "quantity": 3}));
    let movement = |level: Level| {
        apply(&receipt, &[level]).unwrap()[0]
            .last_change
            .clone()
            .unwrap()
            .movement_id
    };
    assert_eq!(
        movement(level("store-1", 5, 0)),
        movement(level("store-1", 9, 0))
    );
}

#[test]
fn a_change_is_relative_but_for_a_count_and_one_that_asks_for_a_version() {
    let receipt = json!({"kind": "receipt", "quantity": 1});
    assert!(change(receipt.clone()).is_relative());
    let mut asked = receipt;
    asked["expected_version"] = json!(7);
    assert!(!change(asked).is_relative());
    let count = json!({"kind": "count", "quantity": 1, "counted_at": NOW});
    assert!(!change(count).is_relative());
}
