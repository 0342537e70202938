//! A split level is the sum of its buckets, and what changes it is written in parts of them or to all of them anew.

mod rebalance;
mod short_levels;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::audit::Quantities;
use crate::ids::MovementId;
use crate::level::{DAMAGE, MovementKind, ReorderPolicy};

fn change(kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> LastChange {
    let (location, sku) = ("store-1".parse().unwrap(), "milk".parse().unwrap());
    LastChange {
        movement_id: MovementId::derive("cause", kind.as_str(), &location, &sku),
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

/// Goods that became damaged, were put on hold, or set out for here, or the contrary.
fn in_states(
    kind: MovementKind,
    (damaged_delta, on_hold_delta, in_transit_delta): (i64, i64, i64),
) -> LastChange {
    LastChange {
        states: StateDeltas {
            damaged_delta,
            on_hold_delta,
            in_transit_delta,
            counted_delta: 0,
        },
        reason: Some(DAMAGE.to_owned()),
        ..change(kind, 0, 0)
    }
}

/// What a count had seen of the change that `plan` writes.
fn counted(plan: &Plan) -> i64 {
    let of = |change: &LastChange| change.states.counted_delta;
    match plan {
        Plan::Parts(parts) => parts.iter().map(|part| of(&part.change)).sum(),
        Plan::Anew(levels) => levels
            .iter()
            .filter_map(|(_, after)| after.last_change.as_ref())
            .map(of)
            .sum(),
    }
}

/// Milk in as many buckets as there are `quantities` of on hand and allocated, `in_use` of them in use.
fn milk(quantities: &[(i64, i64)], in_use: u8) -> SplitLevel {
    let mut buckets = (0_u8..)
        .zip(quantities)
        .map(|(bucket, (on_hand, allocated))| Level {
            bucket,
            on_hand: *on_hand,
            allocated: *allocated,
            version: 3,
            split_over: u8::try_from(quantities.len()).unwrap(),
            ..Level::empty(&LevelKey {
                location_id: "store-1".parse().unwrap(),
                sku: "milk".parse().unwrap(),
            })
        });
    let first = Level {
        policy: Some(ReorderPolicy {
            reorder_point: 0,
            target_level: 0,
            order_multiple: 1,
            safety_stock: 0,
            lead_time_days: 0,
            buckets: in_use,
        }),
        ..buckets.next().unwrap()
    };
    SplitLevel::new(first, &buckets.collect::<Vec<_>>())
}

/// The level after `plan`, as its writes leave it; what is written anew is even.
fn written(level: &SplitLevel, plan: Plan) -> SplitLevel {
    let is_anew = matches!(plan, Plan::Anew(_));
    let after = written_as_planned(level, plan);
    if is_anew {
        let (used, out_of_use) = after.buckets.split_at(usize::from(level.in_use()));
        assert_even(used);
        for bucket in out_of_use {
            assert_eq!(Quantities::of(bucket), Quantities::default());
        }
        let is_short = after.buckets.len() > 1 && after.total().is_short();
        assert!(
            after
                .buckets
                .iter()
                .all(|bucket| bucket.whole_short == is_short)
        );
    }
    after
}

/// The same, even or not.
fn written_as_planned(level: &SplitLevel, plan: Plan) -> SplitLevel {
    let mut buckets = level.buckets.clone();
    match plan {
        Plan::Parts(parts) => {
            for part in parts {
                let bucket = &mut buckets[usize::from(part.bucket)];
                *bucket = bucket.after(part.change).unwrap();
            }
        }
        Plan::Anew(levels) => {
            for (before, after) in levels {
                let bucket = &mut buckets[usize::from(before.bucket)];
                assert_eq!(*bucket, before);
                let change = after.last_change.as_ref().unwrap();
                assert_eq!(
                    Quantities::of(&before).after(change),
                    Quantities::of(&after)
                );
                assert_eq!(after.version, before.version + 1);
                *bucket = after;
            }
        }
    }
    SplitLevel { buckets }
}

/// Each has as much to sell as any other, give or take one, and owes as much.
fn assert_even(buckets: &[Level]) {
    let spread = |of: fn(&Level) -> i64| {
        let quantities = || buckets.iter().map(of);
        quantities().max().unwrap() - quantities().min().unwrap()
    };
    assert!(spread(|bucket| bucket.allocated) <= 1, "{buckets:?}");
    assert!(
        spread(|bucket| bucket.available().max(0)) <= 1,
        "{buckets:?}"
    );
}

fn parts(plan: Plan) -> Vec<(u8, i64, i64)> {
    let Plan::Parts(parts) = plan else {
        panic!("it writes every bucket anew: {plan:?}");
    };
    parts
        .into_iter()
        .map(|part| {
            (
                part.bucket,
                part.change.on_hand_delta,
                part.change.allocated_delta,
            )
        })
        .collect()
}

#[test]
fn an_order_takes_from_one_bucket_that_has_enough() {
    let level = milk(&[(2, 0), (5, 0), (3, 0)], 3);
    let plan = level.plan(&change(MovementKind::Sale, -4, 0)).unwrap();
    assert_eq!(parts(plan), [(1, -4, 0)]);
}

#[test]
fn an_order_takes_from_several_when_no_bucket_has_enough_and_the_last_unit_can_be_sold() {
    let level = milk(&[(2, 0), (5, 1), (3, 0)], 3);
    let plan = level.plan(&change(MovementKind::Allocation, 0, 9)).unwrap();
    assert_eq!(parts(plan.clone()), [(1, 0, 4), (2, 0, 3), (0, 0, 2)]);
    let after = written(&level, plan);
    assert_eq!(after.total().available(), 0);
    assert_eq!(
        after.plan(&change(MovementKind::Sale, -1, 0)),
        Err(LevelError::NotAvailable { available: 0 })
    );
}

#[test]
fn the_parts_of_one_movement_are_movements_of_their_own() {
    let level = milk(&[(1, 0), (1, 0)], 2);
    let Plan::Parts(parts) = level.plan(&change(MovementKind::Sale, -2, 0)).unwrap() else {
        panic!("no parts");
    };
    assert_ne!(parts[0].change.movement_id, parts[1].change.movement_id);
    let whole = change(MovementKind::Sale, -2, 0);
    assert_eq!(Part::whole(&whole, 0).change.movement_id, whole.movement_id);
    assert_eq!(
        Part::whole(&whole, 1).change.movement_id,
        whole.movement_id.in_bucket(1)
    );
}

#[test]
fn a_promise_made_in_one_bucket_may_be_kept_from_another() {
    let level = milk(&[(4, 0), (4, 3)], 2);
    let plan = level
        .plan(&change(MovementKind::Fulfilment, -3, -3))
        .unwrap();
    assert_eq!(parts(plan), [(1, -3, -3)]);
    let apart = milk(&[(4, 0), (0, 0)], 2);
    let promised = written(
        &apart,
        apart.plan(&change(MovementKind::Allocation, 0, 4)).unwrap(),
    );
    let kept = written(
        &promised,
        promised
            .plan(&change(MovementKind::Fulfilment, -4, -4))
            .unwrap(),
    );
    assert_eq!((kept.total().on_hand, kept.total().allocated), (0, 0));
}

#[test]
fn the_level_is_the_sum_of_its_buckets_and_its_last_change_the_newest_of_theirs() {
    let at = |second| LastChange {
        recorded_at: Timestamp::from_second(second).unwrap(),
        ..change(MovementKind::Sale, -1, 0)
    };
    let mut level = milk(&[(5, 1), (7, 2)], 2);
    let [first, second] = &mut level.buckets[..] else {
        panic!("two buckets");
    };
    (first.damaged, first.on_hold, first.in_transit) = (1, 1, 2);
    (second.damaged, second.on_hold, second.in_transit) = (2, 1, 4);
    (first.last_change, second.last_change) = (Some(at(1)), Some(at(2)));
    let total = level.total();
    let sums = Quantities {
        on_hand: 12,
        allocated: 3,
        damaged: 3,
        on_hold: 2,
        in_transit: 6,
    };
    assert_eq!(Quantities::of(&total), sums);
    assert_eq!((total.version, total.last_change), (6, Some(at(2))));
}

#[test]
fn a_return_goes_where_least_is_to_sell_and_a_release_where_the_promise_is() {
    let level = milk(&[(2, 0), (5, 3), (9, 0)], 3);
    let back = level.plan(&change(MovementKind::Return, 4, 0)).unwrap();
    assert_eq!(parts(back), [(0, 4, 0)]);
    let given_up = level.plan(&change(MovementKind::Release, 0, -2)).unwrap();
    assert_eq!(parts(given_up), [(1, 0, -2)]);
}

#[test]
fn a_sale_that_a_count_has_seen_is_told_to_one_bucket() {
    let level = milk(&[(2, 0), (5, 3)], 2);
    let seen = change(MovementKind::Sale, -2, 0).seen_by_count();
    let plan = level.plan(&seen).unwrap();
    assert_eq!(counted(&plan), -2);
    assert_eq!(parts(plan), [(1, 0, 0)]);
}

#[test]
fn a_change_that_moves_more_than_is_promised_is_written_anew() {
    let level = milk(&[(4, 2), (4, 2)], 2);
    let plan = level
        .plan(&change(MovementKind::Fulfilment, -3, -1))
        .unwrap();
    assert!(matches!(plan, Plan::Anew(_)));
    let after = written(&level, plan).total();
    assert_eq!((after.on_hand, after.allocated), (5, 3));
}

#[test]
fn a_count_is_known_to_every_bucket_by_a_movement_of_its_own() {
    let level = milk(&[(4, 0), (4, 0)], 2);
    let count = change(MovementKind::Count, 2, 0);
    let counted_at = Some(Timestamp::from_second(60).unwrap());
    let total = Level {
        counted_at,
        ..level.total().after(count.clone()).unwrap()
    };
    let anew = level.anew(&total, &count);
    assert!(anew.iter().all(|(_, after)| after.counted_at == counted_at));
    let id = |place: usize| anew[place].1.last_change.as_ref().unwrap().movement_id;
    assert_eq!(
        (id(0), id(1)),
        (count.movement_id, count.movement_id.in_bucket(1))
    );
}

#[test]
fn a_bucket_that_is_not_there_yet_holds_nothing() {
    let first = Level {
        split_over: 3,
        whole_short: true,
        counted_at: Some(Timestamp::UNIX_EPOCH),
        ..milk(&[(5, 0)], 3).buckets.remove(0)
    };
    let level = SplitLevel::new(first, &[]);
    assert_eq!((level.buckets().len(), level.total().on_hand), (3, 5));
    let last = &level.buckets()[2];
    assert_eq!(Quantities::of(last), Quantities::default());
    assert_eq!((last.bucket, last.split_over, last.version), (2, 3, 0));
    assert_eq!(last.counted_at, Some(Timestamp::UNIX_EPOCH));
    assert!(last.whole_short);
}

#[test]
fn what_is_on_its_way_is_the_first_buckets() {
    let level = milk(&[(9, 0), (0, 0)], 2);
    let sets_out = in_states(MovementKind::TransferIn, (0, 0, 3));
    let plan = level.plan(&sets_out).unwrap();
    assert_eq!(parts(plan.clone()), [(0, 0, 0)]);
    let level = written(&level, plan);
    assert_eq!(level.buckets[0].in_transit, 3);
    let arrives = LastChange {
        on_hand_delta: 2,
        ..in_states(MovementKind::TransferIn, (0, 0, -2))
    };
    let plan = level.plan(&arrives).unwrap();
    assert_eq!(parts(plan.clone()), [(0, 2, 0)]);
    let level = written(&level, plan);
    assert_eq!(
        (level.buckets[0].on_hand, level.buckets[0].in_transit),
        (11, 1)
    );
}

#[test]
fn what_is_on_its_way_and_changes_with_what_is_there_or_promised_is_written_anew() {
    let level = milk(&[(2, 2), (5, 5)], 2);
    let level = written(
        &level,
        level
            .plan(&in_states(MovementKind::TransferIn, (0, 0, 3)))
            .unwrap(),
    );
    for (on_hand_delta, allocated_delta) in [(-7, -7), (7, 7), (0, -7)] {
        let both = LastChange {
            on_hand_delta,
            allocated_delta,
            ..in_states(MovementKind::Repair, (0, 0, -1))
        };
        let plan = level.plan(&both).unwrap();
        assert!(matches!(plan, Plan::Anew(_)), "{plan:?}");
        let after = written(&level, plan);
        assert_eq!(after.buckets[0].in_transit, 2);
        assert_eq!(after.total().on_hand, 7 + on_hand_delta);
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_buckets_are_the_level_and_none_sells_while_another_owes(
        steps in prop::collection::vec((0_usize..11, 1_i64..40), 1..80),
        in_use in 1_u8..5,
    ) {
        let mut level = milk(&[(40, 0), (0, 0), (0, 0), (0, 0)], in_use);
        let mut whole = level.total();
        for (step, quantity) in steps {
            let change = match step {
                0 => change(MovementKind::Sale, -quantity, 0),
                1 => change(MovementKind::Allocation, 0, quantity),
                2 => change(MovementKind::Release, 0, -quantity),
                3 => change(MovementKind::Fulfilment, -quantity, -quantity),
                4 => change(MovementKind::Return, quantity, 0),
                5 => change(MovementKind::Count, quantity - whole.on_hand, 0),
                6 => change(MovementKind::Sale, -quantity, 0).seen_by_count(),
                7 => change(MovementKind::Fulfilment, -quantity, -quantity).seen_by_count(),
                8 => in_states(MovementKind::StateChange, (quantity / 4, -quantity / 5, 0)),
                9 => in_states(MovementKind::StateChange, (0, quantity / 4, 0)),
                _ => in_states(MovementKind::TransferIn, (0, 0, quantity)),
            };
            let expected = whole.after(change.clone());
            let plan = level.plan(&change);
            prop_assert_eq!(plan.is_ok(), expected.is_ok());
            if let (Ok(plan), Ok(expected)) = (plan, expected) {
                prop_assert_eq!(counted(&plan), change.states.counted_delta);
                level = written(&level, plan);
                whole = expected;
            }
            let total = level.total();
            prop_assert_eq!(Quantities::of(&total), Quantities::of(&whole));
            for bucket in level.buckets() {
                prop_assert!(bucket.on_hand >= 0 && bucket.allocated >= 0);
                prop_assert!(total.available() < 0 || bucket.available() >= 0, "{:?}", level);
                prop_assert!(total.available() >= 0 || bucket.available() <= 0, "{:?}", level);
            }
        }
    }
}
