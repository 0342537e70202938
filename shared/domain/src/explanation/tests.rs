//! Tests of explanations and of the differences that they report.

use jiff::Timestamp;

use super::*;
use crate::level::{LevelDelta, LevelKey, StateDeltas};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_366_400 + second).unwrap()
}

/// A bucket of a level, without movements.
fn empty(bucket: u8) -> LevelHistory {
    let key = LevelKey {
        location_id: "store-1".parse().unwrap(),
        sku: "milk".parse().unwrap(),
    };
    LevelHistory {
        level: Level {
            bucket,
            ..Level::empty(&key)
        },
        movements: Vec::new(),
        reaches_first_movement: true,
    }
}

impl LevelHistory {
    /// Adds a change, one second after the change before it.
    fn change(mut self, kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> Self {
        let (before, second) = (self.level.clone(), self.level.version);
        let time = at(i64::try_from(second).unwrap());
        let movement_id = MovementId::derive(
            &format!("{second}"),
            kind.as_str(),
            &before.location_id,
            &before.sku,
        );
        let change = LevelDelta {
            movement_id: movement_id.in_bucket(before.bucket),
            kind,
            on_hand_delta,
            allocated_delta,
            states: StateDeltas::default(),
            reason: None,
            reference: None,
            occurred_at: time,
            recorded_at: time,
        };
        self.level = before.after(change).unwrap();
        let movement = self.level.movement_since(Some(&before)).unwrap();
        self.movements.insert(0, movement);
        self
    }

    /// Leaves out the `count` oldest movements, as if they were not read.
    fn without_oldest(mut self, count: usize) -> Self {
        self.movements.truncate(self.movements.len() - count);
        self.reaches_first_movement = false;
        self
    }
}

/// Counted as 8 at version 2; then 4 sold in two sales, and 3 allocated.
fn counted(bucket: u8) -> LevelHistory {
    empty(bucket)
        .change(MovementKind::Receipt, 10, 0)
        .change(MovementKind::Count, -2, 0)
        .change(MovementKind::Sale, -1, 0)
        .change(MovementKind::Allocation, 0, 3)
        .change(MovementKind::Sale, -3, 0)
}

fn holders(open_quantity: i64) -> HoldingOrders {
    HoldingOrders {
        open_quantity,
        is_complete: true,
        is_consistent: true,
        ..HoldingOrders::default()
    }
}

fn balance(on_hand: i64, allocated: i64) -> Balance {
    Balance { on_hand, allocated }
}

fn totals(explanation: &Explanation) -> Vec<(MovementKind, u64, i64, i64)> {
    let totals = explanation.movements.iter();
    totals
        .map(|total| {
            (
                total.kind,
                total.count,
                total.on_hand_delta,
                total.allocated_delta,
            )
        })
        .collect()
}

#[test]
fn level_is_explained_by_last_count_and_movements_by_kind() {
    let explanation = explain(&[counted(0).without_oldest(1)], holders(3));
    let count = explanation.last_count.as_ref().unwrap();
    assert_eq!((count.counted_at, count.recorded_at), (at(1), at(1)));
    assert_eq!((count.on_hand_delta, count.on_hand), (-2, 8));
    assert_eq!(explanation.before, balance(8, 0));
    assert_eq!(
        totals(&explanation),
        [
            (MovementKind::Allocation, 1, 0, 3),
            (MovementKind::Sale, 2, -4, 0)
        ]
    );
    assert!(explanation.reaches_back && explanation.ledger_complete);
    assert_eq!(explanation.holders.open_quantity, Some(3));
    assert_eq!(explanation.differences, []);
}

#[test]
fn uncounted_level_is_explained_from_its_oldest_read_movement() {
    let never_counted = || {
        empty(0)
            .change(MovementKind::Receipt, 10, 0)
            .change(MovementKind::Allocation, 0, 4)
            .change(MovementKind::Release, 0, -1)
            .change(MovementKind::Sale, -2, 0)
    };
    let whole = explain(&[never_counted()], holders(3));
    assert_eq!((whole.last_count, whole.before), (None, balance(0, 0)));
    assert!(whole.reaches_back);
    assert_eq!(whole.movements.len(), 4);

    let part = explain(&[never_counted().without_oldest(2)], holders(3));
    assert!(!part.reaches_back);
    assert_eq!(part.before, balance(10, 4));
    assert_eq!(part.movements.len(), 2);
    assert_eq!(part.differences, []);
}

#[test]
fn movement_that_has_not_arrived_is_not_a_difference() {
    let mut behind = counted(0);
    behind.movements.remove(0);
    let explanation = explain(&[behind], holders(3));
    assert!(!explanation.ledger_complete);
    assert_eq!(explanation.differences, []);
}

#[test]
fn movement_missing_between_others_is_a_gap_and_a_difference() {
    let mut broken = counted(0);
    broken.movements.remove(2);
    let explanation = explain(&[broken], holders(3));
    let differences = [
        Difference::Gap { version: 4 },
        Difference::Movements {
            quantity: Quantity::OnHand,
            level: 4,
            movements: 5,
        },
    ];
    assert_eq!(explanation.differences, differences);
}

#[test]
fn missing_first_movement_is_a_gap() {
    let mut broken =
        empty(0)
            .change(MovementKind::Receipt, 10, 0)
            .change(MovementKind::Receipt, 5, 0);
    broken.movements.pop();
    let explanation = explain(&[broken], holders(0));
    assert_eq!(explanation.before, balance(0, 0));
    assert!(
        explanation
            .differences
            .contains(&Difference::Gap { version: 2 })
    );
}

#[test]
fn repair_counts_as_the_change_of_the_result() {
    let mut repaired = empty(0)
        .change(MovementKind::Receipt, 10, 0)
        .change(MovementKind::Sale, -3, 0)
        .change(MovementKind::Repair, 0, 0);
    repaired.movements.remove(1);
    repaired.movements[0].change.on_hand_delta = -5;
    let explanation = explain(&[repaired], holders(0));
    assert_eq!(
        totals(&explanation),
        [
            (MovementKind::Receipt, 1, 10, 0),
            (MovementKind::Repair, 1, -3, 0)
        ]
    );
    assert_eq!(explanation.differences, []);
}

#[test]
fn gap_is_reported_only_after_the_last_repair() {
    let mut repaired = empty(0)
        .change(MovementKind::Receipt, 10, 0)
        .change(MovementKind::Sale, -1, 0)
        .change(MovementKind::Sale, -1, 0)
        .change(MovementKind::Repair, 0, 0);
    repaired.movements.remove(2);
    repaired.movements[0].change.on_hand_delta = -1;
    assert_eq!(explain(&[repaired.clone()], holders(0)).differences, []);
    let mut again = repaired
        .change(MovementKind::Sale, -2, 0)
        .change(MovementKind::Sale, -2, 0);
    again.movements.remove(1);
    let explanation = explain(&[again], holders(0));
    assert_eq!(
        explanation.differences[0],
        Difference::Gap { version: 6 },
        "{explanation:?}"
    );
}

#[test]
fn allocated_differs_from_orders_only_if_all_orders_are_read() {
    let difference = Difference::Orders {
        allocated: 3,
        open: 2,
    };
    let explanation = explain(&[counted(0)], holders(2));
    assert_eq!(explanation.differences, [difference]);
    let incomplete = HoldingOrders {
        is_complete: false,
        ..holders(2)
    };
    let explanation = explain(&[counted(0)], incomplete);
    assert_eq!(explanation.holders.open_quantity, None);
    assert_eq!(explanation.differences, []);
}

#[test]
fn inconsistent_orders_are_compared_only_if_they_agree() {
    let inconsistent = |open_quantity| HoldingOrders {
        is_consistent: false,
        ..holders(open_quantity)
    };
    let explanation = explain(&[counted(0)], inconsistent(2));
    assert!(!explanation.orders_compared);
    assert_eq!(explanation.holders.open_quantity, Some(2));
    assert_eq!(explanation.differences, []);
    assert!(explain(&[counted(0)], inconsistent(3)).orders_compared);
    let mut behind = counted(0);
    behind.movements.remove(0);
    let explanation = explain(&[behind], holders(2));
    assert!(!explanation.orders_compared && explanation.differences.is_empty());
}

#[test]
fn negative_quantity_is_a_difference() {
    let mut negative = counted(0);
    negative.level.on_hold = -1;
    let explanation = explain(&[negative], holders(3));
    let difference = Difference::Negative {
        quantity: Quantity::OnHold,
        level: -1,
    };
    assert_eq!(explanation.differences, [difference]);
}

#[test]
fn count_of_a_split_level_is_summed_over_its_buckets() {
    let explanation = explain(&[counted(0), counted(1)], holders(6));
    let count = explanation.last_count.as_ref().unwrap();
    assert_eq!((count.on_hand_delta, count.on_hand), (-4, 16));
    let first = counted(0).movements[3].change.movement_id;
    assert_eq!((count.movement_id, count.counted_at), (first, at(1)));
    assert_eq!(explanation.before, balance(16, 0));
    assert_eq!(
        totals(&explanation),
        [
            (MovementKind::Allocation, 2, 0, 6),
            (MovementKind::Sale, 4, -8, 0)
        ]
    );
    assert_eq!(explanation.differences, []);
}

#[test]
fn later_of_two_counts_is_the_last_count() {
    let later = || counted(1).change(MovementKind::Count, 5, 0);
    for histories in [[counted(0), later()], [later(), counted(0)]] {
        let count = explain(&histories, holders(6)).last_count.unwrap();
        assert_eq!((count.counted_at, count.on_hand_delta), (at(5), 5));
        assert_eq!(count.on_hand, 9);
    }
}

#[test]
fn split_level_is_complete_only_if_every_bucket_is() {
    let short = || counted(1).without_oldest(4);
    let behind = || {
        let mut history = counted(1);
        history.movements.remove(0);
        history
    };
    for histories in [[counted(0), short()], [short(), counted(0)]] {
        assert!(!explain(&histories, holders(6)).reaches_back);
    }
    for histories in [[counted(0), behind()], [behind(), counted(0)]] {
        assert!(!explain(&histories, holders(6)).ledger_complete);
    }
}

/// Sets `order` as the reference of the newest movement.
fn by(order: OrderId, mut history: LevelHistory) -> LevelHistory {
    history.movements[0].change.reference = Some(order.to_string());
    history
}

#[test]
fn orders_in_movements_returns_orders_that_still_hold_stock() {
    let [kept, released, split] =
        ["kept", "released", "split"].map(|key| OrderId::derive("till", key));
    let one = by(
        kept,
        empty(0)
            .change(MovementKind::Receipt, 10, 0)
            .change(MovementKind::Allocation, 0, 3),
    );
    let one = by(released, one.change(MovementKind::Allocation, 0, 2));
    let one = by(split, one.change(MovementKind::Allocation, 0, 1));
    let other = by(
        split,
        empty(1)
            .change(MovementKind::Receipt, 10, 0)
            .change(MovementKind::Allocation, 0, 1),
    );
    let other = by(released, other.change(MovementKind::Allocation, 0, 1));
    let released_again = by(released, one.change(MovementKind::Release, 0, -3));
    assert_eq!(
        orders_in_movements(&[released_again, other]),
        BTreeSet::from([kept, split])
    );
}

#[test]
fn count_is_omitted_if_one_bucket_was_not_read_back_to_it() {
    let short = || counted(0).without_oldest(4);
    for histories in [[counted(1), short()], [short(), counted(1)]] {
        let explanation = explain(&histories, holders(6));
        assert_eq!(explanation.last_count, None);
    }
}
