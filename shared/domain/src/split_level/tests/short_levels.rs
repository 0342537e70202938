//! While a level is short every one of its buckets says so, until each is told that it is short no more.

use super::*;

#[test]
fn while_one_bucket_owes_none_has_anything_to_sell() {
    let short = milk(&[(0, 2), (0, 2)], 2);
    let back = short.plan(&change(MovementKind::Return, 3, 0)).unwrap();
    let after = written(&short, back);
    assert_eq!(after.total().available(), -1);
    assert!(after.buckets().iter().all(|bucket| bucket.available() <= 0));
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
fn a_change_that_leaves_a_level_short_is_told_to_every_bucket() {
    let level = milk(&[(3, 3), (3, 3)], 2);
    let mut damage = change(MovementKind::Adjustment, -2, 0);
    damage.reason = Some(DAMAGE.to_owned());
    assert!(matches!(level.plan(&damage), Ok(Plan::Anew(levels)) if levels.len() == 2));
    assert_eq!(level.gathering(&damage, Timestamp::UNIX_EPOCH), None);
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
