//! Planning changes of a split level: deltas of single buckets, or a rewrite of all.

mod rebalance;
mod short_levels;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ids::MovementId;
use crate::level::{DAMAGE, MovementKind, Quantities, ReorderPolicy, ReplenishmentMode};

fn change(kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> LevelDelta {
    let (location, sku) = ("store-1".parse().unwrap(), "milk".parse().unwrap());
    LevelDelta {
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

/// Returns a change with reason damage of the damaged, on-hold and in-transit quantities.
fn state_change(
    kind: MovementKind,
    (damaged_delta, on_hold_delta, in_transit_delta): (i64, i64, i64),
) -> LevelDelta {
    LevelDelta {
        states: StateDeltas {
            damaged_delta,
            on_hold_delta,
            in_transit_delta,
            incoming_delta: 0,
            counted_delta: 0,
        },
        reason: Some(DAMAGE.to_owned()),
        ..change(kind, 0, 0)
    }
}

/// Returns the sum of the counted deltas that `plan` writes.
fn counted_delta(plan: &WritePlan) -> i64 {
    let of = |change: &LevelDelta| change.states.counted_delta;
    match plan {
        WritePlan::Deltas(deltas) => deltas.iter().map(|delta| of(&delta.change)).sum(),
        WritePlan::Rewrite(levels) => levels
            .iter()
            .filter_map(|(_, after)| after.last_change.as_ref())
            .map(of)
            .sum(),
    }
}

/// Returns a level with one bucket for each (on hand, allocated) of `quantities`, `in_use` of them in use.
fn split_level(quantities: &[(i64, i64)], in_use: u8) -> SplitLevel {
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
            mode: ReplenishmentMode::MinMax,
        }),
        ..buckets.next().unwrap()
    };
    SplitLevel::new(first, &buckets.collect::<Vec<_>>())
}

