//! Fulfilling an order completely and in part.

use super::*;

#[test]
fn fulfilment_reports_all_invalid_fields() {
    let Err(OrderRequestRefused::Invalid(invalid)) = fulfilment(&online_order(), Some(&[(3, 0)]))
    else {
        panic!("the request is accepted");
    };
    let pointers: Vec<_> = invalid.errors.iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/lines/0/line", "/lines/0/quantity"]);
}

#[test]
fn line_is_fulfilled_up_to_its_open_quantity() {
    let partly_fulfilled = online_order().fulfil(1, 1).unwrap();
    assert_eq!(
        partly_fulfilled.fulfil(1, 2),
        Err(NotFulfillable::TooMuch { open: 1 })
    );
    assert_eq!(
        partly_fulfilled.fulfil(7, 1),
        Err(NotFulfillable::NoSuchLine)
    );
    let fulfilled_line = partly_fulfilled.fulfil(1, 1).unwrap();
    assert_eq!(
        fulfilled_line.fulfil(1, 1),
        Err(NotFulfillable::NothingOpen)
    );
    assert_eq!(
        fulfilled_line.fulfil(2, 1).unwrap().status,
        OrderStatus::Fulfilled
    );
}

#[test]
fn fulfilment_without_lines_takes_all_open_merged_by_sku() {
    let mut order = online_order().fulfil(1, 1).unwrap();
    order.lines[1].sku = "milk".parse().unwrap();
    let (fulfilment, after) = fulfilment(&order, None).unwrap();
    assert_eq!(after.status, OrderStatus::Fulfilled);
    let fulfilled: Vec<_> = fulfilment
        .lines
        .iter()
        .map(|line| (line.line, line.quantity))
        .collect();
    assert_eq!(fulfilled, [(1, 1), (2, 1)]);
    let deltas = fulfilment.level_deltas(&order);
    assert_eq!(deltas.len(), 1);
    let change = &deltas[0].change;
    assert_eq!((change.on_hand_delta, change.allocated_delta), (-2, -2));
}

#[test]
fn order_has_at_most_16_fulfilments_that_fill_a_transaction() {
    let fulfilment_of = |skus: usize| Fulfilment {
        fulfilment_id: FulfilmentId::derive(OrderId::derive("till", "a"), "till", "f"),
        order_id: OrderId::derive("till", "a"),
        fulfilled_at: now(),
        occurred_at: now(),
        shipment: None,
        lines: (1_u16..)
            .zip(sale_of(skus).lines)
            .map(|(line, sold)| FulfilledLine {
                line,
                sku: sold.sku,
                quantity: 1,
            })
            .collect(),
    };
    let (full, other) = (fulfilment_of(MAX_SKUS), fulfilment_of(MAX_SKUS - 1));
    let before = |count: usize| std::iter::repeat_n(&full, count);
    assert_eq!(full.check_item_size(before(15)), Ok(()));
    assert_eq!(other.check_item_size(before(16)), Ok(()));
    assert_eq!(
        full.check_item_size(std::iter::repeat_n(&other, 100)),
        Ok(())
    );
    assert!(matches!(
        full.check_item_size(before(16)),
        Err(OrderRequestRefused::Invalid(_))
    ));
}

#[test]
fn canceled_and_completed_orders_have_nothing_to_fulfil() {
    let canceled = online_order().cancel(now()).unwrap();
    for lines in [None, Some(&[(1, 1)][..])] {
        let refused = fulfilment(&canceled, lines).unwrap_err();
        assert_eq!(refused, OrderRequestRefused::Canceled);
    }
    let (_, completed) = fulfilment(&online_order(), None).unwrap();
    let (_, partly) = fulfilment(&online_order(), Some(&[(1, 1)])).unwrap();
    for order in [completed, partly.cancel(now()).unwrap()] {
        let refused = fulfilment(&order, None).unwrap_err();
        assert_eq!(refused, OrderRequestRefused::NothingOpen);
        assert_eq!(excess(fulfilment(&order, Some(&[(1, 1)]))), [(1, 1, 0)]);
    }
}

#[test]
fn completion_reports_all_invalid_fields() {
    let completion = |carrier: &str, tracking_number: &str, weights: &[i64]| CompleteOrder {
        carrier: carrier.to_owned(),
        tracking_number: tracking_number.to_owned(),
        parcels: weights
            .iter()
            .map(|weight_grams| Parcel {
                weight_grams: *weight_grams,
            })
            .collect(),
        lines: None,
        occurred_at: None,
    };
    assert_eq!(
        completion("Österreichische Post", "1Z-9", &[1]).check(),
        Ok(())
    );
    let pointers = |completion: CompleteOrder| -> Vec<String> {
        let errors = completion.check().unwrap_err().errors;
        errors.into_iter().map(|error| error.pointer).collect()
    };
    let wrong = completion(" ", "1Z 9", &[500, 0, 1_000_001]);
    assert_eq!(
        pointers(wrong),
        [
            "/carrier",
            "/tracking_number",
            "/parcels/1/weight_grams",
            "/parcels/2/weight_grams"
        ]
    );
    for parcels in [&[][..], &[1; MAX_PARCELS + 1]] {
        assert_eq!(pointers(completion("DHL", "1", parcels)), ["/parcels"]);
    }
}
