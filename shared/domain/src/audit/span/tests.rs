//! What open orders held of a level that goes on selling, told from what moved while they were read.

use super::*;
use crate::audit::milk::{Milk, order};

/// The level of `milk` at its version `first`, and as it is; the orders that were read between, and what each then held.
fn between(before: &Milk, milk: &Milk, held: &[(OrderId, i64)]) -> Span {
    Span {
        before: vec![before.stored()],
        held: held.iter().copied().collect(),
        after: vec![milk.stored()],
    }
}

/// The movements of `milk`, up to where it was `before` and since.
fn followed(before: &Milk, milk: &Milk) -> Followed {
    let mut followed = Followed::default();
    for movement in &milk.movements {
        followed.add(movement.clone(), before.level.version);
    }
    followed
}

/// What the open orders held of `before`; none where that is not known.
fn open(before: &Milk, after: &Milk, held: &[(OrderId, i64)]) -> Option<i64> {
    let followed = followed(before, after);
    assert_eq!(followed.ledger.last_version(), before.level.version);
    let (books, is_known) = between(before, after, held).books(vec![followed]);
    if !is_known {
        assert_eq!(books.open, before.level.allocated, "it is left out");
    }
    is_known.then_some(books.open)
}

/// Ten, of which three are promised to this order.
fn three_promised() -> (Milk, OrderId) {
    let kept = order("kept");
    (Milk::ten().promised(kept, 3), kept)
}

#[test]
fn an_order_that_nothing_moved_held_what_it_holds() {
    let ((before, kept), (after, _)) = (three_promised(), three_promised());
    assert_eq!(open(&before, &after, &[(kept, 3)]), Some(3));
    assert_eq!(
        open(&before, &after, &[(kept, 2)]),
        Some(2),
        "a fault shows"
    );
    let sold = after.and(MovementKind::Sale, -1, 0);
    assert_eq!(open(&before, &sold, &[(kept, 3)]), Some(3));
    assert_eq!(open(&before, &sold, &[]), None, "it was not read");
}

#[test]
fn an_order_that_was_placed_meanwhile_held_nothing() {
    let (before, kept) = three_promised();
    let placed = order("placed");
    let after = three_promised().0.promised(placed, 2);
    assert_eq!(open(&before, &after, &[(kept, 3), (placed, 2)]), Some(3));
    assert_eq!(open(&before, &after, &[(kept, 3)]), Some(3), "read or not");
    let gone = after.left(placed, 2);
    assert_eq!(open(&before, &gone, &[(kept, 3), (placed, 0)]), Some(3));
}

#[test]
fn an_order_that_was_closed_meanwhile_held_what_its_movements_took_back() {
    let (before, kept) = three_promised();
    let canceled = three_promised().0.released(kept, 3);
    assert_eq!(open(&before, &canceled, &[(kept, 0)]), Some(3));
    let fulfilled = three_promised().0.left(kept, 1).left(kept, 2);
    assert_eq!(open(&before, &fulfilled, &[(kept, 0)]), Some(3));
}

#[test]
fn an_order_of_which_a_part_left_meanwhile_is_not_known() {
    let (before, kept) = three_promised();
    let after = three_promised().0.left(kept, 1);
    for read in [2, 3] {
        assert_eq!(open(&before, &after, &[(kept, read)]), None);
    }
}

#[test]
fn an_order_that_moved_and_was_not_read_is_not_known() {
    let unknown = order("of which the ledger lacks the promise");
    let mut before = Milk::ten().promised(unknown, 3);
    let mut after = Milk::ten().promised(unknown, 3).released(unknown, 3);
    for milk in [&mut before, &mut after] {
        milk.movements.remove(1);
    }
    let span = between(&before, &after, &[]);
    let mut followed = Followed::default();
    for movement in &after.movements {
        followed.add(movement.clone(), before.level.version);
    }
    assert!(!span.books(vec![followed]).1);
}

