//! Counts: late and repeated counts, and movements that are reported before or after them.

use proptest::prelude::*;

use super::*;

#[test]
fn count_sets_on_hand_and_records_the_difference() {
    let count = change(json!({"kind": "count", "quantity": 4, "counted_at": NOW}));
    let after = apply(&count, &[level("store-1", 10, 0)]).unwrap().remove(0);
    assert_eq!((after.on_hand, after.version), (4, 8));
    assert_eq!(after.counted_at, Some(NOW.parse().unwrap()));
    assert_eq!(after.last_change.unwrap().on_hand_delta, -6);
}

#[test]
fn count_older_than_the_latest_is_refused() {
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
fn count_at_the_same_time_may_be_repeated_and_be_zero() {
    let counted = Level {
        counted_at: Some(NOW.parse().unwrap()),
        ..level("store-1", 10, 0)
    };
    let again = change(json!({"kind": "count", "quantity": 0, "counted_at": NOW}));
    assert_eq!(apply(&again, &[counted]).unwrap()[0].on_hand, 0);
}

#[test]
fn count_does_not_depend_on_earlier_movements() {
    let (recorded_at, beyond_tolerance) = ("2026-03-01T12:00:00Z", "2026-03-01T12:05:00.001Z");
    let level = level("store-1", 9, 0).after(sale(1, recorded_at)).unwrap();
    let depends = |counted_at: &str| count(8, counted_at).depends_on_movements_since(&level);
    assert_eq!(depends(beyond_tolerance), None);
    let within_tolerance = "2026-03-01T12:05:00Z";
    assert_eq!(
        depends(within_tolerance),
        Some(within_tolerance.parse().unwrap())
    );
}

#[test]
fn count_below_what_left_since_is_refused() {
    let count = count(1, "2026-03-01T11:00:00Z");
    let refused = apply_after(-3, &count, &[level("store-1", 5, 0)]);
    assert_eq!(
        refused,
        Err(ChangeRefused::CountContradicted {
            quantity: 1,
            left: 3
        })
    );
}

#[test]
fn count_by_fast_clock_is_dated_when_recorded() {
    let count = count(5, "2026-03-01T12:04:00Z");
    let level = apply(&count, &[level("store-1", 5, 0)]).unwrap();
    assert_eq!(level[0].counted_at, Some(NOW.parse().unwrap()));
    assert_eq!(level[0].after(sale(1, NOW)).unwrap().on_hand, 4);
}

#[test]
fn late_sale_before_a_count_leaves_on_hand_as_counted() {
    let level = apply(&count(7, NOW), &[level("store-1", 10, 0)]).unwrap();
    let after = level[0].after(sale(3, "2026-03-01T11:00:00Z")).unwrap();
    assert_eq!((after.on_hand, after.version), (7, 9));
    let movement = after.last_change.unwrap();
    assert_eq!(
        (movement.on_hand_delta, movement.states.counted_delta),
        (0, -3)
    );
    let later = level[0].after(sale(3, NOW)).unwrap();
    assert_eq!(later.on_hand, 4);
}

#[test]
fn late_sale_before_a_count_needs_no_stock() {
    let level = apply(&count(1, NOW), &[level("store-1", 10, 0)]).unwrap();
    assert!(level[0].after(sale(3, "2026-03-01T11:00:00Z")).is_ok());
    assert!(level[0].after(sale(3, NOW)).is_err());
}

#[test]
fn late_count_keeps_movements_after_it() {
    let (before, between) = ("2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z");
    let mut level = level("store-1", 0, 0);
    let mut movements: Vec<Movement> = Vec::new();
    for change in [sale(-10, before), sale(1, before), sale(2, between)] {
        let next = level.after(change).unwrap();
        movements.extend(next.movement_since(Some(&level)));
        level = next;
    }
    movements.reverse();
    let count = count(9, "2026-03-01T11:00:00Z");
    let since = count.depends_on_movements_since(&level).unwrap();
    assert_eq!(
        on_hand_delta_since(&level, &movements[1..], since),
        None,
        "the ledger lags behind the level"
    );
    let next = level.after(sale(1, NOW)).unwrap();
    let later: Vec<Movement> = next
        .movement_since(Some(&level))
        .into_iter()
        .chain(movements.clone())
        .collect();
    assert_eq!(
        on_hand_delta_since(&level, &later, since),
        on_hand_delta_since(&level, &movements, since),
        "a movement after the read version is skipped"
    );
    let moved = on_hand_delta_since(&level, &movements, since).unwrap();
    let after = apply_after(moved, &count, &[level]).unwrap();
    assert_eq!(after[0].on_hand, 7);
}

#[test]
fn movement_at_the_time_of_a_count_is_added_to_it() {
    let at = "2026-03-01T11:00:00Z";
    let empty = level("store-1", 0, 0);
    let filled = empty.after(sale(-10, at)).unwrap();
    let movements: Vec<_> = filled.movement_since(None).into_iter().collect();
    let since = |time: &str| on_hand_delta_since(&filled, &movements, time.parse().unwrap());
    assert_eq!(since(at), Some(10));
    assert_eq!(since("2026-03-01T11:00:00.001Z"), Some(0));
}

enum Report {
    Delta(LevelDelta),
    Count(RequestedChange),
}

/// Applies `reports` to an empty level one after another, and returns the resulting level.
fn level_after(reports: &[Report]) -> Level {
    let (mut level, mut movements) = (level("store-1", 0, 0), Vec::new());
    for report in reports {
        let next = match report {
            Report::Delta(change) => level.after(change.clone()).unwrap(),
            Report::Count(count) => {
                let moved = count.depends_on_movements_since(&level).map_or(0, |since| {
                    on_hand_delta_since(&level, &movements, since).unwrap()
                });
                apply_after(moved, count, std::slice::from_ref(&level))
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
fn last_of_two_counts_at_one_time_stands_plus_movements() {
    let at = "2026-03-01T11:00:00Z";
    let opening = || Report::Delta(sale(-10, "2026-03-01T10:00:00Z"));
    let sale = || Report::Delta(sale(1, at));
    let (first, second) = (
        || Report::Count(count(7, at)),
        || Report::Count(count(9, at)),
    );
    for changes in [
        [opening(), sale(), first(), second()],
        [opening(), first(), sale(), second()],
        [opening(), first(), second(), sale()],
    ] {
        let level = level_after(&changes);
        assert_eq!(
            (level.on_hand, level.counted_at),
            (8, Some(at.parse().unwrap()))
        );
    }
}

#[test]
fn sale_in_the_millisecond_of_a_count_gives_one_result() {
    let opening = || Report::Delta(sale(-10, "2026-03-01T10:00:00Z"));
    for (counted_at, sold_at, on_hand) in [
        ("2026-03-01T11:00:00.0005Z", "2026-03-01T11:00:00.000Z", 9),
        ("2026-03-01T11:00:00.000Z", "2026-03-01T11:00:00.000Z", 9),
        ("2026-03-01T11:00:00.0015Z", "2026-03-01T11:00:00.000Z", 10),
    ] {
        let count = || Report::Count(count(10, counted_at));
        let sale = || Report::Delta(sale(1, sold_at));
        for changes in [[opening(), count(), sale()], [opening(), sale(), count()]] {
            assert_eq!(level_after(&changes).on_hand, on_hand, "{counted_at}");
        }
    }
}

#[test]
fn ledger_with_a_gap_in_allocations_is_incomplete() {
    let allocated = |quantity: i64| LevelDelta {
        on_hand_delta: 0,
        allocated_delta: quantity,
        kind: MovementKind::Allocation,
        ..sale(quantity, NOW)
    };
    let (mut level, mut movements) = (level("store-1", 0, 0), Vec::new());
    for change in [sale(-10, NOW), allocated(2), allocated(3)] {
        let next = level.after(change).unwrap();
        movements.splice(0..0, next.movement_since(Some(&level)));
        level = next;
    }
    let since = "2026-03-01T11:00:00Z".parse().unwrap();
    assert_eq!(on_hand_delta_since(&level, &movements, since), Some(10));
    movements.remove(1);
    assert_eq!(on_hand_delta_since(&level, &movements, since), None);
    let mut repair = movements[0].clone();
    repair.change.kind = MovementKind::Repair;
    let repaired = Level {
        last_change: Some(repair.change.clone()),
        ..level
    };
    movements[0] = repair;
    assert_eq!(
        on_hand_delta_since(&repaired, &movements, since),
        Some(10),
        "a repair does not need to follow from earlier movements"
    );
}

proptest! {
    #[test]
    fn level_is_independent_of_the_order_of_sales_and_a_count(
        sales in prop::collection::vec((1_i64..5, 0_u32..60), 0..12),
        count_at in 0_u32..60,
        count_position in 0_usize..13,
    ) {
        let minute = |minute: u32| format!("2026-03-01T11:{minute:02}:30Z");
        let opening = 100;
        let sold_before: i64 = sales.iter().filter(|(_, at)| *at <= count_at).map(|(q, _)| q).sum();
        let on_hand: i64 = opening - sales.iter().map(|(q, _)| q).sum::<i64>();
        let count_time = format!("2026-03-01T11:{count_at:02}:45Z");
        let empty = level("store-1", 0, 0);
        let mut level = empty.after(sale(-opening, "2026-03-01T10:00:00Z")).unwrap();
        let mut movements = vec![level.movement_since(None).unwrap()];
        let count_position = count_position.min(sales.len());
        for position in 0..=sales.len() {
            if position == count_position {
                let count = count(opening - sold_before, &count_time);
                let moved = count
                    .depends_on_movements_since(&level)
                    .map_or(0, |since| on_hand_delta_since(&level, &movements, since).unwrap());
                let next = apply_after(moved, &count, &[level.clone()]).unwrap().remove(0);
                movements.splice(0..0, next.movement_since(Some(&level)));
                level = next;
            }
            if let Some((quantity, at)) = sales.get(position) {
                let (location, sku) = (level.location_id.clone(), level.sku.clone());
                let sale = LevelDelta {
                    movement_id: MovementId::derive(&position.to_string(), "sale", &location, &sku),
                    ..sale(*quantity, &minute(*at))
                };
                let next = level.after(sale).unwrap();
                movements.splice(0..0, next.movement_since(Some(&level)));
                level = next;
            }
        }
        prop_assert_eq!(level.on_hand, on_hand);
    }
}

#[test]
fn count_includes_earlier_changes_of_the_same_request() {
    // given a receipt without a time or dated by a fast clock, and a count dated by the fast clock
    let ahead = "2026-03-01T12:00:02Z";
    for reported in [None, Some(ahead)] {
        let mut receipt =
            json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 5});
        if let Some(reported) = reported {
            receipt["occurred_at"] = json!(reported);
        }
        let count_of = |sku: &str| json!({"kind": "count", "location_id": "store-1", "sku": sku, "quantity": 10, "counted_at": ahead});
        let request = |changes: &[&Value]| -> Vec<RequestedChange> {
            let body = json!({ "changes": changes });
            let body: StockChanges = serde_json::from_value(body).unwrap();
            body.resolve_times(NOW.parse().unwrap())
        };
        let on_hand_after = |changes: &[RequestedChange]| {
            let reports: Vec<Report> = [Report::Delta(sale(-5, "2026-03-01T11:00:00Z"))]
                .into_iter()
                .chain(changes.iter().map(|change| {
                    match change {
                        RequestedChange::Count { .. } => Report::Count(change.clone()),
                        other => Report::Delta(
                            apply(other, &[level("store-1", 0, 0)]).unwrap()[0]
                                .last_change
                                .clone()
                                .unwrap(),
                        ),
                    }
                }))
                .collect();
            level_after(&reports).on_hand
        };
        // then the count includes the receipt before it, but not the one after it
        assert_eq!(on_hand_after(&request(&[&receipt, &count_of("milk")])), 10);
        assert_eq!(on_hand_after(&request(&[&count_of("milk"), &receipt])), 15);
        // and a count of another SKU does not change the time of the receipt
        let changes = request(&[&receipt, &count_of("bread")]);
        let RequestedChange::Receipt { occurred_at, .. } = &changes[0] else {
            panic!("{changes:?}");
        };
        assert_eq!(*occurred_at, Some(NOW.parse().unwrap()));
    }
}
