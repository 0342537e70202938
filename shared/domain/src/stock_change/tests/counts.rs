//! A count says what was there at its moment, whatever is told before or after it.

use proptest::prelude::*;

use super::*;

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
fn a_count_needs_no_movements_of_before_it() {
    let (told, tolerated) = ("2026-03-01T12:00:00Z", "2026-03-01T12:05:00.001Z");
    let level = level("store-1", 9, 0).after(sold(1, told)).unwrap();
    let depends = |counted_at: &str| counted(8, counted_at).depends_on_movements_after(&level);
    assert_eq!(depends(tolerated), None);
    let just_before = "2026-03-01T12:05:00Z";
    assert_eq!(depends(just_before), Some(just_before.parse().unwrap()));
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
fn what_moved_at_the_moment_of_a_count_was_not_seen_by_it() {
    let at = "2026-03-01T11:00:00Z";
    let empty = level("store-1", 0, 0);
    let filled = empty.after(sold(-10, at)).unwrap();
    let movements: Vec<_> = filled.movement_since(None).into_iter().collect();
    let since = |time: &str| moved_after(&filled, &movements, time.parse().unwrap());
    assert_eq!(since(at), Some(10));
    assert_eq!(since("2026-03-01T11:00:00.001Z"), Some(0));
}

enum Told {
    Moved(LastChange),
    Counted(StockChange),
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
fn goods_that_are_counted_later_in_the_same_request_are_seen_by_the_count() {
    // given a clock that is ahead, by which goods come and go, or that says nothing of when they do, and then are counted
    let ahead = "2026-03-01T12:00:02Z";
    for told in [None, Some(ahead)] {
        let mut receipt =
            json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 5});
        if let Some(told) = told {
            receipt["occurred_at"] = json!(told);
        }
        let of = |sku: &str| json!({"kind": "count", "location_id": "store-1", "sku": sku, "quantity": 10, "counted_at": ahead});
        let request = |changes: &[&Value]| -> Vec<StockChange> {
            let body = json!({ "changes": changes });
            let body: StockChanges = serde_json::from_value(body).unwrap();
            body.as_of(NOW.parse().unwrap())
        };
        let on_hand_after = |changes: &[StockChange]| {
            let told: Vec<Told> = [Told::Moved(sold(-5, "2026-03-01T11:00:00Z"))]
                .into_iter()
                .chain(changes.iter().map(|change| {
                    match change {
                        StockChange::Count { .. } => Told::Counted(change.clone()),
                        other => Told::Moved(
                            apply(other, &[level("store-1", 0, 0)]).unwrap()[0]
                                .last_change
                                .clone()
                                .unwrap(),
                        ),
                    }
                }))
                .collect();
            self::told(&told).on_hand
        };
        // then the count has seen what stands before it, and not what stands after it
        assert_eq!(on_hand_after(&request(&[&receipt, &of("milk")])), 10);
        assert_eq!(on_hand_after(&request(&[&of("milk"), &receipt])), 15);
        // and of other goods it says nothing
        let beside = request(&[&receipt, &of("bread")]);
        let StockChange::Receipt { occurred_at, .. } = &beside[0] else {
            panic!("{beside:?}");
        };
        assert_eq!(*occurred_at, Some(NOW.parse().unwrap()));
    }
}
