//! The life of an order, told as stories and walked as a whole.

use std::collections::HashSet;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ids::{CancellationId, FulfilmentId, RefundId, Sku};
use crate::level::LastChange;
use crate::place_order::{MAX_SKUS, PlaceOrder};
use crate::told_time::{CLOCK_TOLERANCE, OLDEST};

const NOON: &str = "2026-03-01T12:00:00Z";

fn now() -> Timestamp {
    NOON.parse().unwrap()
}

/// An order of lines of milk, bread and so on: (quantity, unit price, discount, tax).
fn order(channel: &str, tax_treatment: &str, lines: &[(i64, i64, i64, i64)]) -> Order {
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let added = tax_treatment == "added";
    let total: i64 = lines
        .iter()
        .map(|(quantity, price, discount, tax)| {
            quantity * price - discount + if added { *tax } else { 0 }
        })
        .sum();
    let more = (4..).map(|number| format!("sku-{number}"));
    let skus = ["milk", "bread", "eggs"]
        .map(String::from)
        .into_iter()
        .chain(more);
    let lines: Vec<_> = lines
        .iter()
        .zip(skus)
        .map(|((quantity, price, discount, tax), sku)| {
            json!({"sku": sku, "quantity": quantity, "unit_price": money(*price),
                   "discount": money(*discount), "tax": money(*tax)})
        })
        .collect();
    let body: PlaceOrder = serde_json::from_value(json!({
        "location_id": "store-1", "channel": channel, "currency": "EUR", "tax_treatment": tax_treatment,
        "lines": lines, "total": money(total),
    }))
    .unwrap();
    body.order(OrderId::derive("till", "1"), now(), &TimeZone::UTC, 0)
        .unwrap()
}

/// Two milk and one bread, online.
fn promised() -> Order {
    order("online", "inclusive", &[(2, 100, 0, 0), (1, 250, 0, 0)])
}

fn refund(order: &Order, lines: &[(u16, i64, bool)]) -> Result<(Refund, Order), NotPossible> {
    let body = RefundOrder {
        reason: "broken".to_owned(),
        occurred_at: None,
        location_id: None,
        lines: lines
            .iter()
            .map(|(line, quantity, restock)| RefundLine {
                line: *line,
                quantity: *quantity,
                restock: *restock,
            })
            .collect(),
    };
    let place = RefundPlace {
        refund_id: RefundId::derive(order.order_id, "till", "r1"),
        location_id: order.location_id.clone(),
        business_date: order.business_date,
        at: now(),
    };
    body.refund(place, order)
}

fn fulfilment(
    order: &Order,
    lines: Option<&[(u16, i64)]>,
) -> Result<(Fulfilment, Order), NotPossible> {
    let lines = lines.map(|lines| {
        lines
            .iter()
            .map(|(line, quantity)| FulfilLine {
                line: *line,
                quantity: *quantity,
            })
            .collect()
    });
    let id = FulfilmentId::derive(order.order_id, "till", "f1");
    FulfilOrder {
        lines,
        occurred_at: None,
    }
    .fulfilment(id, order, now())
}

