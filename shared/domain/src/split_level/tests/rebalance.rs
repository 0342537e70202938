//! Rebalancing buckets, and consolidating the stock of one change.

use proptest::prelude::*;

use super::*;

#[test]
fn rebalance_starts_above_half_a_share_of_deviation() {
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(split_level(&[(12, 0), (4, 0)], 2).rebalance_plan(now), None);
    let Some(WritePlan::Deltas(moves)) = split_level(&[(13, 0), (3, 0)], 2).rebalance_plan(now)
    else {
        panic!("no rebalance is planned");
    };
    assert_ne!(moves[0].change.movement_id, moves[1].change.movement_id);
    let moved: Vec<_> = moves
        .iter()
        .map(|delta| delta.change.on_hand_delta)
        .collect();
    assert_eq!(moved, [-5, 5]);
    assert_eq!(
        split_level(&[(13, 0), (0, 3)], 2).rebalance_plan(now),
        None,
        "a bucket is short"
    );
    let out_of_use = split_level(&[(10, 0), (10, 0), (1, 0)], 2);
    assert!(out_of_use.rebalance_plan(now).is_some());
}

#[test]
fn rebalance_balances_used_buckets_and_empties_unused_ones() {
    let now = Timestamp::UNIX_EPOCH;
    let level = split_level(&[(9, 1), (0, 0), (4, 2)], 2);
    let after = apply_and_check(&level, level.rebalance_plan(now).unwrap());
    let available: Vec<i64> = after.buckets().iter().map(Level::available).collect();
    assert_eq!(available, [5, 5, 0]);
    assert_eq!(after.rebalance_plan(now), None);
    assert_eq!(split_level(&[(9, 0)], 1).rebalance_plan(now), None);
}

#[test]
fn rebalance_step_moves_from_fullest_to_emptiest_bucket() {
    let step = |level: &SplitLevel| level.rebalance_step(Timestamp::UNIX_EPOCH).map(deltas);
    let one_full = split_level(&[(9, 0), (3, 0), (0, 0)], 3);
    assert_eq!(step(&one_full), Some(vec![(0, -4, 0), (2, 4, 0)]));
    let one_empty = split_level(&[(5, 0), (5, 0), (0, 0)], 3);
    assert_eq!(step(&one_empty), Some(vec![(1, -2, 0), (2, 2, 0)]));
    assert_eq!(
        step(&split_level(&[(4, 0), (3, 0)], 2)),
        None,
        "the buckets are balanced"
    );
    let mut stale = one_full;
    stale.buckets[1].whole_short = true;
    assert_eq!(step(&stale), None, "a stale flag needs a rewrite");
}

#[test]
fn consolidation_moves_only_missing_stock_to_the_largest_bucket() {
    let level = split_level(&[(2, 0), (3, 0), (2, 1)], 3);
    let sale = change(MovementKind::Sale, -4, 0);
    let consolidation = level.consolidation(&sale, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(
        deltas(consolidation.transfer.unwrap()),
        [(1, 1, 0), (0, -1, 0)],
        "the allocated unit of the third bucket stays"
    );
    assert_eq!(deltas(consolidation.write), [(1, -4, 0)]);
}

#[test]
fn consolidation_moves_allocations_with_their_stock() {
    let level = split_level(&[(2, 1), (3, 2)], 2);
    for change in [
        change(MovementKind::Release, 0, -3),
        change(MovementKind::Fulfilment, -3, -3),
    ] {
        let consolidation = level.consolidation(&change, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            deltas(consolidation.transfer.unwrap()),
            [(1, 1, 1), (0, -1, -1)]
        );
    }
}

#[test]
fn consolidation_is_not_absorbed_by_an_earlier_count() {
    let counted_at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let mut level = split_level(&[(2, 0), (3, 0)], 2);
    for bucket in &mut level.buckets {
        bucket.counted_at = Some(counted_at);
    }
    let sale = LevelDelta {
        occurred_at: counted_at,
        ..change(MovementKind::Sale, -5, 0)
    };
    let consolidation = level.consolidation(&sale, Timestamp::UNIX_EPOCH).unwrap();
    let after = apply_and_check(&level, consolidation.transfer.unwrap());
    assert_eq!(after.buckets()[1].on_hand, 5);
}

#[test]
fn already_counted_fulfilment_is_consolidated_and_released() {
    let counted_at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let mut level = split_level(&[(2, 2), (3, 3)], 2);
    for bucket in &mut level.buckets {
        bucket.counted_at = Some(counted_at);
    }
    let fulfilment = change(MovementKind::Fulfilment, -4, -4);
    let consolidation = level.consolidation(&fulfilment, counted_at).unwrap();
    let consolidated = apply_and_check(&level, consolidation.transfer.unwrap());
    assert_eq!(counted_delta(&consolidation.write), -4);
    assert_eq!(deltas(consolidation.write.clone()), [(1, 0, -4)]);
    let after = apply_and_check(&consolidated, consolidation.write).total();
    assert_eq!((after.on_hand, after.allocated), (5, 1));
}

proptest! {
    #[test]
    fn consolidation_makes_one_delta_and_keeps_the_total(
        quantities in prop::collection::vec((0_i64..20, 0_i64..20), 1..17),
        kind in 0_usize..5,
        quantity in 1_i64..60,
    ) {
        let quantities: Vec<(i64, i64)> = quantities
            .into_iter()
            .map(|(available, allocated)| (available + allocated, allocated))
            .collect();
        let level = split_level(&quantities, 16);
        let change = match kind {
            0 => change(MovementKind::Sale, -quantity, 0),
            1 => change(MovementKind::Allocation, 0, quantity),
            2 => change(MovementKind::Release, 0, -quantity),
            3 => change(MovementKind::Fulfilment, -quantity, -quantity),
            _ => change(MovementKind::Return, quantity, 0),
        };
        let needs_several = matches!(level.plan(&change), Ok(WritePlan::Deltas(deltas)) if deltas.len() > 1);
        let consolidation = level.consolidation(&change, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(consolidation.is_some(), needs_several);
        if let Some(Consolidation { transfer, write }) = consolidation {
            let consolidated = apply_and_check(&level, transfer.unwrap());
            prop_assert_eq!(level.total().quantities(), consolidated.total().quantities());
            for bucket in consolidated.buckets() {
                prop_assert!(bucket.on_hand >= 0 && bucket.allocated >= 0 && !bucket.is_short());
            }
            prop_assert_eq!(consolidated.plan(&change), Ok(write.clone()));
            let expected = level.total().after(change).unwrap();
            let after = apply_and_check(&consolidated, write).total();
            prop_assert_eq!(after.quantities(), expected.quantities());
        }
    }
}
