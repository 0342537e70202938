//! Tests of split levels: all buckets are repaired together, and their stock is shared out again.

use super::*;
use crate::level::{ReorderPolicy, ReplenishmentMode};

/// Two buckets, each with 9 on hand and 3 allocated.
fn two_buckets() -> [StoredSku; 2] {
    let mut buckets = [StoredSku::with_movements(), StoredSku::with_movements()];
    for (bucket, item) in (0..).zip(&mut buckets) {
        item.level.bucket = bucket;
        item.level.split_over = 2;
    }
    buckets
}

/// The audit data of all buckets, with `open_quantity` in orders.
fn audit_data(buckets: &[StoredSku], open_quantity: i64) -> SkuAuditData {
    let levels = buckets.iter().flat_map(|bucket| bucket.audit_data().levels);
    SkuAuditData {
        levels: levels.collect(),
        open_quantity,
    }
}

/// Repairs the buckets, which must take one write, and returns them.
fn repaired(buckets: &[StoredSku], open_quantity: i64) -> Vec<Level> {
    let writes = repair(&audit_data(buckets, open_quantity), next_day());
    let [RepairWrite::Replace(replacements)] = &writes[..] else {
        panic!("{writes:?}");
    };
    let after = replacements.iter().map(|replacement| &replacement.after);
    after.cloned().collect()
}

fn sum(levels: &[Level], of: fn(&Level) -> i64) -> i64 {
    levels.iter().map(of).sum()
}

#[test]
fn missing_allocation_goes_to_buckets_with_stock_available() {
    let mut buckets = [StoredSku::with_movements(), StoredSku::with_movements()];
    buckets[0].level.allocated = -2;
    let after = repaired(&buckets, 14);
    let allocated: Vec<i64> = after.iter().map(|level| level.allocated).collect();
    assert_eq!(allocated, [9, 5], "at most the 9 on hand");
}

#[test]
fn open_quantity_is_compared_with_the_sum_of_all_buckets() {
    let buckets = [StoredSku::with_movements(), StoredSku::with_movements()];
    let clean = audit_data(&buckets, 6);
    assert_eq!(clean.versions(), [3, 3]);
    assert!(clean.audit(next_day(), LEDGER_PATIENCE).is_clean());
    assert!(repair(&clean, next_day()).is_empty());
    assert_eq!(repaired(&buckets, 4)[0].allocated, 1);
}

#[test]
fn no_bucket_is_short_beside_one_with_stock_available() {
    for (on_hand, allocated, open_quantity) in [
        (2, 3, 6),
        (0, 3, 6),
        (2, 3, 11),
        (2, 3, 14),
        (0, 3, 20),
        (0, 12, 15),
    ] {
        let mut buckets = two_buckets();
        buckets[0].level.on_hand = on_hand;
        buckets[0].level.allocated = allocated;
        buckets[0].available = Some(buckets[0].level.available());
        let after = repaired(&buckets, open_quantity);
        assert_eq!(after.len(), 2, "every bucket is replaced");
        let whole = sum(&after, Level::available);
        assert_eq!(whole, on_hand + 9 - open_quantity);
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
fn stock_stays_in_its_bucket_where_none_is_available() {
    let mut buckets = two_buckets();
    buckets[0].level.on_hand = 2;
    buckets[0].available = Some(-1);
    let after = repaired(&buckets, 14);
    let quantities: Vec<_> = after
        .iter()
        .map(|level| (level.on_hand, level.allocated))
        .collect();
    assert_eq!(quantities, [(2, 5), (9, 9)]);
    assert!(after.iter().all(|level| level.whole_short));
}

#[test]
fn missing_bucket_gets_no_share() {
    // given a level split over 3 buckets, of which the second is missing
    let mut buckets = two_buckets();
    buckets[1].level.bucket = 2;
    for item in &mut buckets {
        item.level.split_over = 3;
    }
    buckets[0].level.policy = Some(ReorderPolicy {
        reorder_point: 0,
        target_level: 0,
        order_multiple: 1,
        safety_stock: 0,
        lead_time_days: 0,
        buckets: 3,
        mode: ReplenishmentMode::MinMax,
    });
    buckets[0].level.on_hand = 0;
    buckets[0].available = Some(-3);
    let after = repaired(&buckets, 6);
    let quantities: Vec<_> = after
        .iter()
        .map(|level| (level.bucket, level.on_hand, level.allocated))
        .collect();
    assert_eq!(quantities, [(0, 5, 3), (2, 4, 3)]);
}

#[test]
fn negative_quantity_is_repaired_before_stock_is_shared_out() {
    let make_negative: [fn(&mut Level); 4] = [
        |level| level.on_hand = -1,
        |level| level.damaged = -1,
        |level| level.on_hold = -1,
        |level| level.in_transit = -1,
    ];
    for make in make_negative {
        let mut buckets = two_buckets();
        buckets[0].level.on_hand = 1;
        buckets[0].available = Some(-2);
        make(&mut buckets[1].level);
        buckets[1].available = Some(buckets[1].level.available());
        let after = repaired(&buckets, 6);
        assert_eq!(sum(&after, |level| level.on_hand), 10);
        assert_eq!(sum(&after, |level| level.allocated), 6);
        let unfit = |level: &Level| level.damaged + level.on_hold + level.in_transit;
        assert_eq!(sum(&after, unfit), 0);
    }
}

#[test]
fn unfit_stock_counts_when_a_bucket_is_short() {
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
        let mut buckets = two_buckets();
        buckets[0].change_with_states(MovementKind::StateChange, 0, 0, unfit);
        buckets[0].change(MovementKind::Count, -1, 0);
        assert!(buckets[0].level.is_short());
        let after = repaired(&buckets, 6);
        assert_eq!(sum(&after, Level::available), 5);
        assert!(after.iter().all(|level| !level.is_short()));
    }
}
