//! Tests the open quantity computed for a level that changes while its orders are read.

use super::*;
use crate::audit::fixture::{LevelFixture, order};

/// The window between `before` and `after`, in which each order was read with the quantity in `held`.
fn window(before: &LevelFixture, after: &LevelFixture, held: &[(OrderId, i64)]) -> AuditWindow {
    AuditWindow {
        before: vec![before.stored()],
        held: held.iter().copied().collect(),
        after: vec![after.stored()],
    }
}

/// The movements of `after`, split at the version of `before`.
fn movements(before: &LevelFixture, after: &LevelFixture) -> WindowMovements {
    let mut movements = WindowMovements::default();
    for movement in &after.movements {
        movements.add(movement.clone(), before.level.version);
    }
    movements
}

/// The open quantity of the orders at `before`, or none where it is not known.
fn open_quantity(
    before: &LevelFixture,
    after: &LevelFixture,
    held: &[(OrderId, i64)],
) -> Option<i64> {
    let movements = movements(before, after);
    assert_eq!(movements.replay.last_version(), before.level.version);
    let (data, is_known) = window(before, after, held).audit_data(vec![movements]);
    if !is_known {
        assert_eq!(data.open_quantity, before.level.allocated);
    }
    is_known.then_some(data.open_quantity)
}

/// 10 on hand, 3 of them allocated to the returned order.
fn three_allocated() -> (LevelFixture, OrderId) {
    let open = order("open");
    (LevelFixture::with_ten_received().allocate(open, 3), open)
}

#[test]
fn order_without_movements_held_what_was_read() {
    let ((before, open), (after, _)) = (three_allocated(), three_allocated());
    assert_eq!(open_quantity(&before, &after, &[(open, 3)]), Some(3));
    assert_eq!(
        open_quantity(&before, &after, &[(open, 2)]),
        Some(2),
        "a difference is not hidden"
    );
    let sold = after.change(MovementKind::Sale, -1, 0);
    assert_eq!(open_quantity(&before, &sold, &[(open, 3)]), Some(3));
    assert_eq!(
        open_quantity(&before, &sold, &[]),
        None,
        "the order was not read"
    );
}

#[test]
fn order_placed_in_the_window_held_nothing() {
    let (before, open) = three_allocated();
    let placed = order("placed");
    let after = three_allocated().0.allocate(placed, 2);
    assert_eq!(
        open_quantity(&before, &after, &[(open, 3), (placed, 2)]),
        Some(3)
    );
    assert_eq!(
        open_quantity(&before, &after, &[(open, 3)]),
        Some(3),
        "whether it was read or not"
    );
    let gone = after.fulfil(placed, 2);
    assert_eq!(
        open_quantity(&before, &gone, &[(open, 3), (placed, 0)]),
        Some(3)
    );
}

#[test]
fn order_closed_in_the_window_held_what_its_movements_released() {
    let (before, open) = three_allocated();
    let canceled = three_allocated().0.release(open, 3);
    assert_eq!(open_quantity(&before, &canceled, &[(open, 0)]), Some(3));
    let fulfilled = three_allocated().0.fulfil(open, 1).fulfil(open, 2);
    assert_eq!(open_quantity(&before, &fulfilled, &[(open, 0)]), Some(3));
}

#[test]
fn order_partly_fulfilled_in_the_window_is_unknown() {
    let (before, open) = three_allocated();
    let after = three_allocated().0.fulfil(open, 1);
    for read in [2, 3] {
        assert_eq!(open_quantity(&before, &after, &[(open, read)]), None);
    }
}

#[test]
fn order_with_movements_that_was_not_read_is_unknown() {
    let unknown = order("without an allocation in the ledger");
    let mut before = LevelFixture::with_ten_received().allocate(unknown, 3);
    let mut after = LevelFixture::with_ten_received()
        .allocate(unknown, 3)
        .release(unknown, 3);
    for fixture in [&mut before, &mut after] {
        fixture.movements.remove(1);
    }
    let window = window(&before, &after, &[]);
    let (_, is_known) = window.audit_data(vec![movements(&before, &after)]);
    assert!(!is_known);
}

