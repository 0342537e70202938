//! Goods are moved between buckets to even them out, or to gather what one change needs.

use proptest::prelude::*;

use super::*;

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
}