#[test]
fn what_moved_after_the_second_look_says_nothing() {
    let (before, kept) = three_promised();
    let after = three_promised().0.and(MovementKind::Sale, -1, 0);
    let later = three_promised()
        .0
        .and(MovementKind::Sale, -1, 0)
        .left(kept, 1);
    let span = between(&before, &after, &[(kept, 3)]);
    let (books, is_known) = span.books(vec![followed(&before, &later)]);
    assert!(is_known);
    assert_eq!(books.open, 3);
}

#[test]
fn orders_are_known_only_where_the_movements_lead_from_one_look_to_the_other() {
    let (before, kept) = three_promised();
    let after = || {
        three_promised()
            .0
            .and(MovementKind::Sale, -1, 0)
            .and(MovementKind::Return, 1, 0)
    };
    let known = |after: &Milk| open(&before, after, &[(kept, 3)]).is_some();
    assert!(known(&after()));
    for missing in [2, 3] {
        let mut lacking = after();
        lacking.movements.remove(missing);
        assert!(!known(&lacking), "movement {missing} is missing");
    }
    let mut both = after();
    both.movements.truncate(2);
    assert!(!known(&both), "both are missing, and come to nothing");
    let mut by_hand = after();
    by_hand.level.on_hand = 12;
    assert!(!known(&by_hand));
    by_hand.level.on_hand = 10;
    by_hand.level.allocated = 4;
    assert!(!known(&by_hand));
    let repaired = after().and(MovementKind::Repair, 1, 0);
    assert!(!known(&repaired), "a repair follows from nothing");
    let to_nobody = after().and(MovementKind::Rebalance, 0, 1);
    assert!(!known(&to_nobody), "it is promised to no order");
}

#[test]
fn orders_of_a_level_that_was_split_meanwhile_are_not_known() {
    let (before, kept) = three_promised();
    let mut after = three_promised().0;
    let follow = || followed(&before, &before);
    let is_known = |span: &Span, followed| span.books(followed).1;
    let whole = between(&before, &after, &[(kept, 3)]);
    assert!(is_known(&whole, vec![follow()]));
    assert!(!is_known(&whole, Vec::new()), "nothing of it was followed");
    after.level.bucket = 1;
    let other = between(&before, &after, &[(kept, 3)]);
    assert!(!is_known(&other, vec![follow()]));
}

#[test]
fn what_one_item_of_a_split_level_gave_the_other_is_promised_to_nobody() {
    let (before, kept) = three_promised();
    let one = three_promised().0.and(MovementKind::Rebalance, -1, -1);
    let other = three_promised().0.and(MovementKind::Rebalance, 1, 1);
    let span = Span {
        before: vec![before.stored(), before.stored()],
        held: BTreeMap::from([(kept, 6)]),
        after: vec![one.stored(), other.stored()],
    };
    let (books, is_known) = span.books(vec![followed(&before, &one), followed(&before, &other)]);
    assert!(is_known);
    assert_eq!(books.open, 6);
}

#[test]
fn the_orders_that_hold_a_level_or_held_it_since_are_named() {
    let [kept, closed, placed, gone] = ["kept", "closed", "placed", "gone"].map(order);
    let before = || {
        Milk::ten()
            .promised(kept, 1)
            .promised(gone, 1)
            .released(gone, 1)
            .promised(closed, 2)
    };
    let after = before().released(closed, 2).promised(placed, 3);
    let followed = followed(&before(), &after);
    assert_eq!(followed.since, after.movements[5..]);
    let named = Followed::orders(&[followed]);
    assert_eq!(named, [kept, closed, placed].into());
}

#[test]
fn an_order_that_one_item_promised_and_another_gave_back_holds_nothing() {
    let [gone, kept] = ["gone", "kept"].map(order);
    let one = || Milk::ten().promised(gone, 2).promised(kept, 1);
    let other = || Milk::ten().promised(kept, 2).released(gone, 2);
    let all = || vec![followed(&one(), &one()), followed(&other(), &other())];
    assert_eq!(Followed::orders(&all()), [kept].into());
    let span = Span {
        before: vec![one().stored(), other().stored()],
        held: BTreeMap::from([(kept, 3)]),
        after: vec![one().stored(), other().stored()],
    };
    let (books, is_known) = span.books(all());
    assert!(is_known);
    assert_eq!(books.open, 3);
}
