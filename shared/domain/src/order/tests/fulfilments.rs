//! What of an order leaves, all at once or in parts.

use super::*;

#[test]
fn every_broken_field_of_a_fulfilment_is_named_at_once() {
    let Err(NotPossible::Invalid(invalid)) = fulfilment(&promised(), Some(&[(3, 0)])) else {
        panic!("it was taken");
    };
    let pointers: Vec<_> = invalid.errors.iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/lines/0/line", "/lines/0/quantity"]);
}

#[test]
fn a_line_is_fulfilled_in_parts_and_never_beyond_what_is_open() {
    let part = promised().fulfil(1, 1).unwrap();
    assert_eq!(part.fulfil(1, 2), Err(NotFulfillable::TooMuch { open: 1 }));
    assert_eq!(part.fulfil(7, 1), Err(NotFulfillable::NoSuchLine));
    let whole = part.fulfil(1, 1).unwrap();
    assert_eq!(whole.fulfil(1, 1), Err(NotFulfillable::NothingOpen));
    assert_eq!(whole.fulfil(2, 1).unwrap().status, OrderStatus::Fulfilled);
}

#[test]
fn a_fulfilment_without_lines_takes_all_that_is_open_in_one_movement_a_sku() {
    let mut order = promised().fulfil(1, 1).unwrap();
    order.lines[1].sku = "milk".parse().unwrap();
    let (fulfilment, after) = fulfilment(&order, None).unwrap();
    assert_eq!(after.status, OrderStatus::Fulfilled);
    let left: Vec<_> = fulfilment
        .lines
        .iter()
        .map(|line| (line.line, line.quantity))
        .collect();
    assert_eq!(left, [(1, 1), (2, 1)]);
    let movements = fulfilment.movements(None, &order);
    assert_eq!(movements.len(), 1);
    let change = &movements[0].change;
    assert_eq!((change.on_hand_delta, change.allocated_delta), (-2, -2));
}

#[test]
fn an_order_keeps_sixteen_fulfilments_that_fill_a_transaction_and_any_number_of_others() {
    let of = |skus: usize| Fulfilment {
        fulfilment_id: FulfilmentId::derive(OrderId::derive("till", "a"), "till", "f"),
        order_id: OrderId::derive("till", "a"),
        fulfilled_at: now(),
        lines: (1_u16..)
            .zip(sale_of(skus).lines)
            .map(|(line, sold)| FulfilledLine {
                line,
                sku: sold.sku,
                quantity: 1,
            })
            .collect(),
    };
    let (full, other) = (of(MAX_SKUS), of(MAX_SKUS - 1));
    let before = |count: usize| std::iter::repeat_n(&full, count);
    assert_eq!(full.check_room(before(15)), Ok(()));
    assert_eq!(other.check_room(before(16)), Ok(()));
    assert_eq!(full.check_room(std::iter::repeat_n(&other, 100)), Ok(()));
    assert!(matches!(
        full.check_room(before(16)),
        Err(NotPossible::Invalid(_))
    ));
}
