use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ids::MovementId;
use crate::level::{MovementKind, ReorderPolicy};

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

/// Milk in as many buckets as there are `quantities` of on hand and allocated, `in_use` of them in use.
fn milk(quantities: &[(i64, i64)], in_use: u8) -> SplitLevel {
    let mut buckets = (0_u8..)
        .zip(quantities)
        .map(|(bucket, (on_hand, allocated))| Level {
            bucket,
            on_hand: *on_hand,
            allocated: *allocated,
            version: 3,
            ..Level::empty(&LevelKey {
                location_id: "store-1".parse().unwrap(),
                sku: "milk".parse().unwrap(),
            })
        });
    let first = Level {
        split_over: u8::try_from(quantities.len()).unwrap(),
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

/// The level after `plan`, as its writes leave it.
fn written(level: &SplitLevel, plan: Plan) -> SplitLevel {
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
                *bucket = after;
            }
        }
    }
    SplitLevel { buckets }
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
fn while_one_bucket_owes_none_has_anything_to_sell() {
    let short = milk(&[(0, 2), (0, 2)], 2);
    let back = short.plan(&change(MovementKind::Return, 3, 0)).unwrap();
    let after = written(&short, back);
    assert_eq!(after.total().available(), -1);
    assert!(after.buckets().iter().all(|bucket| bucket.available() <= 0));
}

#[test]
fn buckets_are_evened_out_and_those_out_of_use_emptied() {
    let now = Timestamp::UNIX_EPOCH;
    let level = milk(&[(9, 1), (0, 0), (4, 2)], 2);
    let parts = level.evening(now).unwrap();
    let after = written(&level, Plan::Parts(parts));
    let available: Vec<i64> = after.buckets().iter().map(Level::available).collect();
    assert_eq!(available, [5, 5, 0]);
    assert_eq!(after.evening(now), None);
    assert_eq!(milk(&[(9, 0)], 1).evening(now), None);
}

#[test]
fn goods_are_gathered_in_the_roomiest_bucket_and_only_as_many_as_are_wanted() {
    let level = milk(&[(2, 0), (3, 0), (2, 1)], 3);
    let sale = change(MovementKind::Sale, -4, 0);
    let gathering = level.gathering(&sale, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(gathering.bucket, 1);
    assert_eq!(
        parts(Plan::Parts(gathering.parts)),
        [(1, 1, 0), (0, -1, 0)],
        "what is promised in the third bucket is left alone"
    );
}

#[test]
fn a_promise_is_gathered_with_the_goods_it_is_for() {
    let level = milk(&[(2, 1), (3, 2)], 2);
    for change in [
        change(MovementKind::Release, 0, -3),
        change(MovementKind::Fulfilment, -3, -3),
    ] {
        let gathering = level.gathering(&change, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            parts(Plan::Parts(gathering.parts)),
            [(1, 1, 1), (0, -1, -1)]
        );
    }
}

#[test]
fn a_count_does_not_see_what_only_moves_between_buckets() {
    let counted_at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let mut level = milk(&[(2, 0), (3, 0)], 2);
    for bucket in &mut level.buckets {
        bucket.counted_at = Some(counted_at);
    }
    let sale = LastChange {
        occurred_at: counted_at,
        ..change(MovementKind::Sale, -5, 0)
    };
    let gathering = level.gathering(&sale, Timestamp::UNIX_EPOCH).unwrap();
    let after = written(&level, Plan::Parts(gathering.parts));
    assert_eq!(after.buckets()[1].on_hand, 5);
}

#[test]
fn a_bucket_that_is_not_there_yet_holds_nothing() {
    let first = Level {
        split_over: 3,
        ..milk(&[(5, 0)], 3).buckets.remove(0)
    };
    let level = SplitLevel::new(first, &[]);
    assert_eq!((level.buckets().len(), level.total().on_hand), (3, 5));
}

proptest! {
    #[test]
    fn what_is_gathered_makes_the_change_one_part_and_the_level_no_other(
        quantities in prop::collection::vec((0_i64..20, 0_i64..20), 1..17),
        kind in 0_usize..5,
        quantity in 1_i64..60,
    ) {
        let quantities: Vec<(i64, i64)> = quantities
            .into_iter()
            .map(|(free, promised)| (free + promised, promised))
            .collect();
        let level = milk(&quantities, 16);
        let change = match kind {
            0 => change(MovementKind::Sale, -quantity, 0),
            1 => change(MovementKind::Allocation, 0, quantity),
            2 => change(MovementKind::Release, 0, -quantity),
            3 => change(MovementKind::Fulfilment, -quantity, -quantity),
            _ => change(MovementKind::Return, quantity, 0),
        };
        let is_apart = matches!(level.plan(&change), Ok(Plan::Parts(parts)) if parts.len() > 1);
        let gathering = level.gathering(&change, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(gathering.is_some(), is_apart);
        if let Some(gathering) = gathering {
            let after = written(&level, Plan::Parts(gathering.parts));
            let (before, total) = (level.total(), after.total());
            prop_assert_eq!(
                (before.on_hand, before.allocated),
                (total.on_hand, total.allocated)
            );
            for bucket in after.buckets() {
                prop_assert!(bucket.on_hand >= 0 && bucket.allocated >= 0 && !bucket.is_short());
            }
            let Ok(Plan::Parts(parts)) = after.plan(&change) else {
                panic!("the change can still be made");
            };
            prop_assert_eq!(parts.len(), 1);
            let target = &after.buckets()[usize::from(gathering.bucket)];
            prop_assert!(target.after(Part::whole(&change, gathering.bucket).change).is_ok());
        }
    }

    #[test]
    fn whatever_happens_the_buckets_are_the_level_and_none_sells_while_another_owes(
        steps in prop::collection::vec((0_usize..7, 1_i64..40), 1..80),
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
                _ => LastChange {
                    states: StateDeltas { damaged_delta: quantity / 4, ..StateDeltas::default() },
                    reason: Some(crate::level::DAMAGE.to_owned()),
                    ..change(MovementKind::StateChange, 0, 0)
                },
            };
            let expected = whole.after(change.clone());
            let plan = level.plan(&change);
            prop_assert_eq!(plan.is_ok(), expected.is_ok());
            if let (Ok(plan), Ok(expected)) = (plan, expected) {
                level = written(&level, plan);
                whole = expected;
            }
            let total = level.total();
            prop_assert_eq!(
                (total.on_hand, total.allocated, total.damaged, total.available()),
                (whole.on_hand, whole.allocated, whole.damaged, whole.available())
            );
            for bucket in level.buckets() {
                prop_assert!(bucket.on_hand >= 0 && bucket.allocated >= 0);
                prop_assert!(total.available() < 0 || bucket.available() >= 0, "{:?}", level);
                prop_assert!(total.available() >= 0 || bucket.available() <= 0, "{:?}", level);
            }
        }
    }
}
