//! The life of an order, told as stories and walked as a whole.

mod cancellations;
mod fulfilments;
mod refunds;

use std::collections::HashSet;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::ids::{CancellationId, FulfilmentId, RefundId, Sku};
use crate::level::{LastChange, Level};
use crate::open_order::OpenOrder;
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

/// A refund where the order was sold, on its day.
fn where_sold(order: &Order) -> RefundPlace {
    RefundPlace {
        refund_id: RefundId::derive(order.order_id, "till", "r1"),
        location_id: order.location_id.clone(),
        business_date: order.business_date,
        at: now(),
    }
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
    body.refund(where_sold(order), order)
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
fn whether_prices_hold_their_tax_is_told_where_they_do_not() {
    assert!(TaxTreatment::Inclusive.is_inclusive());
    assert!(!TaxTreatment::Added.is_inclusive());
}

#[test]
fn every_line_that_lacks_what_is_asked_of_it_is_named() {
    let order = promised();
    assert_eq!(
        excess(fulfilment(&order, Some(&[(1, 3), (2, 1), (2, 1)]))),
        [(1, 3, 2), (2, 2, 1)]
    );
    let sale = order.fulfil(1, 1).unwrap();
    assert_eq!(
        excess(refund(&sale, &[(1, 1, true), (1, 1, false), (2, 1, true)])),
        [(1, 2, 1), (2, 1, 0)]
    );
}

/// A sale of one each of so many SKUs.
fn sale_of(skus: usize) -> Order {
    order("pos", "inclusive", &vec![(1, 100, 0, 0); skus])
}

#[test]
fn what_left_or_came_back_while_a_store_was_offline_is_told_late_within_bounds() {
    let a_week_ago = |order| Order {
        sold_at: now() - OLDEST,
        ..order
    };
    let sale = a_week_ago(order("pos", "inclusive", &[(2, 100, 0, 0)]));
    let promise = a_week_ago(promised());
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
        let (refund, _) = body.refund(where_sold(&sale), &sale)?;
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
        let second = SignedDuration::from_secs(1);
        for impossible in [oldest - second, ahead + second] {
            let Err(NotPossible::Invalid(invalid)) = told(impossible) else {
                panic!("{impossible} is taken");
            };
            assert_eq!(invalid.errors[0].pointer, "/occurred_at");
        }
    }
}

/// Ten milk, counted an hour before the order took its share.
fn counted_before(order: &Order) -> Level {
    let take = order.takes().remove(0);
    let counted = Level {
        on_hand: 10,
        counted_at: Some(now() - SignedDuration::from_hours(1)),
        ..Level::empty(&take.key)
    };
    counted.after(take.change).unwrap()
}

#[test]
fn goods_that_a_slow_clock_sends_away_before_they_were_ordered_were_not_seen_leaving_by_a_count() {
    let promise = promised();
    let id = FulfilmentId::derive(promise.order_id, "till", "f1");
    let fulfilment_at = |occurred_at: Timestamp| {
        let body = FulfilOrder {
            lines: None,
            occurred_at: Some(occurred_at),
        };
        let (made, _) = body.fulfilment(id, &promise, now())?;
        Ok(made.movements(body.occurred_at, &promise).remove(0).change)
    };
    for behind in [SignedDuration::ZERO, CLOCK_TOLERANCE] {
        let change = fulfilment_at(now() - behind).unwrap();
        assert_eq!(change.occurred_at, now());
        let after = counted_before(&promise).after(change).unwrap();
        assert_eq!((after.on_hand, after.allocated), (8, 0));
    }
    let too_slow = CLOCK_TOLERANCE + SignedDuration::from_secs(1);
    let Err(NotPossible::Invalid(invalid)) = fulfilment_at(now() - too_slow) else {
        panic!("they left before they were ordered");
    };
    assert_eq!(invalid.errors[0].pointer, "/occurred_at");
}

#[test]
fn goods_that_a_slow_clock_brings_back_before_they_were_sold_come_on_top_of_a_count() {
    let sale = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    let (refund, _) = refund(&sale, &[(1, 2, true)]).unwrap();
    let told = Some(now() - SignedDuration::from_hours(1));
    let change = refund.movements(told, &sale).remove(0).change;
    assert_eq!(counted_before(&sale).after(change).unwrap().on_hand, 10);
}
