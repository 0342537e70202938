//! What a level is explained by, and what is said where its books do not add up.

use jiff::Timestamp;

use super::*;
use crate::level::{LastChange, LevelKey, StateDeltas};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_366_400 + second).unwrap()
}

/// Milk, in this bucket of a level, without a movement.
fn milk(bucket: u8) -> History {
    let key = LevelKey {
        location_id: "store-1".parse().unwrap(),
        sku: "milk".parse().unwrap(),
    };
    History {
        level: Level {
            bucket,
            ..Level::empty(&key)
        },
        movements: Vec::new(),
        reaches_the_beginning: true,
    }
}

impl History {
    /// After this happened at a second of its own.
    fn and(mut self, kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> Self {
        let (before, second) = (self.level.clone(), self.level.version);
        let time = at(i64::try_from(second).unwrap());
        let movement_id = MovementId::derive(
            &format!("{second}"),
            kind.as_str(),
            &before.location_id,
            &before.sku,
        );
        let change = LastChange {
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

    /// As if `older` movements had not been read.
    fn without_the_oldest(mut self, older: usize) -> Self {
        self.movements.truncate(self.movements.len() - older);
        self.reaches_the_beginning = false;
        self
    }
}

/// Eight counted, then four sold in two sales, and three promised.
fn counted(bucket: u8) -> History {
    milk(bucket)
        .and(MovementKind::Receipt, 10, 0)
        .and(MovementKind::Count, -2, 0)
        .and(MovementKind::Sale, -1, 0)
        .and(MovementKind::Allocation, 0, 3)
        .and(MovementKind::Sale, -3, 0)
}

fn holders(open: i64) -> Holders {
    Holders {
        open,
        all_read: true,
        of_one_moment: true,
        ..Holders::default()
    }
}

fn standing(on_hand: i64, allocated: i64) -> Standing {
    Standing { on_hand, allocated }
}

fn moved(explained: &Explanation) -> Vec<(MovementKind, u64, i64, i64)> {
    let kinds = explained.movements.iter();
    kinds
        .map(|moved| {
            (
                moved.kind,
                moved.count,
                moved.on_hand_delta,
                moved.allocated_delta,
            )
        })
        .collect()
}

#[test]
fn a_level_is_its_last_count_and_what_moved_since_kind_by_kind() {
    let explained = explain(&[counted(0).without_the_oldest(1)], holders(3));
    let count = explained.last_count.as_ref().unwrap();
    assert_eq!((count.counted_at, count.recorded_at), (at(1), at(1)));
    assert_eq!((count.on_hand_delta, count.on_hand), (-2, 8));
    assert_eq!(explained.before, standing(8, 0));
    assert_eq!(
        moved(&explained),
        [
            (MovementKind::Allocation, 1, 0, 3),
            (MovementKind::Sale, 2, -4, 0)
        ]
    );
    assert!(explained.reaches_back && explained.ledger_complete);
    assert_eq!(explained.holders.open_quantity, Some(3));
    assert_eq!(explained.differences, []);
}

#[test]
fn a_level_that_was_never_counted_is_told_from_its_beginning_or_as_far_as_was_read() {
    let never_counted = || {
        milk(0)
            .and(MovementKind::Receipt, 10, 0)
            .and(MovementKind::Allocation, 0, 4)
            .and(MovementKind::Release, 0, -1)
            .and(MovementKind::Sale, -2, 0)
    };
    let whole = explain(&[never_counted()], holders(3));
    assert_eq!((whole.last_count, whole.before), (None, standing(0, 0)));
    assert!(whole.reaches_back);
    assert_eq!(whole.movements.len(), 4);

    let part = explain(&[never_counted().without_the_oldest(2)], holders(3));
    assert!(!part.reaches_back);
    assert_eq!(part.before, standing(10, 4));
    assert_eq!(part.movements.len(), 2);
    assert_eq!(part.differences, []);
}

#[test]
fn a_movement_on_its_way_is_no_contradiction() {
    let mut behind = counted(0);
    behind.movements.remove(0);
    let explained = explain(&[behind], holders(3));
    assert!(!explained.ledger_complete);
    assert_eq!(explained.differences, []);
}

#[test]
fn a_movement_that_is_missing_between_others_is_a_gap_and_a_difference() {
    let mut broken = counted(0);
    broken.movements.remove(2);
    let explained = explain(&[broken], holders(3));
    let differences = [
        Difference::Gap { version: 4 },
        Difference::Movements {
            quantity: Quantity::OnHand,
            level: 4,
            movements: 5,
        },
    ];
    assert_eq!(explained.differences, differences);
}

#[test]
fn a_first_movement_that_is_missing_is_a_gap_too() {
    let mut broken = milk(0)
        .and(MovementKind::Receipt, 10, 0)
        .and(MovementKind::Receipt, 5, 0);
    broken.movements.pop();
    let explained = explain(&[broken], holders(0));
    assert_eq!(explained.before, standing(0, 0));
    assert!(
        explained
            .differences
            .contains(&Difference::Gap { version: 2 })
    );
}

#[test]
fn a_repair_moves_the_level_by_what_it_makes_up_for() {
    let mut repaired = milk(0)
        .and(MovementKind::Receipt, 10, 0)
        .and(MovementKind::Sale, -3, 0)
        .and(MovementKind::Repair, 0, 0);
    repaired.movements.remove(1);
    repaired.movements[0].change.on_hand_delta = -5;
    let explained = explain(&[repaired], holders(0));
    assert_eq!(
        moved(&explained),
        [
            (MovementKind::Receipt, 1, 10, 0),
            (MovementKind::Repair, 1, -3, 0)
        ]
    );
    assert_eq!(explained.differences, []);
}

#[test]
fn a_gap_that_a_repair_made_up_for_is_none_and_one_after_it_is() {
    let mut repaired = milk(0)
        .and(MovementKind::Receipt, 10, 0)
        .and(MovementKind::Sale, -1, 0)
        .and(MovementKind::Sale, -1, 0)
        .and(MovementKind::Repair, 0, 0);
    repaired.movements.remove(2);
    repaired.movements[0].change.on_hand_delta = -1;
    assert_eq!(explain(&[repaired.clone()], holders(0)).differences, []);
    let mut again = repaired
        .and(MovementKind::Sale, -2, 0)
        .and(MovementKind::Sale, -2, 0);
    again.movements.remove(1);
    let explained = explain(&[again], holders(0));
    assert_eq!(
        explained.differences[0],
        Difference::Gap { version: 6 },
        "{explained:?}"
    );
}

#[test]
fn what_is_allocated_and_what_open_orders_hold_contradict_each_other_once_all_are_read() {
    let differs = Difference::Orders {
        allocated: 3,
        open: 2,
    };
    let explained = explain(&[counted(0)], holders(2));
    assert_eq!(explained.differences, [differs]);
    let not_all = Holders {
        all_read: false,
        ..holders(2)
    };
    let explained = explain(&[counted(0)], not_all);
    assert_eq!(explained.holders.open_quantity, None);
    assert_eq!(explained.differences, []);
}

#[test]
fn orders_of_another_moment_are_compared_with_nothing_unless_they_agree() {
    let moving = |open| Holders {
        of_one_moment: false,
        ..holders(open)
    };
    let explained = explain(&[counted(0)], moving(2));
    assert!(!explained.orders_compared);
    assert_eq!(explained.holders.open_quantity, Some(2));
    assert_eq!(explained.differences, []);
    assert!(explain(&[counted(0)], moving(3)).orders_compared);
    let mut behind = counted(0);
    behind.movements.remove(0);
    let explained = explain(&[behind], holders(2));
    assert!(!explained.orders_compared && explained.differences.is_empty());
}

#[test]
fn a_quantity_below_zero_is_named() {
    let mut negative = counted(0);
    negative.level.on_hold = -1;
    let explained = explain(&[negative], holders(3));
    let named = Difference::Negative {
        quantity: Quantity::OnHold,
        level: -1,
    };
    assert_eq!(explained.differences, [named]);
}

#[test]
fn a_count_of_a_level_that_is_split_is_one_count_of_all_its_items() {
    let explained = explain(&[counted(0), counted(1)], holders(6));
    let count = explained.last_count.as_ref().unwrap();
    assert_eq!((count.on_hand_delta, count.on_hand), (-4, 16));
    let first = counted(0).movements[3].change.movement_id;
    assert_eq!((count.movement_id, count.counted_at), (first, at(1)));
    assert_eq!(explained.before, standing(16, 0));
    assert_eq!(
        moved(&explained),
        [
            (MovementKind::Allocation, 2, 0, 6),
            (MovementKind::Sale, 4, -8, 0)
        ]
    );
    assert_eq!(explained.differences, []);
}

#[test]
fn of_two_counts_the_later_one_is_the_last() {
    let later = || counted(1).and(MovementKind::Count, 5, 0);
    for histories in [[counted(0), later()], [later(), counted(0)]] {
        let count = explain(&histories, holders(6)).last_count.unwrap();
        assert_eq!((count.counted_at, count.on_hand_delta), (at(5), 5));
        assert_eq!(count.on_hand, 9);
    }
}

#[test]
fn a_level_is_told_completely_when_each_of_its_items_is() {
    let short = || counted(1).without_the_oldest(4);
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

/// This order's hand on the milk, told by its `reference`.
fn by(order: OrderId, mut history: History) -> History {
    history.movements[0].change.reference = Some(order.to_string());
    history
}

#[test]
fn the_orders_that_hold_a_level_are_those_that_kept_what_they_promised() {
    let [kept, released, widened] =
        ["kept", "released", "widened"].map(|key| OrderId::derive("till", key));
    let one = by(
        kept,
        milk(0)
            .and(MovementKind::Receipt, 10, 0)
            .and(MovementKind::Allocation, 0, 3),
    );
    let one = by(released, one.and(MovementKind::Allocation, 0, 2));
    let one = by(widened, one.and(MovementKind::Allocation, 0, 1));
    let other = by(
        widened,
        milk(1)
            .and(MovementKind::Receipt, 10, 0)
            .and(MovementKind::Allocation, 0, 1),
    );
    let other = by(released, other.and(MovementKind::Allocation, 0, 1));
    let released_again = by(released, one.and(MovementKind::Release, 0, -3));
    assert_eq!(
        orders_named(&[released_again, other]),
        BTreeSet::from([kept, widened])
    );
}

#[test]
fn a_count_of_which_one_item_was_not_read_is_not_told_in_part() {
    let short = || counted(0).without_the_oldest(4);
    for histories in [[counted(1), short()], [short(), counted(1)]] {
        let explained = explain(&histories, holders(6));
        assert_eq!(explained.last_count, None);
    }
}
