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
fn while_one_bucket_owes_none_has_anything_to_sell() {
    let short = milk(&[(0, 2), (0, 2)], 2);
    let back = short.plan(&change(MovementKind::Return, 3, 0)).unwrap();
    let after = written(&short, back);
    assert_eq!(after.total().available(), -1);
    assert!(after.buckets().iter().all(|bucket| bucket.available() <= 0));
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
fn while_a_level_owes_what_is_there_still_goes_to_whom_it_is_promised() {
    let short = milk(&[(1, 2), (0, 2)], 2);
    let kept = short
        .plan(&change(MovementKind::Fulfilment, -1, -1))
        .unwrap();
    assert_eq!(parts(kept), [(0, -1, -1)]);
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
fn buckets_are_even_enough_until_one_is_off_by_more_than_half_its_share() {
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(milk(&[(12, 0), (4, 0)], 2).evening(now), None);
    let Some(Plan::Parts(off)) = milk(&[(13, 0), (3, 0)], 2).evening(now) else {
        panic!("it stays uneven");
    };
    assert_ne!(off[0].change.movement_id, off[1].change.movement_id);
    let moved: Vec<_> = off.iter().map(|part| part.change.on_hand_delta).collect();
    assert_eq!(moved, [-5, 5]);
    assert_eq!(milk(&[(13, 0), (0, 3)], 2).evening(now), None, "it owes");
    let out_of_use = milk(&[(10, 0), (10, 0), (1, 0)], 2);
    assert!(out_of_use.evening(now).is_some());
}

#[test]
fn buckets_are_evened_out_and_those_out_of_use_emptied() {
    let now = Timestamp::UNIX_EPOCH;
    let level = milk(&[(9, 1), (0, 0), (4, 2)], 2);
    let after = written(&level, level.evening(now).unwrap());
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
    assert_eq!(
        parts(gathering.first.unwrap()),
        [(1, 1, 0), (0, -1, 0)],
        "what is promised in the third bucket is left alone"
    );
    assert_eq!(parts(gathering.then), [(1, -4, 0)]);
}

#[test]
fn a_promise_is_gathered_with_the_goods_it_is_for() {
    let level = milk(&[(2, 1), (3, 2)], 2);
    for change in [
        change(MovementKind::Release, 0, -3),
        change(MovementKind::Fulfilment, -3, -3),
    ] {
        let gathering = level.gathering(&change, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(parts(gathering.first.unwrap()), [(1, 1, 1), (0, -1, -1)]);
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
    let after = written(&level, gathering.first.unwrap());
    assert_eq!(after.buckets()[1].on_hand, 5);
}

#[test]
fn a_promise_that_a_count_saw_kept_is_gathered_and_kept_as_the_count_saw_it() {
    let counted_at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let mut level = milk(&[(2, 2), (3, 3)], 2);
    for bucket in &mut level.buckets {
        bucket.counted_at = Some(counted_at);
    }
    let kept = change(MovementKind::Fulfilment, -4, -4);
    let gathering = level.gathering(&kept, counted_at).unwrap();
    let gathered = written(&level, gathering.first.unwrap());
    assert_eq!(counted(&gathering.then), -4);
    assert_eq!(parts(gathering.then.clone()), [(1, 0, -4)]);
    let after = written(&gathered, gathering.then).total();
    assert_eq!((after.on_hand, after.allocated), (5, 1));
}

/// Six are promised and one is there, in three buckets.
fn short_milk() -> SplitLevel {
    let level = milk(&[(6, 6), (0, 0), (0, 0)], 3);
    let mut damage = change(MovementKind::Adjustment, -5, 0);
    damage.reason = Some(DAMAGE.to_owned());
    let plan = level.plan(&damage).unwrap();
    written(&level, plan)
}

#[test]
fn what_a_short_level_owes_is_gathered_in_its_first_bucket() {
    let short = short_milk();
    for (back, available) in [(3, -2), (5, 0), (6, 1)] {
        let release = change(MovementKind::Release, 0, -back);
        let Gathering { first, then } = short.gathering(&release, Timestamp::UNIX_EPOCH).unwrap();
        let gathered = written_as_planned(&short, first.unwrap());
        assert_eq!(
            Quantities::of(&gathered.total()),
            Quantities::of(&short.total())
        );
        assert!(gathered.buckets.iter().all(|bucket| bucket.whole_short));
        let again = gathered.gathering(&release, Timestamp::UNIX_EPOCH);
        let (first, same) = again.map(|again| (again.first, again.then)).unwrap();
        assert_eq!((first, &same), (None, &then));
        assert!(matches!(&then, Plan::Anew(levels) if levels.len() == 1));
        let after = written_as_planned(&gathered, then);
        assert_eq!(after.total().available(), available);
        assert!(
            after.buckets[1..]
                .iter()
                .all(|bucket| bucket.available() == 0)
        );
        assert_eq!(after.buckets[0].whole_short, available < 0);
    }
}

#[test]
fn a_level_that_is_short_no_more_tells_its_buckets_when_it_is_evened_out() {
    let short = short_milk();
    let release = change(MovementKind::Release, 0, -6);
    let Gathering { first, then } = short.gathering(&release, Timestamp::UNIX_EPOCH).unwrap();
    let made_good = written_as_planned(&written_as_planned(&short, first.unwrap()), then);
    let Some(Plan::Anew(levels)) = made_good.evening(Timestamp::UNIX_EPOCH) else {
        panic!("nobody is told");
    };
    let even = written(&made_good, Plan::Anew(levels));
    assert_eq!(
        Quantities::of(&even.total()),
        Quantities::of(&made_good.total())
    );
    assert_eq!(even.evening(Timestamp::UNIX_EPOCH), None);
    assert_eq!(short.evening(Timestamp::UNIX_EPOCH), None, "it owes");
}

#[test]
fn a_level_that_is_short_no_more_tells_its_buckets_with_what_is_sold_next() {
    let short = short_milk();
    let release = change(MovementKind::Release, 0, -6);
    let Gathering { first, then } = short.gathering(&release, Timestamp::UNIX_EPOCH).unwrap();
    let made_good = written_as_planned(&written_as_planned(&short, first.unwrap()), then);
    let plan = made_good.plan(&change(MovementKind::Sale, -1, 0)).unwrap();
    let after = written(&made_good, plan);
    assert_eq!(after.total().available(), 0);
    assert!(after.buckets.iter().all(|bucket| !bucket.whole_short));
}

#[test]
fn what_comes_back_to_a_bucket_that_owes_is_not_together_yet() {
    let short = short_milk();
    let release = change(MovementKind::Release, 0, -1);
    let Gathering { first, .. } = short.gathering(&release, Timestamp::UNIX_EPOCH).unwrap();
    let mut gathered = written_as_planned(&short, first.unwrap());
    let is_together = |level: &SplitLevel| {
        let gathering = level.gathering(&release, Timestamp::UNIX_EPOCH).unwrap();
        gathering.first.is_none()
    };
    assert!(is_together(&gathered));
    gathered.buckets[2].on_hand = 1;
    assert!(!is_together(&gathered));
    gathered.buckets[2].allocated = 1;
    assert!(!is_together(&gathered));
    gathered.buckets[2].on_hand = 0;
    assert!(!is_together(&gathered));
}

#[test]
fn what_a_level_that_is_short_no_more_sells_next_is_together_though_not_all_are_told() {
    let mut level = milk(&[(5, 1), (0, 0), (0, 0)], 3);
    level.buckets[2].whole_short = true;
    let sale = change(MovementKind::Sale, -1, 0);
    let Gathering { first, then } = level.gathering(&sale, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(first, None);
    assert_eq!(written_as_planned(&level, then).total().on_hand, 4);
}

#[test]
fn a_level_of_one_item_is_together_always_and_says_nothing_of_the_whole() {
    let level = milk(&[(2, 2)], 1);
    let mut damage = change(MovementKind::Adjustment, -1, 0);
    damage.reason = Some(DAMAGE.to_owned());
    let anew = level.anew(&level.total().after(damage.clone()).unwrap(), &damage);
    let short = written_as_planned(&level, Plan::Anew(anew));
    assert!(short.total().is_short() && !short.buckets[0].whole_short);
    let release = change(MovementKind::Release, 0, -1);
    assert!(matches!(short.plan(&release), Ok(Plan::Anew(_))));
    assert_eq!(short.gathering(&release, Timestamp::UNIX_EPOCH), None);
}

#[test]
fn a_change_that_leaves_a_level_short_is_told_to_every_bucket() {
    let level = milk(&[(3, 3), (3, 3)], 2);
    let mut damage = change(MovementKind::Adjustment, -2, 0);
    damage.reason = Some(DAMAGE.to_owned());
    assert!(matches!(level.plan(&damage), Ok(Plan::Anew(levels)) if levels.len() == 2));
    assert_eq!(level.gathering(&damage, Timestamp::UNIX_EPOCH), None);
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

#[test]
fn a_step_moves_from_where_most_is_too_many_to_where_most_is_lacking() {
    let step = |level: &SplitLevel| level.evening_step(Timestamp::UNIX_EPOCH).map(parts);
    let full = milk(&[(9, 0), (3, 0), (0, 0)], 3);
    assert_eq!(step(&full), Some(vec![(0, -4, 0), (2, 4, 0)]));
    let lacking = milk(&[(5, 0), (5, 0), (0, 0)], 3);
    assert_eq!(step(&lacking), Some(vec![(1, -2, 0), (2, 2, 0)]));
    assert_eq!(step(&milk(&[(4, 0), (3, 0)], 2)), None, "it is even");
    let mut to_be_told = full;
    to_be_told.buckets[1].whole_short = true;
    assert_eq!(step(&to_be_told), None, "each bucket is to be told");
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
        if let Some(Gathering { first, then }) = gathering {
            let gathered = written(&level, first.unwrap());
            prop_assert_eq!(Quantities::of(&level.total()), Quantities::of(&gathered.total()));
            for bucket in gathered.buckets() {
                prop_assert!(bucket.on_hand >= 0 && bucket.allocated >= 0 && !bucket.is_short());
            }
            prop_assert_eq!(gathered.plan(&change), Ok(then.clone()));
            let expected = level.total().after(change).unwrap();
            let after = written(&gathered, then).total();
            prop_assert_eq!(Quantities::of(&after), Quantities::of(&expected));
        }
    }

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
