//! Short split levels: `whole_short` on every bucket, consolidation in the first one, and stale flags.

use super::*;

#[test]
fn no_bucket_of_a_short_level_has_available_stock() {
    let short = split_level(&[(0, 2), (0, 2)], 2);
    let returned = short.plan(&change(MovementKind::Return, 3, 0)).unwrap();
    let after = apply_and_check(&short, returned);
    assert_eq!(after.total().available(), -1);
    assert!(after.buckets().iter().all(|bucket| bucket.available() <= 0));
}

#[test]
fn short_level_still_fulfils_what_is_on_hand() {
    let short = split_level(&[(1, 2), (0, 2)], 2);
    let fulfilment = short
        .plan(&change(MovementKind::Fulfilment, -1, -1))
        .unwrap();
    assert_eq!(deltas(fulfilment), [(0, -1, -1)]);
}

#[test]
fn change_that_makes_a_level_short_rewrites_all_buckets() {
    let level = split_level(&[(3, 3), (3, 3)], 2);
    let mut damage = change(MovementKind::Adjustment, -2, 0);
    damage.reason = Some(DAMAGE.to_owned());
    assert!(matches!(level.plan(&damage), Ok(WritePlan::Rewrite(levels)) if levels.len() == 2));
    assert_eq!(level.consolidation(&damage, Timestamp::UNIX_EPOCH), None);
}

/// Returns a level of 3 buckets with 1 on hand and 6 allocated.
fn short_level() -> SplitLevel {
    let level = split_level(&[(6, 6), (0, 0), (0, 0)], 3);
    let mut damage = change(MovementKind::Adjustment, -5, 0);
    damage.reason = Some(DAMAGE.to_owned());
    let plan = level.plan(&damage).unwrap();
    apply_and_check(&level, plan)
}

#[test]
fn short_level_is_consolidated_in_its_first_bucket() {
    let short = short_level();
    for (released, available) in [(3, -2), (5, 0), (6, 1)] {
        let release = change(MovementKind::Release, 0, -released);
        let Consolidation { transfer, write } = short
            .consolidation(&release, Timestamp::UNIX_EPOCH)
            .unwrap();
        let consolidated = apply_plan(&short, transfer.unwrap());
        assert_eq!(
            consolidated.total().quantities(),
            short.total().quantities()
        );
        assert!(consolidated.buckets.iter().all(|bucket| bucket.whole_short));
        let again = consolidated.consolidation(&release, Timestamp::UNIX_EPOCH);
        let again = again.unwrap();
        assert_eq!((again.transfer, &again.write), (None, &write));
        assert!(matches!(&write, WritePlan::Rewrite(levels) if levels.len() == 1));
        let after = apply_plan(&consolidated, write);
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
fn stock_outside_the_first_bucket_is_not_consolidated() {
    let short = short_level();
    let release = change(MovementKind::Release, 0, -1);
    let Consolidation { transfer, .. } = short
        .consolidation(&release, Timestamp::UNIX_EPOCH)
        .unwrap();
    let mut consolidated = apply_plan(&short, transfer.unwrap());
    let is_consolidated = |level: &SplitLevel| {
        let consolidation = level
            .consolidation(&release, Timestamp::UNIX_EPOCH)
            .unwrap();
        consolidation.transfer.is_none()
    };
    assert!(is_consolidated(&consolidated));
    consolidated.buckets[2].on_hand = 1;
    assert!(!is_consolidated(&consolidated));
    consolidated.buckets[2].allocated = 1;
    assert!(!is_consolidated(&consolidated));
    consolidated.buckets[2].on_hand = 0;
    assert!(!is_consolidated(&consolidated));
}

#[test]
fn rebalance_clears_stale_short_flags() {
    let short = short_level();
    let release = change(MovementKind::Release, 0, -6);
    let Consolidation { transfer, write } = short
        .consolidation(&release, Timestamp::UNIX_EPOCH)
        .unwrap();
    let recovered = apply_plan(&apply_plan(&short, transfer.unwrap()), write);
    let Some(WritePlan::Rewrite(levels)) = recovered.rebalance_plan(Timestamp::UNIX_EPOCH) else {
        panic!("no rewrite is planned");
    };
    let balanced = apply_and_check(&recovered, WritePlan::Rewrite(levels));
    assert_eq!(
        balanced.total().quantities(),
        recovered.total().quantities()
    );
    assert_eq!(balanced.rebalance_plan(Timestamp::UNIX_EPOCH), None);
    assert_eq!(
        short.rebalance_plan(Timestamp::UNIX_EPOCH),
        None,
        "the level is short"
    );
}

#[test]
fn next_sale_clears_stale_short_flags() {
    let short = short_level();
    let release = change(MovementKind::Release, 0, -6);
    let Consolidation { transfer, write } = short
        .consolidation(&release, Timestamp::UNIX_EPOCH)
        .unwrap();
    let recovered = apply_plan(&apply_plan(&short, transfer.unwrap()), write);
    let plan = recovered.plan(&change(MovementKind::Sale, -1, 0)).unwrap();
    let after = apply_and_check(&recovered, plan);
    assert_eq!(after.total().available(), 0);
    assert!(after.buckets.iter().all(|bucket| !bucket.whole_short));
}

#[test]
fn level_with_stale_short_flag_is_consolidated() {
    let mut level = split_level(&[(5, 1), (0, 0), (0, 0)], 3);
    level.buckets[2].whole_short = true;
    let sale = change(MovementKind::Sale, -1, 0);
    let Consolidation { transfer, write } =
        level.consolidation(&sale, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(transfer, None);
    assert_eq!(apply_plan(&level, write).total().on_hand, 4);
}

#[test]
fn unsplit_level_needs_no_consolidation_and_no_short_flag() {
    let level = split_level(&[(2, 2)], 1);
    let mut damage = change(MovementKind::Adjustment, -1, 0);
    damage.reason = Some(DAMAGE.to_owned());
    let rewritten = level.rewrite(&level.total().after(damage.clone()).unwrap(), &damage);
    let short = apply_plan(&level, WritePlan::Rewrite(rewritten));
    assert!(short.total().is_short() && !short.buckets[0].whole_short);
    let release = change(MovementKind::Release, 0, -1);
    assert!(matches!(short.plan(&release), Ok(WritePlan::Rewrite(_))));
    assert_eq!(short.consolidation(&release, Timestamp::UNIX_EPOCH), None);
}