/// Applies `plan` to `level`. After a rewrite, checks that the buckets are balanced and their `whole_short` is correct.
fn apply_and_check(level: &SplitLevel, plan: WritePlan) -> SplitLevel {
    let is_rewrite = matches!(plan, WritePlan::Rewrite(_));
    let after = apply_plan(level, plan);
    if is_rewrite {
        let (used, out_of_use) = after.buckets.split_at(usize::from(level.buckets_in_use()));
        assert_balanced(used);
        for bucket in out_of_use {
            assert_eq!(bucket.quantities(), Quantities::default());
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

/// Applies `plan` to `level`.
fn apply_plan(level: &SplitLevel, plan: WritePlan) -> SplitLevel {
    let mut buckets = level.buckets.clone();
    match plan {
        WritePlan::Deltas(deltas) => {
            for delta in deltas {
                let bucket = &mut buckets[usize::from(delta.bucket)];
                *bucket = bucket.after(delta.change).unwrap();
            }
        }
        WritePlan::Rewrite(levels) => {
            for (before, after) in levels {
                let bucket = &mut buckets[usize::from(before.bucket)];
                assert_eq!(*bucket, before);
                let change = after.last_change.as_ref().unwrap();
                assert_eq!(before.quantities().after(change), after.quantities());
                assert_eq!(after.version, before.version + 1);
                *bucket = after;
            }
        }
    }
    SplitLevel { buckets }
}

/// Checks that the available and the allocated quantities of the buckets differ by at most 1.
fn assert_balanced(buckets: &[Level]) {
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

fn deltas(plan: WritePlan) -> Vec<(u8, i64, i64)> {
    let WritePlan::Deltas(deltas) = plan else {
        panic!("the plan rewrites the buckets: {plan:?}");
    };
    deltas
        .into_iter()
        .map(|delta| {
            (
                delta.bucket,
                delta.change.on_hand_delta,
                delta.change.allocated_delta,
            )
        })
        .collect()
}

#[test]
fn sale_takes_one_bucket_that_has_enough() {
    let level = split_level(&[(2, 0), (5, 0), (3, 0)], 3);
    let plan = level.plan(&change(MovementKind::Sale, -4, 0)).unwrap();
    assert_eq!(deltas(plan), [(1, -4, 0)]);
}

#[test]
fn allocation_takes_several_buckets_down_to_the_last_unit() {
    let level = split_level(&[(2, 0), (5, 1), (3, 0)], 3);
    let plan = level.plan(&change(MovementKind::Allocation, 0, 9)).unwrap();
    assert_eq!(deltas(plan.clone()), [(1, 0, 4), (2, 0, 3), (0, 0, 2)]);
    let after = apply_and_check(&level, plan);
    assert_eq!(after.total().available(), 0);
    assert_eq!(
        after.plan(&change(MovementKind::Sale, -1, 0)),
        Err(LevelError::NotAvailable { available: 0 })
    );
}

#[test]
fn deltas_of_one_change_have_their_own_movement_ids() {
    let level = split_level(&[(1, 0), (1, 0)], 2);
    let WritePlan::Deltas(deltas) = level.plan(&change(MovementKind::Sale, -2, 0)).unwrap() else {
        panic!("the plan rewrites the buckets");
    };
    assert_ne!(deltas[0].change.movement_id, deltas[1].change.movement_id);
    let whole = change(MovementKind::Sale, -2, 0);
    assert_eq!(
        BucketDelta::whole(&whole, 0).change.movement_id,
        whole.movement_id
    );
    assert_eq!(
        BucketDelta::whole(&whole, 1).change.movement_id,
        whole.movement_id.in_bucket(1)
    );
}

#[test]
fn allocation_of_one_bucket_is_fulfilled_from_any() {
    let level = split_level(&[(4, 0), (4, 3)], 2);
    let plan = level
        .plan(&change(MovementKind::Fulfilment, -3, -3))
        .unwrap();
    assert_eq!(deltas(plan), [(1, -3, -3)]);
    let unbalanced = split_level(&[(4, 0), (0, 0)], 2);
    let allocated = apply_and_check(
        &unbalanced,
        unbalanced
            .plan(&change(MovementKind::Allocation, 0, 4))
            .unwrap(),
    );
    let fulfilled = apply_and_check(
        &allocated,
        allocated
            .plan(&change(MovementKind::Fulfilment, -4, -4))
            .unwrap(),
    );
    let total = fulfilled.total();
    assert_eq!((total.on_hand, total.allocated), (0, 0));
}

#[test]
fn total_sums_the_buckets_and_has_their_newest_change() {
    let at = |second| LevelDelta {
        recorded_at: Timestamp::from_second(second).unwrap(),
        ..change(MovementKind::Sale, -1, 0)
    };
    let mut level = split_level(&[(5, 1), (7, 2)], 2);
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
    assert_eq!(total.quantities(), sums);
    assert_eq!((total.version, total.last_change), (6, Some(at(2))));
}

#[test]
fn return_goes_to_least_available_and_release_to_allocated() {
    let level = split_level(&[(2, 0), (5, 3), (9, 0)], 3);
    let returned = level.plan(&change(MovementKind::Return, 4, 0)).unwrap();
    assert_eq!(deltas(returned), [(0, 4, 0)]);
    let released = level.plan(&change(MovementKind::Release, 0, -2)).unwrap();
    assert_eq!(deltas(released), [(1, 0, -2)]);
}

#[test]
fn receipt_of_an_order_goes_to_the_bucket_with_incoming() {
    let mut level = split_level(&[(9, 0), (2, 0), (5, 3)], 3);
    level.buckets[0].incoming = 6;
    let mut receipt = change(MovementKind::Receipt, 4, 0);
    receipt.states.incoming_delta = -4;
    let plan = level.plan(&receipt).unwrap();
    let after = level.after(&plan).unwrap();
    assert_eq!(deltas(plan), [(0, 4, 0)]);
    assert_eq!((after.total().on_hand, after.total().incoming), (20, 2));
    let total = level.total().after(receipt.clone()).unwrap();
    let rewritten = WritePlan::Rewrite(level.rewrite(&total, &receipt));
    let rewritten = level.after(&rewritten).unwrap();
    let incoming: Vec<_> = rewritten
        .buckets()
        .iter()
        .map(|bucket| bucket.incoming)
        .collect();
    assert_eq!(incoming, [2, 0, 0]);
}

#[test]
fn already_counted_sale_is_written_to_one_bucket() {
    let level = split_level(&[(2, 0), (5, 3)], 2);
    let already_counted = change(MovementKind::Sale, -2, 0).as_already_counted();
    let plan = level.plan(&already_counted).unwrap();
    assert_eq!(counted_delta(&plan), -2);
    assert_eq!(deltas(plan), [(1, 0, 0)]);
}

#[test]
fn fulfilment_of_more_than_it_releases_rewrites_all_buckets() {
    let level = split_level(&[(4, 2), (4, 2)], 2);
    let plan = level
        .plan(&change(MovementKind::Fulfilment, -3, -1))
        .unwrap();
    assert!(matches!(plan, WritePlan::Rewrite(_)));
    let after = apply_and_check(&level, plan).total();
    assert_eq!((after.on_hand, after.allocated), (5, 3));
}

#[test]
fn count_reaches_every_bucket_with_its_own_movement() {
    let level = split_level(&[(4, 0), (4, 0)], 2);
    let count = change(MovementKind::Count, 2, 0);
    let counted_at = Some(Timestamp::from_second(60).unwrap());
    let total = Level {
        counted_at,
        ..level.total().after(count.clone()).unwrap()
    };
    let rewritten = level.rewrite(&total, &count);
    assert!(
        rewritten
            .iter()
            .all(|(_, after)| after.counted_at == counted_at)
    );
    let id = |bucket: usize| {
        rewritten[bucket]
            .1
            .last_change
            .as_ref()
            .unwrap()
            .movement_id
    };
    assert_eq!(
        (id(0), id(1)),
        (count.movement_id, count.movement_id.in_bucket(1))
    );
}

#[test]
fn bucket_without_an_item_is_empty() {
    let first = Level {
        split_over: 3,
        whole_short: true,
        counted_at: Some(Timestamp::UNIX_EPOCH),
        ..split_level(&[(5, 0)], 3).buckets.remove(0)
    };
    let level = SplitLevel::new(first, &[]);
    assert_eq!((level.buckets().len(), level.total().on_hand), (3, 5));
    let last = &level.buckets()[2];
    assert_eq!(last.quantities(), Quantities::default());
    assert_eq!((last.bucket, last.split_over, last.version), (2, 3, 0));
    assert_eq!(last.counted_at, Some(Timestamp::UNIX_EPOCH));
    assert!(last.whole_short);
}

#[test]
fn in_transit_stock_belongs_to_the_first_bucket() {
    let level = split_level(&[(9, 0), (0, 0)], 2);
    let shipped = state_change(MovementKind::TransferIn, (0, 0, 3));
    let plan = level.plan(&shipped).unwrap();
    assert_eq!(deltas(plan.clone()), [(0, 0, 0)]);
    let level = apply_and_check(&level, plan);
    assert_eq!(level.buckets[0].in_transit, 3);
    let arrived = LevelDelta {
        on_hand_delta: 2,
        ..state_change(MovementKind::TransferIn, (0, 0, -2))
    };
    let plan = level.plan(&arrived).unwrap();
    assert_eq!(deltas(plan.clone()), [(0, 2, 0)]);
    let level = apply_and_check(&level, plan);
    assert_eq!(
        (level.buckets[0].on_hand, level.buckets[0].in_transit),
        (11, 1)
    );
}

#[test]
fn in_transit_with_other_deltas_rewrites_all_buckets() {
    let level = split_level(&[(2, 2), (5, 5)], 2);
    let level = apply_and_check(
        &level,
        level
            .plan(&state_change(MovementKind::TransferIn, (0, 0, 3)))
            .unwrap(),
    );
    for (on_hand_delta, allocated_delta) in [(-7, -7), (7, 7), (0, -7)] {
        let combined = LevelDelta {
            on_hand_delta,
            allocated_delta,
            ..state_change(MovementKind::Repair, (0, 0, -1))
        };
        let plan = level.plan(&combined).unwrap();
        assert!(matches!(plan, WritePlan::Rewrite(_)), "{plan:?}");
        let after = apply_and_check(&level, plan);
        assert_eq!(after.buckets[0].in_transit, 2);
        assert_eq!(after.total().on_hand, 7 + on_hand_delta);
    }
}

proptest! {
    #[test]
    fn buckets_sum_to_the_level_and_are_never_partly_short(
        drawn in prop::collection::vec((0_usize..11, 1_i64..40), 1..80),
        in_use in 1_u8..5,
    ) {
        let mut level = split_level(&[(40, 0), (0, 0), (0, 0), (0, 0)], in_use);
        let mut whole = level.total();
        for (kind, quantity) in drawn {
            let change = match kind {
                0 => change(MovementKind::Sale, -quantity, 0),
                1 => change(MovementKind::Allocation, 0, quantity),
                2 => change(MovementKind::Release, 0, -quantity),
                3 => change(MovementKind::Fulfilment, -quantity, -quantity),
                4 => change(MovementKind::Return, quantity, 0),
                5 => change(MovementKind::Count, quantity - whole.on_hand, 0),
                6 => change(MovementKind::Sale, -quantity, 0).as_already_counted(),
                7 => change(MovementKind::Fulfilment, -quantity, -quantity).as_already_counted(),
                8 => state_change(MovementKind::StateChange, (quantity / 4, -quantity / 5, 0)),
                9 => state_change(MovementKind::StateChange, (0, quantity / 4, 0)),
                _ => state_change(MovementKind::TransferIn, (0, 0, quantity)),
            };
            let expected = whole.after(change.clone());
            let plan = level.plan(&change);
            prop_assert_eq!(plan.is_ok(), expected.is_ok());
            if let (Ok(plan), Ok(expected)) = (plan, expected) {
                prop_assert_eq!(counted_delta(&plan), change.states.counted_delta);
                level = apply_and_check(&level, plan);
                whole = expected;
            }
            let total = level.total();
            prop_assert_eq!(total.quantities(), whole.quantities());
            for bucket in level.buckets() {
                prop_assert!(bucket.on_hand >= 0 && bucket.allocated >= 0);
                prop_assert!(total.available() < 0 || bucket.available() >= 0, "{:?}", level);
                prop_assert!(total.available() >= 0 || bucket.available() <= 0, "{:?}", level);
            }
        }
    }
}
