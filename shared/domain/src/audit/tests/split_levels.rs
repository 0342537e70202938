//! The items of a split level are mended together: what there is, is shared out anew.

use super::*;
use crate::level::ReorderPolicy;

/// Each with nine, three of them promised.
fn two_items() -> [Kept; 2] {
    let mut items = [Kept::busy(), Kept::busy()];
    for (bucket, item) in (0..).zip(&mut items) {
        item.level.bucket = bucket;
        item.level.split_over = 2;
    }
    items
}

/// Of all the items, of which orders hold `open` together.
fn books(items: &[Kept], open: i64) -> Books {
    let accounts = items.iter().flat_map(|item| item.books().accounts);
    Books {
        accounts: accounts.collect(),
        open,
    }
}

/// The items once they are mended, in one write.
fn mended(items: &[Kept], open: i64) -> Vec<Level> {
    let writes = mend(&books(items, open), later());
    let [Mend::Replace(levels)] = &writes[..] else {
        panic!("{writes:?}");
    };
    levels.iter().map(|level| level.after.clone()).collect()
}

fn sum(levels: &[Level], of: fn(&Level) -> i64) -> i64 {
    levels.iter().map(of).sum()
}

#[test]
fn what_more_is_allocated_goes_where_it_is_available() {
    let mut items = [Kept::busy(), Kept::busy()];
    items[0].level.allocated = -2;
    let after = mended(&items, 14);
    let allocated: Vec<i64> = after.iter().map(|level| level.allocated).collect();
    assert_eq!(allocated, [9, 5], "no more than the nine that are there");
}

#[test]
fn a_split_level_holds_what_its_orders_hold_all_its_items_together() {
    let items = [Kept::busy(), Kept::busy()];
    let right = books(&items, 6);
    assert_eq!(right.versions(), [3, 3]);
    assert!(right.verdict(later(), PATIENCE).is_clean());
    assert!(mend(&right, later()).is_empty());
    assert_eq!(mended(&items, 4)[0].allocated, 1);
}

#[test]
fn no_item_is_short_beside_one_that_sells() {
    for (on_hand, allocated, open) in [
        (2, 3, 6),
        (0, 3, 6),
        (2, 3, 11),
        (2, 3, 14),
        (0, 3, 20),
        (0, 12, 15),
    ] {
        let mut items = two_items();
        items[0].level.on_hand = on_hand;
        items[0].level.allocated = allocated;
        items[0].available = Some(items[0].level.available());
        let after = mended(&items, open);
        assert_eq!(after.len(), 2, "each is told what it is to sell");
        let whole = sum(&after, Level::available);
        assert_eq!(whole, on_hand + 9 - open);
        for level in after {
            assert_eq!(level.whole_short, whole < 0);
            assert!(
                level.available().signum() * whole.signum() >= 0,
                "{level:?}"
            );
            assert!(level.on_hand >= 0 && level.allocated >= 0);
        }
    }
}

#[test]
fn goods_stay_in_their_item_where_none_is_to_be_sold() {
    let mut items = two_items();
    items[0].level.on_hand = 2;
    items[0].available = Some(-1);
    let after = mended(&items, 14);
    let quantities: Vec<_> = after
        .iter()
        .map(|level| (level.on_hand, level.allocated))
        .collect();
    assert_eq!(quantities, [(2, 5), (9, 9)]);
    assert!(after.iter().all(|level| level.whole_short));
}

#[test]
fn an_item_that_is_missing_gets_no_share() {
    // given a level in three items, of which the second is gone
    let mut items = two_items();
    items[1].level.bucket = 2;
    for item in &mut items {
        item.level.split_over = 3;
    }
    items[0].level.policy = Some(ReorderPolicy {
        reorder_point: 0,
        target_level: 0,
        order_multiple: 1,
        safety_stock: 0,
        lead_time_days: 0,
        buckets: 3,
    });
    items[0].level.on_hand = 0;
    items[0].available = Some(-3);
    let after = mended(&items, 6);
    let quantities: Vec<_> = after
        .iter()
        .map(|level| (level.bucket, level.on_hand, level.allocated))
        .collect();
    assert_eq!(quantities, [(0, 5, 3), (2, 4, 3)]);
}

#[test]
fn what_cannot_be_in_an_item_is_as_the_ledger_says_before_it_is_shared_out() {
    let below_zero: [fn(&mut Level); 4] = [
        |level| level.on_hand = -1,
        |level| level.damaged = -1,
        |level| level.on_hold = -1,
        |level| level.in_transit = -1,
    ];
    for make in below_zero {
        let mut items = two_items();
        items[0].level.on_hand = 1;
        items[0].available = Some(-2);
        make(&mut items[1].level);
        items[1].available = Some(items[1].level.available());
        let after = mended(&items, 6);
        assert_eq!(sum(&after, |level| level.on_hand), 10);
        assert_eq!(sum(&after, |level| level.allocated), 6);
        let unfit = |level: &Level| level.damaged + level.on_hold + level.in_transit;
        assert_eq!(sum(&after, unfit), 0);
    }
}

#[test]
fn an_item_owes_for_its_unfit_goods_too() {
    for unfit in [
        StateDeltas {
            damaged_delta: 6,
            ..StateDeltas::default()
        },
        StateDeltas {
            on_hold_delta: 6,
            ..StateDeltas::default()
        },
    ] {
        let mut items = two_items();
        items[0].go_with(MovementKind::StateChange, 0, 0, unfit);
        items[0].go(MovementKind::Count, -1, 0);
        assert!(items[0].level.is_short());
        let after = mended(&items, 6);
        assert_eq!(sum(&after, Level::available), 5);
        assert!(after.iter().all(|level| !level.is_short()));
    }
}
