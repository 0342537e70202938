//! Refunding an order: amounts, and goods returned to stock.

use proptest::prelude::*;

use super::*;

#[test]
fn refund_reports_all_invalid_fields() {
    let sale = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    let body = RefundOrder {
        reason: String::new(),
        occurred_at: None,
        location_id: None,
        lines: vec![RefundLine {
            line: 2,
            quantity: 0,
            restock: true,
        }],
    };
    let Err(OrderRequestRefused::Invalid(invalid)) = body.refund(refund_context(&sale), &sale)
    else {
        panic!("the request is accepted");
    };
    let pointers: Vec<_> = invalid.errors.iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/reason", "/lines/0/line", "/lines/0/quantity"]);
}

#[test]
fn refund_returns_at_most_98_skus_to_stock() {
    let sale = sale_of(MAX_SKUS);
    let lines = |restocked: u16| -> Vec<(u16, i64, bool)> {
        (1..=99).map(|line| (line, 1, line <= restocked)).collect()
    };
    assert!(refund(&sale, &lines(98)).is_ok());
    let Err(OrderRequestRefused::Invalid(invalid)) = refund(&sale, &lines(99)) else {
        panic!("the request is accepted");
    };
    assert_eq!(invalid.errors.len(), 1);
    assert_eq!(invalid.errors[0].pointer, "/lines");
    assert_eq!(
        invalid.errors[0].detail,
        "must return at most 98 different SKUs to stock, got 99: send two requests"
    );
}

#[test]
fn only_restocked_goods_change_levels() {
    let sale = order("pos", "inclusive", &[(3, 100, 0, 0), (1, 250, 0, 0)]);
    let (refund, _) = refund(&sale, &[(1, 2, true), (1, 1, false), (2, 1, false)]).unwrap();
    let deltas = refund.level_deltas(&sale);
    assert_eq!(deltas.len(), 1);
    let change = &deltas[0].change;
    assert_eq!((change.on_hand_delta, change.allocated_delta), (2, 0));
    assert_eq!(change.kind, MovementKind::Return);
    assert_eq!(change.reason.as_deref(), Some("broken"));
}

#[test]
fn last_refund_gets_the_rounding_remainder() {
    let sale = order("pos", "inclusive", &[(3, 100, 200, 19)]);
    let mut order = sale;
    let mut paid = Vec::new();
    for _ in 0..3 {
        let (refund, after) = refund(&order, &[(1, 1, true)]).unwrap();
        paid.push((refund.total.amount, refund.tax.amount));
        order = after;
    }
    assert_eq!(paid, [(33, 6), (33, 6), (34, 7)]);
}

proptest! {
    #[test]
    fn refunds_in_any_parts_sum_to_the_amount_paid(
        quantity in 1_i64..1_000_000, price in 0_i64..1_000_000, discount in 0_i64..1_000, tax in 0_i64..1_000_000,
        added: bool, canceled in 0_i64..1_000_000, parts in prop::collection::vec(1_i64..400_000, 1..12),
    ) {
        let gross = quantity * price;
        let discount = discount.min(gross);
        let tax = if added { tax } else { tax.min(gross - discount) };
        let treatment = if added { "added" } else { "inclusive" };
        let placed = order("online", treatment, &[(quantity, price, discount, tax)]);
        let left = (quantity - canceled).max(1);
        let mut order = placed.fulfil(1, left).unwrap();
        if left < quantity {
            order = order.cancel(now()).unwrap();
        }
        let sold = order.lines[0].amounts_of(order.lines[0].sold_quantity());
        let (mut total, mut taxes) = (0, 0);
        let mut refund_part = |order: &mut Order, quantity: i64| {
            let (refund, after) = refund(order, &[(1, quantity, false)]).unwrap();
            assert!(refund.total.amount >= 0 && refund.tax.amount >= 0);
            let line = &refund.lines[0];
            assert_eq!((line.amount, line.tax), (refund.total, refund.tax));
            total += refund.total.amount;
            taxes += refund.tax.amount;
            *order = after;
        };
        for part in parts {
            let part = part.min(order.lines[0].refundable_quantity());
            if part > 0 {
                refund_part(&mut order, part);
            }
        }
        let rest = order.lines[0].refundable_quantity();
        if rest > 0 {
            refund_part(&mut order, rest);
        }
        prop_assert_eq!((total, taxes), (sold.total, sold.tax));
        prop_assert_eq!(sold.gross - sold.discount, sold.net);
        prop_assert_eq!(sold.total, sold.net + if added { sold.tax } else { 0 });
        prop_assert!(sold.net >= 0 && sold.discount >= 0);
        if left == quantity {
            prop_assert_eq!((sold.total, sold.tax), (placed.total.amount, tax));
            prop_assert_eq!((sold.gross, sold.discount), (gross, discount));
        }
    }
}