fn excess(result: Result<(impl Sized, Order), NotPossible>) -> Vec<(u16, i64, i64)> {
    match result.map(|_| ()) {
        Err(NotPossible::TooMuch(lines)) => lines
            .iter()
            .map(|line| (line.line, line.requested, line.possible))
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// A step that was tried on an order, and where it led unless it was refused.
type Tried = (Order, Step, Option<Order>);

/// Every order that can come of `start`, with every step that was tried on the way.
fn walk(start: Order) -> (Vec<Order>, Vec<Tried>) {
    let (mut known, mut steps) = (vec![start], Vec::new());
    let mut next = 0;
    while let Some(order) = known.get(next).cloned() {
        next += 1;
        let is_open = order.lines.iter().any(|line| line.open_quantity() > 0);
        let rest = fulfilment(&order, None).ok();
        let mut tries = vec![
            (
                Step::Cancel,
                is_open || order.canceled_at.is_some(),
                order.cancel(now()).ok(),
            ),
            (Step::Fulfil, is_open, rest.map(|(_, order)| order)),
        ];
        for line in &order.lines {
            let (open, refundable) = (line.open_quantity(), line.refundable_quantity());
            for quantity in 0..=line.quantity + 1 {
                let left = order.fulfil(line.line, quantity).ok();
                tries.push((Step::Fulfil, (1..=open).contains(&quantity), left));
                let back = refund(&order, &[(line.line, quantity, true)]).ok();
                let back = back.map(|(_, order)| order);
                tries.push((Step::Refund, (1..=refundable).contains(&quantity), back));
            }
        }
        for (step, possible, after) in tries {
            // The quantities alone decide: the tables stand in the way of nothing that they allow.
            assert_eq!(after.is_some(), possible, "{step} of {order:?}");
            if let Some(after) = &after
                && !known.contains(after)
            {
                known.push(after.clone());
            }
            steps.push((order.clone(), step, after));
        }
    }
    (known, steps)
}

#[test]
fn whatever_is_done_to_an_order_follows_the_table_and_all_of_the_table_can_be_done() {
    let lines = [(3, 100, 0, 0), (1, 250, 0, 0)];
    let (mut orders, mut steps) = walk(order("online", "inclusive", &lines));
    let (sales, sale_steps) = walk(order("pos", "inclusive", &lines));
    orders.extend(sales);
    steps.extend(sale_steps);
    for order in &orders {
        assert_eq!(order.status, OrderStatus::of(&order.lines));
        for line in &order.lines {
            let parts = [
                line.open_quantity(),
                line.fulfilled_quantity,
                line.canceled_quantity,
                line.returned_quantity,
                line.refundable_quantity(),
            ];
            assert!(parts.iter().all(|part| *part >= 0), "{line:?}");
            assert_eq!(parts[0] + parts[1] + parts[2], line.quantity);
        }
    }
    let (mut order_steps, mut line_steps) = (HashSet::new(), HashSet::new());
    for (before, step, after) in &steps {
        let Some(after) = after else {
            continue;
        };
        if before == after {
            // A cancellation made before: it says so, and changes nothing.
            assert!(*step == Step::Cancel && before.canceled_at.is_some());
            continue;
        }
        order_steps.insert((before.status, *step, after.status));
        for (line, then) in before.lines.iter().zip(&after.lines) {
            if line != then {
                line_steps.insert((line.state(), *step, then.state()));
            }
        }
    }
    let all_steps = [Step::Fulfil, Step::Cancel, Step::Refund];
    let mut allowed = HashSet::new();
    for from in [
        OrderStatus::Allocated,
        OrderStatus::PartiallyFulfilled,
        OrderStatus::Fulfilled,
        OrderStatus::Canceled,
    ] {
        for step in all_steps {
            allowed.extend(from.next(step).iter().map(|to| (from, step, *to)));
        }
    }
    assert_eq!(order_steps, allowed);
    let mut allowed = HashSet::new();
    for from in [
        LineState::Open,
        LineState::PartlyFulfilled,
        LineState::Fulfilled,
        LineState::Returned,
        LineState::Canceled,
    ] {
        for step in all_steps {
            allowed.extend(from.next(step).iter().map(|to| (from, step, *to)));
        }
    }
    assert_eq!(line_steps, allowed);
}

#[test]
fn goods_sold_at_the_till_have_left_and_goods_sold_online_are_promised() {
    let till = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    assert_eq!(till.status, OrderStatus::Fulfilled);
    assert_eq!(till.lines[0].fulfilled_quantity, 2);
    assert_eq!(promised().status, OrderStatus::Allocated);
    assert_eq!(promised().lines[0].open_quantity(), 2);
}

#[test]
fn a_sale_at_the_till_is_refunded_and_never_canceled() {
    let sale = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    let refused = sale.cancel(now()).unwrap_err();
    assert_eq!(refused.status, OrderStatus::Fulfilled);
    assert_eq!(
        refused.to_string(),
        "an order that is fulfilled cannot be canceled"
    );
    let (_, after) = refund(&sale, &[(1, 2, true)]).unwrap();
    assert_eq!(after.status, OrderStatus::Fulfilled);
    assert_eq!(after.lines[0].state(), LineState::Returned);
    assert_eq!(after.as_placed(), sale);
    assert!(after.cancel(now()).is_err());
}

#[test]
fn a_sale_takes_goods_and_an_order_from_afar_a_promise() {
    let deltas = |channel: &str| {
        let mut order = order(channel, "inclusive", &[(2, 100, 0, 0), (1, 250, 0, 0)]);
        order.lines[1].sku = order.lines[0].sku.clone();
        let takes = order.takes().into_iter();
        let changes = takes.map(|taken| taken.change);
        changes
            .map(|change| (change.kind, change.on_hand_delta, change.allocated_delta))
            .collect::<Vec<_>>()
    };
    assert_eq!(deltas("pos"), [(MovementKind::Sale, -3, 0)]);
    assert_eq!(deltas("online"), [(MovementKind::Allocation, 0, 3)]);
}

#[test]
fn an_order_holds_what_is_still_to_leave_and_no_more() {
    let (milk, bread): (Sku, Sku) = ("milk".parse().unwrap(), "bread".parse().unwrap());
    let held = |order: &Order, sku: &Sku| {
        let open = OpenOrder::of(order);
        open.map(|open| (open.quantity_of(sku), open.lines.len()))
    };
    let order = promised();
    assert!(order.is_open());
    assert_eq!(held(&order, &milk), Some((2, 2)));
    let part = order.fulfil(2, 1).unwrap().fulfil(1, 1).unwrap();
    assert_eq!(held(&part, &milk), Some((1, 1)));
    assert_eq!(held(&part, &bread), Some((0, 1)));
    let whole = part.fulfil(1, 1).unwrap();
    assert!(!whole.is_open());
    assert_eq!(held(&whole, &milk), None);

    let of_milk = OpenOrder::of(&order).unwrap().only(&milk).unwrap();
    assert_eq!((of_milk.lines.len(), of_milk.quantity_of(&bread)), (1, 0));
    assert_eq!(of_milk.only(&bread), None);
}

#[test]
fn every_broken_field_of_a_fulfilment_is_named_at_once() {
    let Err(NotPossible::Invalid(invalid)) = fulfilment(&promised(), Some(&[(3, 0)])) else {
        panic!("it was taken");
    };
    let pointers: Vec<_> = invalid.errors.iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/lines/0/line", "/lines/0/quantity"]);
}

#[test]
fn whether_prices_hold_their_tax_is_told_where_they_do_not() {
    assert!(TaxTreatment::Inclusive.is_inclusive());
    assert!(!TaxTreatment::Added.is_inclusive());
}

#[test]
fn canceling_an_order_of_which_a_part_has_left_gives_up_the_rest_once() {
    let order = promised().fulfil(1, 1).unwrap();
    assert_eq!(order.status, OrderStatus::PartiallyFulfilled);
    let released: Vec<_> = order.releases(Some("late"), now());
    let deltas: Vec<_> = released
        .iter()
        .map(|release| {
            (
                release.key.sku.as_str(),
                release.change.on_hand_delta,
                release.change.allocated_delta,
            )
        })
        .collect();
    assert_eq!(deltas, [("milk", 0, -1), ("bread", 0, -1)]);
    let canceled = order.cancel(now()).unwrap();
    assert_eq!(canceled.status, OrderStatus::Fulfilled);
    assert_eq!(canceled.lines[0].sold_quantity(), 1);
    assert_eq!(canceled.lines[1].sold_quantity(), 0);
    let later = "2026-03-01T13:00:00Z".parse().unwrap();
    assert_eq!(canceled.cancel(later), Ok(canceled.clone()));
    assert_eq!(canceled.releases(None, later), []);
    assert_eq!(canceled.as_placed(), promised());
}

#[test]
fn a_cancellation_is_replayed_as_it_was_answered_whatever_came_back_since() {
    let order = promised().fulfil(1, 2).unwrap();
    let (_, order) = refund(&order, &[(1, 1, true)]).unwrap();
    let canceled = order.cancel(now()).unwrap();
    let id = CancellationId::derive(order.order_id, "till", "c1");
    let made = Cancellation::of(id, &canceled);
    assert_eq!(made.returned, [(1, 1)], "only what had come back");
    let (_, later) = refund(&canceled, &[(1, 1, true)]).unwrap();
    assert_ne!(later.lines, canceled.lines);
    assert_eq!(later.as_canceled(&made).lines, canceled.lines);
}

#[test]
fn why_an_order_is_canceled_is_said_in_200_characters_or_not_at_all() {
    let because = |reason: Option<&str>| CancelOrder {
        reason: reason.map(str::to_owned),
    };
    assert!(because(None).check().is_ok());
    assert!(because(Some("too late")).check().is_ok());
    let refused = because(Some(&"x".repeat(201))).check().unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/reason");
    assert!(because(Some("")).check().is_err());
}

#[test]
fn a_canceled_order_takes_nothing_more_and_its_replay_still_reads_as_placed() {
    let canceled = promised().cancel(now()).unwrap();
    assert_eq!(canceled.status, OrderStatus::Canceled);
    assert_eq!(canceled.fulfil(1, 1), Err(NotFulfillable::Canceled));
    assert_eq!(excess(refund(&canceled, &[(1, 1, true)])), [(1, 1, 0)]);
    assert_eq!(excess(fulfilment(&canceled, None)), []);
    assert_eq!(canceled.as_placed(), promised());
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
fn every_line_that_lacks_what_is_asked_of_it_is_named() {
    let order = promised();
    assert_eq!(
        excess(fulfilment(&order, Some(&[(1, 3), (2, 1), (2, 1)]))),
        [(1, 3, 2), (2, 1, 0)]
    );
    let sale = order.fulfil(1, 1).unwrap();
    assert_eq!(
        excess(refund(&sale, &[(1, 1, true), (1, 1, false), (2, 1, true)])),
        [(1, 1, 0), (2, 1, 0)]
    );
}

#[test]
fn every_broken_field_of_a_refund_is_named_at_once() {
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
    let place = RefundPlace {
        refund_id: RefundId::derive(sale.order_id, "till", "r1"),
        location_id: sale.location_id.clone(),
        business_date: sale.business_date,
        at: now(),
    };
    let Err(NotPossible::Invalid(invalid)) = body.refund(place, &sale) else {
        panic!("it was taken");
    };
    let pointers: Vec<_> = invalid.errors.iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/reason", "/lines/0/line", "/lines/0/quantity"]);
}

/// A sale of one each of so many SKUs.
fn sale_of(skus: usize) -> Order {
    order("pos", "inclusive", &vec![(1, 100, 0, 0); skus])
}

#[test]
fn a_refund_puts_back_98_skus_and_of_more_it_says_how_many() {
    let sale = sale_of(MAX_SKUS);
    let lines = |restocked: u16| -> Vec<(u16, i64, bool)> {
        (1..=99).map(|line| (line, 1, line <= restocked)).collect()
    };
    assert!(refund(&sale, &lines(98)).is_ok());
    let Err(NotPossible::Invalid(invalid)) = refund(&sale, &lines(99)) else {
        panic!("it was taken");
    };
    assert_eq!(invalid.errors.len(), 1);
    assert_eq!(invalid.errors[0].pointer, "/lines");
    assert_eq!(
        invalid.errors[0].detail,
        "put 99 different SKUs back to stock, but one refund may put back 98: send it in two"
    );
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

#[test]
fn only_what_goes_back_to_stock_makes_a_movement() {
    let sale = order("pos", "inclusive", &[(3, 100, 0, 0), (1, 250, 0, 0)]);
    let (refund, _) = refund(&sale, &[(1, 2, true), (1, 1, false), (2, 1, false)]).unwrap();
    let movements = refund.movements(None, &sale);
    assert_eq!(movements.len(), 1);
    let change = &movements[0].change;
    assert_eq!((change.on_hand_delta, change.allocated_delta), (2, 0));
    assert_eq!(change.kind, MovementKind::Return);
    assert_eq!(change.reason.as_deref(), Some("broken"));
}

#[test]
fn the_last_refund_takes_the_cent_that_the_first_ones_could_not() {
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
    fn whatever_a_line_comes_back_in_its_refunds_sum_up_to_what_was_sold(
        quantity in 1_i64..1_000_000, price in 0_i64..1_000_000, discount in 0_i64..1_000, tax in 0_i64..1_000_000,
        added: bool, kept in 0_i64..1_000_000, parts in prop::collection::vec(1_i64..400_000, 1..12),
    ) {
        let gross = quantity * price;
        let discount = discount.min(gross);
        let tax = if added { tax } else { tax.min(gross - discount) };
        let treatment = if added { "added" } else { "inclusive" };
        let placed = order("online", treatment, &[(quantity, price, discount, tax)]);
        let left = (quantity - kept).max(1);
        let mut order = placed.fulfil(1, left).unwrap();
        if left < quantity {
            order = order.cancel(now()).unwrap();
        }
        let sold = order.lines[0].amounts_of(order.lines[0].sold_quantity());
        let (mut total, mut taxes) = (0, 0);
        let mut pay = |order: &mut Order, quantity: i64| {
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
                pay(&mut order, part);
            }
        }
        let rest = order.lines[0].refundable_quantity();
        if rest > 0 {
            pay(&mut order, rest);
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

#[test]
fn what_left_or_came_back_while_a_store_was_offline_is_told_late_within_bounds() {
    let sale = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    let promise = promised();
    let refund_at = |occurred_at: Timestamp| {
        let body = RefundOrder {
            reason: "broken".to_owned(),
            location_id: None,
            occurred_at: Some(occurred_at),
            lines: vec![RefundLine {
                line: 1,
                quantity: 1,
                restock: true,
            }],
        };
        let place = RefundPlace {
            refund_id: RefundId::derive(sale.order_id, "till", "r1"),
            location_id: sale.location_id.clone(),
            business_date: sale.business_date,
            at: now(),
        };
        let (refund, _) = body.refund(place, &sale)?;
        Ok(refund.movements(body.occurred_at, &sale).remove(0).change)
    };
    let fulfilment_at = |occurred_at: Timestamp| {
        let body = FulfilOrder {
            lines: None,
            occurred_at: Some(occurred_at),
        };
        let id = FulfilmentId::derive(promise.order_id, "till", "f1");
        let (made, _) = body.fulfilment(id, &promise, now())?;
        Ok(made.movements(body.occurred_at, &promise).remove(0).change)
    };
    let (oldest, ahead) = (now() - OLDEST, now() + CLOCK_TOLERANCE);
    for told in [
        &refund_at as &dyn Fn(_) -> Result<LastChange, NotPossible>,
        &fulfilment_at,
    ] {
        let late = told(oldest).unwrap();
        assert_eq!((late.occurred_at, late.recorded_at), (oldest, now()));
        assert_eq!(told(ahead).unwrap().occurred_at, now(), "a clock is ahead");
        let second = jiff::SignedDuration::from_secs(1);
        for impossible in [oldest - second, ahead + second] {
            let Err(NotPossible::Invalid(invalid)) = told(impossible) else {
                panic!("{impossible} is taken");
            };
            assert_eq!(invalid.errors[0].pointer, "/occurred_at");
        }
    }
}