#[test]
fn movements_after_the_window_are_ignored() {
    let (before, open) = three_allocated();
    let after = three_allocated().0.change(MovementKind::Sale, -1, 0);
    let later = three_allocated()
        .0
        .change(MovementKind::Sale, -1, 0)
        .fulfil(open, 1);
    let window = window(&before, &after, &[(open, 3)]);
    let (data, is_known) = window.audit_data(vec![movements(&before, &later)]);
    assert!(is_known);
    assert_eq!(data.open_quantity, 3);
}

#[test]
fn orders_are_unknown_where_movements_do_not_explain_the_levels() {
    let (before, open) = three_allocated();
    let after = || {
        three_allocated()
            .0
            .change(MovementKind::Sale, -1, 0)
            .change(MovementKind::Return, 1, 0)
    };
    let known = |after: &LevelFixture| open_quantity(&before, after, &[(open, 3)]).is_some();
    assert!(known(&after()));
    for missing in [2, 3] {
        let mut incomplete = after();
        incomplete.movements.remove(missing);
        assert!(!known(&incomplete), "movement {missing} is missing");
    }
    let mut both = after();
    both.movements.truncate(2);
    assert!(!known(&both), "both are missing, and their sum is 0");
    let mut manual = after();
    manual.level.on_hand = 12;
    assert!(!known(&manual));
    manual.level.on_hand = 10;
    manual.level.allocated = 4;
    assert!(!known(&manual));
    let repaired = after().change(MovementKind::Repair, 1, 0);
    assert!(!known(&repaired), "a repair hides what happened before it");
    let without_order = after().change(MovementKind::Rebalance, 0, 1);
    assert!(!known(&without_order), "the allocation belongs to no order");
}

#[test]
fn orders_of_a_level_split_in_the_window_are_unknown() {
    let (before, open) = three_allocated();
    let mut after = three_allocated().0;
    let unchanged = || movements(&before, &before);
    let is_known = |window: &AuditWindow, movements| window.audit_data(movements).1;
    let same_bucket = window(&before, &after, &[(open, 3)]);
    assert!(is_known(&same_bucket, vec![unchanged()]));
    assert!(
        !is_known(&same_bucket, Vec::new()),
        "no movements were read"
    );
    after.level.bucket = 1;
    let other_bucket = window(&before, &after, &[(open, 3)]);
    assert!(!is_known(&other_bucket, vec![unchanged()]));
}

#[test]
fn rebalance_between_buckets_changes_no_order() {
    let (before, open) = three_allocated();
    let one = three_allocated().0.change(MovementKind::Rebalance, -1, -1);
    let other = three_allocated().0.change(MovementKind::Rebalance, 1, 1);
    let window = AuditWindow {
        before: vec![before.stored(), before.stored()],
        held: BTreeMap::from([(open, 6)]),
        after: vec![one.stored(), other.stored()],
    };
    let (data, is_known) =
        window.audit_data(vec![movements(&before, &one), movements(&before, &other)]);
    assert!(is_known);
    assert_eq!(data.open_quantity, 6);
}

#[test]
fn orders_returns_holding_and_recently_moved_orders() {
    let [open, closed, placed, gone] = ["open", "closed", "placed", "gone"].map(order);
    let before = || {
        LevelFixture::with_ten_received()
            .allocate(open, 1)
            .allocate(gone, 1)
            .release(gone, 1)
            .allocate(closed, 2)
    };
    let after = before().release(closed, 2).allocate(placed, 3);
    let movements = movements(&before(), &after);
    assert_eq!(movements.since, after.movements[5..]);
    let orders = WindowMovements::orders(&[movements]);
    assert_eq!(orders, [open, closed, placed].into());
}

#[test]
fn order_released_in_another_bucket_holds_nothing() {
    let [gone, open] = ["gone", "open"].map(order);
    let one = || {
        LevelFixture::with_ten_received()
            .allocate(gone, 2)
            .allocate(open, 1)
    };
    let other = || {
        LevelFixture::with_ten_received()
            .allocate(open, 2)
            .release(gone, 2)
    };
    let all = || vec![movements(&one(), &one()), movements(&other(), &other())];
    assert_eq!(WindowMovements::orders(&all()), [open].into());
    let window = AuditWindow {
        before: vec![one().stored(), other().stored()],
        held: BTreeMap::from([(open, 3)]),
        after: vec![one().stored(), other().stored()],
    };
    let (data, is_known) = window.audit_data(all());
    assert!(is_known);
    assert_eq!(data.open_quantity, 3);
}
