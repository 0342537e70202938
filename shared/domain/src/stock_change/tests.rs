//! Applying requested changes to levels.

mod counts;
mod fields;

use serde_json::{Value, json};

use super::*;
use crate::ids::{MovementId, RequestId};
use crate::level::{Level, LevelDelta, Movement, MovementKind, StateDeltas};

const NOW: &str = "2026-03-01T12:00:00Z";

fn change(mut change: Value) -> RequestedChange {
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

fn apply(change: &RequestedChange, levels: &[Level]) -> Result<Vec<Level>, ChangeRefused> {
    apply_after(0, change, levels)
}

/// Applies `change` to `levels`, the first of which moved by `moved_since`.
fn apply_after(
    moved_since: i64,
    change: &RequestedChange,
    levels: &[Level],
) -> Result<Vec<Level>, ChangeRefused> {
    let context = ChangeContext {
        request: RequestId::derive("till", "1"),
        index: 0,
        now: NOW.parse().unwrap(),
        moved_since,
        replenishment_order: None,
    };
    change.apply(levels, &context).map(|settled| settled.levels)
}

#[test]
fn expected_version_that_matches_is_accepted() {
    let found =
        change(json!({"kind": "adjustment", "delta": 1, "reason": "found", "expected_version": 7}));
    assert_eq!(
        apply(&found, &[level("store-1", 10, 0)]).unwrap()[0].version,
        8
    );
}

#[test]
fn expected_version_that_differs_is_refused_by_every_kind() {
    let level = Level {
        in_transit: 1,
        ..level("store-1", 10, 0)
    };
    for body in [
        json!({"kind": "count", "quantity": 1, "counted_at": NOW}),
        json!({"kind": "adjustment", "delta": 1, "reason": "found"}),
        json!({"kind": "receipt", "quantity": 1}),
        json!({"kind": "arrival", "quantity": 1}),
        json!({"kind": "state_change", "quantity": 1, "from": "sellable", "to": "damaged"}),
    ] {
        let expecting = |version: u64| {
            let mut body = body.clone();
            body["expected_version"] = version.into();
            apply(&change(body), std::slice::from_ref(&level))
        };
        let refused = ChangeRefused::VersionMismatch {
            expected: 6,
            actual: 7,
        };
        assert_eq!(expecting(6), Err(refused), "{body}");
        assert_eq!(expecting(7).unwrap()[0].version, 8, "{body}");
    }
}

#[test]
fn transfer_checks_the_version_of_the_source_level() {
    let (source, destination) = (level("store-1", 5, 0), Level::empty(&key("store-2")));
    let transfer = |version: u64| {
        change(json!({"kind": "transfer", "from_location_id": "store-1",
                      "to_location_id": "store-2", "quantity": 1, "expected_version": version}))
    };
    let levels = [source, destination];
    let after = apply(&transfer(7), &levels).unwrap();
    assert_eq!((after[0].on_hand, after[1].in_transit), (4, 1));
    let refused = apply(&transfer(0), &levels).unwrap_err();
    assert!(matches!(refused, ChangeRefused::VersionMismatch { .. }));
}

#[test]
fn damage_may_leave_a_level_short_but_theft_may_not() {
    let levels = [level("store-1", 5, 4)];
    let damaged = change(json!({"kind": "adjustment", "delta": -3, "reason": "damage"}));
    assert!(apply(&damaged, &levels).unwrap()[0].is_short());
    let stolen = change(json!({"kind": "adjustment", "delta": -3, "reason": "theft"}));
    let refused = apply(&stolen, &levels);
    assert_eq!(
        refused,
        Err(LevelError::NotAvailable { available: 1 }.into())
    );
}

#[test]
fn transfer_is_in_transit_until_it_arrives_in_parts() {
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
    let partly_arrived = apply(&arrival(2), &after[1..]).unwrap();
    assert_eq!(
        (partly_arrived[0].on_hand, partly_arrived[0].in_transit),
        (3, 1)
    );
    assert_eq!(
        apply(&arrival(2), &partly_arrived),
        Err(LevelError::NotInTransit { in_transit: 1 }.into())
    );
    let lost = change(
        json!({"kind": "adjustment", "delta": -1, "reason": "theft", "state": "in_transit"}),
    );
    let closed = apply(&lost, &partly_arrived).unwrap();
    assert_eq!((closed[0].on_hand, closed[0].in_transit), (3, 0));
}

#[test]
fn damaged_and_held_stock_is_on_hand_but_not_available() {
    let state_change = |quantity: i64, from: &str, to: &str| {
        change(json!({"kind": "state_change", "quantity": quantity, "from": from, "to": to}))
    };
    let damaged = apply(
        &state_change(2, "sellable", "damaged"),
        &[level("store-1", 5, 1)],
    )
    .unwrap();
    let held = apply(&state_change(1, "sellable", "on_hold"), &damaged).unwrap();
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
        apply(&state_change(2, "sellable", "on_hold"), &held),
        Err(LevelError::NotAvailable { available: 1 }.into())
    );
    assert_eq!(
        apply(&state_change(2, "on_hold", "sellable"), &held),
        Err(LevelError::NotOnHold { on_hold: 1 }.into())
    );
    let discarded =
        change(json!({"kind": "adjustment", "delta": -2, "reason": "damage", "state": "damaged"}));
    let after = apply(&discarded, &held).unwrap();
    assert_eq!(
        (after[0].on_hand, after[0].damaged, after[0].available()),
        (3, 0, 1)
    );
}

#[test]
fn damage_to_allocated_stock_makes_a_level_short() {
    let damaged =
        change(json!({"kind": "state_change", "quantity": 3, "from": "sellable", "to": "damaged"}));
    let after = apply(&damaged, &[level("store-1", 5, 4)]).unwrap();
    assert!(after[0].is_short());
}

fn sale(quantity: i64, occurred_at: &str) -> LevelDelta {
    let (location, sku) = ("store-1".parse().unwrap(), "milk".parse().unwrap());
    LevelDelta {
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

fn count(quantity: i64, counted_at: &str) -> RequestedChange {
    change(json!({"kind": "count", "quantity": quantity, "counted_at": counted_at}))
}

#[test]
fn transfer_of_allocated_stock_is_refused() {
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
fn movement_id_depends_only_on_request_and_change() {
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
fn counts_and_versioned_changes_are_not_relative() {
    let receipt = json!({"kind": "receipt", "quantity": 1});
    assert!(change(receipt.clone()).is_relative());
    let mut versioned = receipt;
    versioned["expected_version"] = json!(7);
    assert!(!change(versioned).is_relative());
    let count = json!({"kind": "count", "quantity": 1, "counted_at": NOW});
    assert!(!change(count).is_relative());
}

#[test]
fn negative_or_damage_adjustment_is_a_write_off() {
    for (body, is_write_off) in [
        (
            json!({"kind": "adjustment", "delta": 1, "reason": "found"}),
            false,
        ),
        (
            json!({"kind": "adjustment", "delta": -1, "reason": "other"}),
            true,
        ),
        (
            json!({"kind": "adjustment", "delta": 1, "reason": "damage"}),
            true,
        ),
        (json!({"kind": "receipt", "quantity": 1}), false),
        (
            json!({"kind": "state_change", "quantity": 1, "from": "sellable", "to": "damaged"}),
            false,
        ),
    ] {
        let harmless = json!({"kind": "receipt", "quantity": 1});
        let changes = vec![change(harmless), change(body)];
        assert_eq!(StockChanges { changes }.has_write_off(), is_write_off);
    }
}
