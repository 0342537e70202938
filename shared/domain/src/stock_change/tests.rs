use proptest::prelude::*;
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
fn a_count_says_what_is_there_and_the_movement_is_the_difference() {
    let count = change(json!({"kind": "count", "quantity": 4, "counted_at": NOW}));
    let after = apply(&count, &[level("store-1", 10, 0)]).unwrap().remove(0);
    assert_eq!((after.on_hand, after.version), (4, 8));
    assert_eq!(after.counted_at, Some(NOW.parse().unwrap()));
    assert_eq!(after.last_change.unwrap().on_hand_delta, -6);
}

#[test]
fn a_count_made_before_the_last_one_is_refused() {
    let late =
        change(json!({"kind": "count", "quantity": 4, "counted_at": "2026-03-01T11:00:00Z"}));
    let counted = Level {
        counted_at: Some(NOW.parse().unwrap()),
        ..level("store-1", 10, 0)
    };
    let refused = apply(&late, &[counted]).unwrap_err();
    assert!(matches!(refused, ChangeRefused::OutdatedCount { .. }));
}

#[test]
fn a_count_is_made_again_at_the_same_moment_and_may_find_nothing() {
    let counted = Level {
        counted_at: Some(NOW.parse().unwrap()),
        ..level("store-1", 10, 0)
    };
    let again = change(json!({"kind": "count", "quantity": 0, "counted_at": NOW}));
    assert_eq!(apply(&again, &[counted]).unwrap()[0].on_hand, 0);
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
fn a_count_needs_no_movements_of_before_it() {
    let (told, tolerated) = ("2026-03-01T12:00:00Z", "2026-03-01T12:05:00.001Z");
    let level = level("store-1", 9, 0).after(sold(1, told)).unwrap();
    let depends = |counted_at: &str| counted(8, counted_at).depends_on_movements_after(&level);
    assert_eq!(depends(tolerated), None);
    let just_before = "2026-03-01T12:05:00Z";
    assert_eq!(depends(just_before), Some(just_before.parse().unwrap()));
}

#[test]
fn what_moved_at_the_moment_of_a_count_was_not_seen_by_it() {
    let at = "2026-03-01T11:00:00Z";
    let empty = level("store-1", 0, 0);
    let filled = empty.after(sold(-10, at)).unwrap();
    let movements: Vec<_> = filled.movement_since(None).into_iter().collect();
    let since = |time: &str| moved_after(&filled, &movements, time.parse().unwrap());
    assert_eq!(since(at), Some(10));
    assert_eq!(since("2026-03-01T11:00:00.001Z"), Some(0));
}

/// Tells `changes` one after another, counts and what happened otherwise, and answers the level.
fn told(changes: &[Told]) -> Level {
    let (mut level, mut movements) = (level("store-1", 0, 0), Vec::new());
    for change in changes {
        let next = match change {
            Told::Moved(change) => level.after(change.clone()).unwrap(),
            Told::Counted(count) => {
                let moved = count
                    .depends_on_movements_after(&level)
                    .map_or(0, |since| moved_after(&level, &movements, since).unwrap());
                let request = RequestId::derive("till", "1");
                let now = NOW.parse().unwrap();
                count
                    .apply(&[level.clone()], moved, request, 0, now)
                    .unwrap()
                    .remove(0)
            }
        };
        movements.splice(0..0, next.movement_since(Some(&level)));
        level = next;
    }
    level
}

enum Told {
    Moved(LastChange),
    Counted(StockChange),
}

#[test]
fn of_two_counts_of_one_moment_the_last_stands_and_what_moved_then_comes_on_top() {
    let at = "2026-03-01T11:00:00Z";
    let opening = || Told::Moved(sold(-10, "2026-03-01T10:00:00Z"));
    let sale = || Told::Moved(sold(1, at));
    let (first, second) = (
        || Told::Counted(counted(7, at)),
        || Told::Counted(counted(9, at)),
    );
    for changes in [
        [opening(), sale(), first(), second()],
        [opening(), first(), sale(), second()],
        [opening(), first(), second(), sale()],
    ] {
        let level = told(&changes);
        assert_eq!(
            (level.on_hand, level.counted_at),
            (8, Some(at.parse().unwrap()))
        );
    }
}

#[test]
fn a_sale_in_the_millisecond_of_a_count_is_seen_by_it_or_not_whichever_is_told_first() {
    let opening = || Told::Moved(sold(-10, "2026-03-01T10:00:00Z"));
    for (counted_at, sold_at, left) in [
        ("2026-03-01T11:00:00.0005Z", "2026-03-01T11:00:00.000Z", 9),
        ("2026-03-01T11:00:00.000Z", "2026-03-01T11:00:00.000Z", 9),
        ("2026-03-01T11:00:00.0015Z", "2026-03-01T11:00:00.000Z", 10),
    ] {
        let count = || Told::Counted(counted(10, counted_at));
        let sale = || Told::Moved(sold(1, sold_at));
        for changes in [[opening(), count(), sale()], [opening(), sale(), count()]] {
            assert_eq!(told(&changes).on_hand, left, "{counted_at}");
        }
    }
}

#[test]
fn a_ledger_whose_promises_do_not_follow_is_not_believed() {
    let promised = |quantity: i64| LastChange {
        on_hand_delta: 0,
        allocated_delta: quantity,
        kind: MovementKind::Allocation,
        ..sold(quantity, NOW)
    };
    let (mut level, mut movements) = (level("store-1", 0, 0), Vec::new());
    for change in [sold(-10, NOW), promised(2), promised(3)] {
        let next = level.after(change).unwrap();
        movements.splice(0..0, next.movement_since(Some(&level)));
        level = next;
    }
    let since = "2026-03-01T11:00:00Z".parse().unwrap();
    assert_eq!(moved_after(&level, &movements, since), Some(10));
    movements.remove(1);
    assert_eq!(moved_after(&level, &movements, since), None);
    let mut repair = movements[0].clone();
    repair.change.kind = MovementKind::Repair;
    let repaired = Level {
        last_change: Some(repair.change.clone()),
        ..level
    };
    movements[0] = repair;
    assert_eq!(
        moved_after(&repaired, &movements, since),
        Some(10),
        "but for a repair, which need not follow"
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
fn a_sale_that_is_told_late_does_not_shift_the_count_that_had_seen_it() {
    let level = apply(&counted(7, NOW), &[level("store-1", 10, 0)]).unwrap();
    let after = level[0].after(sold(3, "2026-03-01T11:00:00Z")).unwrap();
    assert_eq!((after.on_hand, after.version), (7, 9));
    let movement = after.last_change.unwrap();
    assert_eq!(
        (movement.on_hand_delta, movement.states.counted_delta),
        (0, -3)
    );
    let later = level[0].after(sold(3, NOW)).unwrap();
    assert_eq!(later.on_hand, 4);
}

#[test]
fn a_sale_that_is_told_late_is_taken_although_the_count_left_too_few() {
    let level = apply(&counted(1, NOW), &[level("store-1", 10, 0)]).unwrap();
    assert!(level[0].after(sold(3, "2026-03-01T11:00:00Z")).is_ok());
    assert!(level[0].after(sold(3, NOW)).is_err());
}

#[test]
fn a_count_that_is_told_late_leaves_what_moved_after_it() {
    let (before, between) = ("2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z");
    let mut level = level("store-1", 0, 0);
    let mut movements: Vec<Movement> = Vec::new();
    for change in [sold(-10, before), sold(1, before), sold(2, between)] {
        let next = level.after(change).unwrap();
        movements.extend(next.movement_since(Some(&level)));
        level = next;
    }
    movements.reverse();
    let count = counted(9, "2026-03-01T11:00:00Z");
    let since = count.depends_on_movements_after(&level).unwrap();
    assert_eq!(
        moved_after(&level, &movements[1..], since),
        None,
        "the ledger lacks the last movement"
    );
    let next = level.after(sold(1, NOW)).unwrap();
    let later: Vec<Movement> = next
        .movement_since(Some(&level))
        .into_iter()
        .chain(movements.clone())
        .collect();
    assert_eq!(
        moved_after(&level, &later, since),
        moved_after(&level, &movements, since),
        "a sale after the level was read keeps nobody waiting"
    );
    let moved = moved_after(&level, &movements, since).unwrap();
    let request = RequestId::derive("till", "1");
    let after = count
        .apply(&[level], moved, request, 0, NOW.parse().unwrap())
        .unwrap();
    assert_eq!(after[0].on_hand, 7);
}

#[test]
fn a_count_of_less_than_has_left_since_is_refused() {
    let count = counted(1, "2026-03-01T11:00:00Z");
    let request = RequestId::derive("till", "1");
    let refused = count.apply(
        &[level("store-1", 5, 0)],
        -3,
        request,
        0,
        NOW.parse().unwrap(),
    );
    assert_eq!(
        refused,
        Err(ChangeRefused::CountContradicted {
            quantity: 1,
            left: 3
        })
    );
}

#[test]
fn a_count_by_a_clock_that_is_ahead_sees_nothing_that_is_yet_to_happen() {
    let count = counted(5, "2026-03-01T12:04:00Z");
    let level = apply(&count, &[level("store-1", 5, 0)]).unwrap();
    assert_eq!(level[0].counted_at, Some(NOW.parse().unwrap()));
    assert_eq!(level[0].after(sold(1, NOW)).unwrap().on_hand, 4);
}

proptest! {
    #[test]
    fn in_whatever_order_sales_and_a_count_are_told_the_level_is_what_is_there(
        sales in prop::collection::vec((1_i64..5, 0_u32..60), 0..12),
        count_at in 0_u32..60,
        told_at in 0_usize..13,
    ) {
        let minute = |minute: u32| format!("2026-03-01T11:{minute:02}:30Z");
        let opening = 100;
        let seen: i64 = sales.iter().filter(|(_, at)| *at <= count_at).map(|(q, _)| q).sum();
        let there: i64 = opening - sales.iter().map(|(q, _)| q).sum::<i64>();
        let count_time = format!("2026-03-01T11:{count_at:02}:45Z");
        let empty = level("store-1", 0, 0);
        let mut level = empty.after(sold(-opening, "2026-03-01T10:00:00Z")).unwrap();
        let mut movements = vec![level.movement_since(None).unwrap()];
        let told_at = told_at.min(sales.len());
        for place in 0..=sales.len() {
            if place == told_at {
                let count = counted(opening - seen, &count_time);
                let moved = count
                    .depends_on_movements_after(&level)
                    .map_or(0, |since| moved_after(&level, &movements, since).unwrap());
                let request = RequestId::derive("till", "1");
                let next = count.apply(&[level.clone()], moved, request, 0, NOW.parse().unwrap()).unwrap().remove(0);
                movements.splice(0..0, next.movement_since(Some(&level)));
                level = next;
            }
            if let Some((quantity, at)) = sales.get(place) {
                let (location, sku) = (level.location_id.clone(), level.sku.clone());
                let sale = LastChange {
                    movement_id: MovementId::derive(&place.to_string(), "sale", &location, &sku),
                    ..sold(*quantity, &minute(*at))
                };
                let next = level.after(sale).unwrap();
                movements.splice(0..0, next.movement_since(Some(&level)));
                level = next;
            }
        }
        prop_assert_eq!(level.on_hand, there);
    }
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
fn every_broken_field_is_named_at_once() {
    let changes = StockChanges {
        changes: vec![
            change(json!({"kind": "count", "quantity": -1, "counted_at": "2026-03-01T12:06:00Z"})),
            change(json!({"kind": "adjustment", "delta": 0, "reason": "other"})),
            change(json!({"kind": "receipt", "quantity": 0, "reference": "two words"})),
            change(
                json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-1",
                "quantity": 1_000_001}),
            ),
            change(
                json!({"kind": "state_change", "quantity": 1, "from": "in_transit", "to": "in_transit"}),
            ),
        ],
    };
    let broken = changes.check(NOW.parse().unwrap()).unwrap_err();
    let pointers: Vec<_> = broken
        .errors
        .into_iter()
        .map(|error| error.pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "/changes/0/quantity",
            "/changes/0/counted_at",
            "/changes/1/delta",
            "/changes/2/quantity",
            "/changes/2/reference",
            "/changes/3/quantity",
            "/changes/3/to_location_id",
            "/changes/4/from",
            "/changes/4/to",
            "/changes/4/to",
        ]
    );
}

#[test]
fn a_change_is_told_up_to_seven_days_late() {
    let pointers = |occurred_at: &str| {
        let receipt = json!({"kind": "receipt", "quantity": 1, "occurred_at": occurred_at});
        let changes = StockChanges {
            changes: vec![change(receipt)],
        };
        let errors = changes.check(NOW.parse().unwrap()).err().into_iter();
        let broken = errors.flat_map(|invalid| invalid.errors);
        broken.map(|error| error.pointer).collect::<Vec<_>>()
    };
    assert!(pointers("2026-02-22T12:00:00Z").is_empty());
    assert_eq!(pointers("2026-02-22T11:59:59Z"), ["/changes/0/occurred_at"]);
}

#[test]
fn a_request_holds_one_to_a_hundred_changes() {
    let now = NOW.parse().unwrap();
    let receipt = change(json!({"kind": "receipt", "quantity": 1}));
    for (count, taken) in [
        (0, false),
        (1, true),
        (MAX_CHANGES, true),
        (MAX_CHANGES + 1, false),
    ] {
        let changes = StockChanges {
            changes: vec![receipt.clone(); count],
        };
        assert_eq!(changes.check(now).is_ok(), taken, "{count} changes");
    }
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

#[test]
fn a_request_speaks_of_the_time_at_which_it_first_came() {
    let came_at: Timestamp = NOW.parse().unwrap();
    let as_of = |told: Value| {
        let changes = StockChanges {
            changes: vec![change(told)],
        };
        changes.as_of(came_at).remove(0)
    };
    for (told, meant) in [
        (None, NOW),
        (Some("2026-03-01T11:00:00Z"), "2026-03-01T11:00:00Z"),
        (Some("2026-03-01T12:03:00Z"), NOW),
    ] {
        let of = |mut body: Value, field: &str| {
            if let Some(told) = told {
                body[field] = json!(told);
            }
            body
        };
        for body in [
            json!({"kind": "receipt", "quantity": 1}),
            json!({"kind": "arrival", "quantity": 1}),
            json!({"kind": "adjustment", "delta": 1, "reason": "found"}),
            json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2",
                   "quantity": 1}),
        ] {
            let taken = as_of(of(body, "occurred_at"));
            assert_eq!(
                taken.occurred_at(),
                Some(meant.parse().unwrap()),
                "{taken:?}"
            );
        }
        if told.is_some() {
            let count = as_of(of(json!({"kind": "count", "quantity": 1}), "counted_at"));
            assert_eq!(count.counted_at(), Some(meant.parse().unwrap()));
        }
    }
    let broken =
        json!({"kind": "state_change", "quantity": 1, "from": "sellable", "to": "damaged"});
    assert_eq!(as_of(broken.clone()), change(broken));
}
