//! Orders: single actions, and an exhaustive search of all reachable orders.

mod cancellations;
mod fulfilments;
mod refunds;

use std::collections::HashSet;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::ids::{CancellationId, FulfilmentId, RefundId, Sku};
use crate::level::{Level, LevelDelta};
use crate::open_order::OpenOrder;
use crate::place_order::{MAX_SKUS, PlaceOrder};
use crate::reported_time::{CLOCK_TOLERANCE, MAX_AGE};

const NOON: &str = "2026-03-01T12:00:00Z";

fn now() -> Timestamp {
    NOON.parse().unwrap()
}

/// Returns an order of lines (quantity, unit price, discount, tax) with the SKUs milk, bread, eggs, sku-4 and so on.
fn order(channel: &str, tax_treatment: &str, lines: &[(i64, i64, i64, i64)]) -> Order {
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let added = tax_treatment == "added";
    let total: i64 = lines
        .iter()
        .map(|(quantity, price, discount, tax)| {
            quantity * price - discount + if added { *tax } else { 0 }
        })
        .sum();
    let generated = (4..).map(|number| format!("sku-{number}"));
    let skus = ["milk", "bread", "eggs"]
        .map(String::from)
        .into_iter()
        .chain(generated);
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

/// Returns an online order of 2 milk and 1 bread.
fn online_order() -> Order {
    order("online", "inclusive", &[(2, 100, 0, 0), (1, 250, 0, 0)])
}

/// Returns the context of a refund at the order's location on its business date.
fn refund_context(order: &Order) -> RefundContext {
    RefundContext {
        refund_id: RefundId::derive(order.order_id, "till", "r1"),
        location_id: order.location_id.clone(),
        business_date: order.business_date,
        at: now(),
    }
}

fn refund(
    order: &Order,
    lines: &[(u16, i64, bool)],
) -> Result<(Refund, Order), OrderRequestRefused> {
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
    body.refund(refund_context(order), order)
}

fn fulfilment(
    order: &Order,
    lines: Option<&[(u16, i64)]>,
) -> Result<(Fulfilment, Order), OrderRequestRefused> {
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

fn excess(result: Result<(impl Sized, Order), OrderRequestRefused>) -> Vec<(u16, i64, i64)> {
    match result.map(|_| ()) {
        Err(OrderRequestRefused::TooMuch(lines)) => lines
            .iter()
            .map(|line| (line.line, line.requested, line.possible))
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// An order, an action tried on it, and the resulting order unless the action was refused.
type Attempt = (Order, OrderAction, Option<Order>);

/// Returns all orders reachable from `start`, and all actions tried on them.
fn explore(start: Order) -> (Vec<Order>, Vec<Attempt>) {
    let (mut known, mut attempts) = (vec![start], Vec::new());
    let mut next = 0;
    while let Some(order) = known.get(next).cloned() {
        next += 1;
        let is_open = order.lines.iter().any(|line| line.open_quantity() > 0);
        let rest = fulfilment(&order, None).ok();
        let mut actions = vec![
            (
                OrderAction::Cancel,
                is_open || order.canceled_at.is_some(),
                order.cancel(now()).ok(),
            ),
            (OrderAction::Fulfil, is_open, rest.map(|(_, order)| order)),
        ];
        for line in &order.lines {
            let (open, refundable) = (line.open_quantity(), line.refundable_quantity());
            for quantity in 0..=line.quantity + 1 {
                let left = order.fulfil(line.line, quantity).ok();
                actions.push((OrderAction::Fulfil, (1..=open).contains(&quantity), left));
                let back = refund(&order, &[(line.line, quantity, true)]).ok();
                let back = back.map(|(_, order)| order);
                actions.push((
                    OrderAction::Refund,
                    (1..=refundable).contains(&quantity),
                    back,
                ));
            }
        }
        for (action, possible, after) in actions {
            // The transition tables refuse no action that the quantities allow.
            assert_eq!(after.is_some(), possible, "{action} of {order:?}");
            if let Some(after) = &after
                && !known.contains(after)
            {
                known.push(after.clone());
            }
            attempts.push((order.clone(), action, after));
        }
    }
    (known, attempts)
}

#[test]
fn reachable_transitions_are_exactly_the_transition_tables() {
    let lines = [(3, 100, 0, 0), (1, 250, 0, 0)];
    let (mut orders, mut attempts) = explore(order("online", "inclusive", &lines));
    let (sales, sale_attempts) = explore(order("pos", "inclusive", &lines));
    orders.extend(sales);
    attempts.extend(sale_attempts);
    for order in &orders {
        assert_eq!(order.status, OrderStatus::of(&order.lines));
        for line in &order.lines {
            let quantities = [
                line.open_quantity(),
                line.fulfilled_quantity,
                line.canceled_quantity,
                line.returned_quantity,
                line.refundable_quantity(),
            ];
            assert!(quantities.iter().all(|quantity| *quantity >= 0), "{line:?}");
            assert_eq!(quantities[0] + quantities[1] + quantities[2], line.quantity);
        }
    }
    let (mut order_transitions, mut line_transitions) = (HashSet::new(), HashSet::new());
    for (before, action, after) in &attempts {
        let Some(after) = after else {
            continue;
        };
        if before == after {
            // Canceling an order again changes nothing.
            assert!(*action == OrderAction::Cancel && before.canceled_at.is_some());
            continue;
        }
        order_transitions.insert((before.status, *action, after.status));
        for (line, next) in before.lines.iter().zip(&after.lines) {
            if line != next {
                line_transitions.insert((line.state(), *action, next.state()));
            }
        }
    }
    let all_actions = [
        OrderAction::Fulfil,
        OrderAction::Cancel,
        OrderAction::Refund,
    ];
    let mut allowed = HashSet::new();
    for from in [
        OrderStatus::Allocated,
        OrderStatus::PartiallyFulfilled,
        OrderStatus::Fulfilled,
        OrderStatus::Canceled,
    ] {
        for action in all_actions {
            allowed.extend(from.next(action).iter().map(|to| (from, action, *to)));
        }
    }
    assert_eq!(order_transitions, allowed);
    let mut allowed = HashSet::new();
    for from in [
        LineState::Open,
        LineState::PartlyFulfilled,
        LineState::Fulfilled,
        LineState::Returned,
        LineState::Canceled,
    ] {
        for action in all_actions {
            allowed.extend(from.next(action).iter().map(|to| (from, action, *to)));
        }
    }
    assert_eq!(line_transitions, allowed);
}

#[test]
fn pos_order_is_fulfilled_and_online_order_allocated() {
    let till = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    assert_eq!(till.status, OrderStatus::Fulfilled);
    assert_eq!(till.lines[0].fulfilled_quantity, 2);
    assert_eq!(online_order().status, OrderStatus::Allocated);
    assert_eq!(online_order().lines[0].open_quantity(), 2);
}

#[test]
fn placement_sells_at_the_till_and_allocates_online() {
    let deltas = |channel: &str| {
        let mut order = order(channel, "inclusive", &[(2, 100, 0, 0), (1, 250, 0, 0)]);
        order.lines[1].sku = order.lines[0].sku.clone();
        let deltas = order.placement_deltas().into_iter();
        let changes = deltas.map(|keyed| keyed.change);
        changes
            .map(|change| (change.kind, change.on_hand_delta, change.allocated_delta))
            .collect::<Vec<_>>()
    };
    assert_eq!(deltas("pos"), [(MovementKind::Sale, -3, 0)]);
    assert_eq!(deltas("online"), [(MovementKind::Allocation, 0, 3)]);
}

#[test]
fn open_order_has_only_open_quantities() {
    let (milk, bread): (Sku, Sku) = ("milk".parse().unwrap(), "bread".parse().unwrap());
    let open_quantity = |order: &Order, sku: &Sku| {
        let open = OpenOrder::of(order);
        open.map(|open| (open.quantity_of(sku), open.lines.len()))
    };
    let order = online_order();
    assert!(order.is_open());
    assert_eq!(open_quantity(&order, &milk), Some((2, 2)));
    let partly_fulfilled = order.fulfil(2, 1).unwrap().fulfil(1, 1).unwrap();
    assert_eq!(open_quantity(&partly_fulfilled, &milk), Some((1, 1)));
    assert_eq!(open_quantity(&partly_fulfilled, &bread), Some((0, 1)));
    let fulfilled = partly_fulfilled.fulfil(1, 1).unwrap();
    assert!(!fulfilled.is_open());
    assert_eq!(open_quantity(&fulfilled, &milk), None);

    let only_milk = OpenOrder::of(&order).unwrap().only(&milk).unwrap();
    assert_eq!(
        (only_milk.lines.len(), only_milk.quantity_of(&bread)),
        (1, 0)
    );
    assert_eq!(only_milk.only(&bread), None);
}

#[test]
fn only_inclusive_tax_treatment_is_inclusive() {
    assert!(TaxTreatment::Inclusive.is_inclusive());
    assert!(!TaxTreatment::Added.is_inclusive());
}

#[test]
fn refusal_names_every_line_with_too_little() {
    let order = online_order();
    assert_eq!(
        excess(fulfilment(&order, Some(&[(1, 3), (2, 1), (2, 1)]))),
        [(1, 3, 2), (2, 2, 1)]
    );
    let partly_fulfilled = order.fulfil(1, 1).unwrap();
    assert_eq!(
        excess(refund(
            &partly_fulfilled,
            &[(1, 1, true), (1, 1, false), (2, 1, true)]
        )),
        [(1, 2, 1), (2, 1, 0)]
    );
}

/// Returns a sale of one unit each of `skus` different SKUs.
fn sale_of(skus: usize) -> Order {
    order("pos", "inclusive", &vec![(1, 100, 0, 0); skus])
}

#[test]
fn fulfilment_and_refund_accept_occurred_at_within_bounds() {
    let a_week_ago = |order| Order {
        sold_at: now() - MAX_AGE,
        ..order
    };
    let sale = a_week_ago(order("pos", "inclusive", &[(2, 100, 0, 0)]));
    let online = a_week_ago(online_order());
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
        let (refund, _) = body.refund(refund_context(&sale), &sale)?;
        Ok(refund.level_deltas(&sale).remove(0).change)
    };
    let fulfilment_at = |occurred_at: Timestamp| {
        let body = FulfilOrder {
            lines: None,
            occurred_at: Some(occurred_at),
        };
        let id = FulfilmentId::derive(online.order_id, "till", "f1");
        let (made, _) = body.fulfilment(id, &online, now())?;
        Ok(made.level_deltas(&online).remove(0).change)
    };
    let (oldest, ahead) = (now() - MAX_AGE, now() + CLOCK_TOLERANCE);
    for change_at in [
        &refund_at as &dyn Fn(_) -> Result<LevelDelta, OrderRequestRefused>,
        &fulfilment_at,
    ] {
        let late = change_at(oldest).unwrap();
        assert_eq!((late.occurred_at, late.recorded_at), (oldest, now()));
        let fast_clock = change_at(ahead).unwrap();
        assert_eq!(fast_clock.occurred_at, now());
        let second = SignedDuration::from_secs(1);
        for out_of_bounds in [oldest - second, ahead + second] {
            let Err(OrderRequestRefused::Invalid(invalid)) = change_at(out_of_bounds) else {
                panic!("{out_of_bounds} is accepted");
            };
            assert_eq!(invalid.errors[0].pointer, "/occurred_at");
        }
    }
}

/// Returns a level of 10 that was counted an hour before the order was placed, with the order placed.
fn level_counted_before(order: &Order) -> Level {
    let placement = order.placement_deltas().remove(0);
    let counted = Level {
        on_hand: 10,
        counted_at: Some(now() - SignedDuration::from_hours(1)),
        ..Level::empty(&placement.key)
    };
    counted.after(placement.change).unwrap()
}

#[test]
fn fulfilment_by_slow_clock_is_dated_at_the_order() {
    let online = online_order();
    let id = FulfilmentId::derive(online.order_id, "till", "f1");
    let fulfilment_at = |occurred_at: Timestamp| {
        let body = FulfilOrder {
            lines: None,
            occurred_at: Some(occurred_at),
        };
        let (made, _) = body.fulfilment(id, &online, now())?;
        Ok(made.level_deltas(&online).remove(0).change)
    };
    for behind in [SignedDuration::ZERO, CLOCK_TOLERANCE] {
        let change = fulfilment_at(now() - behind).unwrap();
        assert_eq!(change.occurred_at, now());
        let after = level_counted_before(&online).after(change).unwrap();
        assert_eq!((after.on_hand, after.allocated), (8, 0));
    }
    let too_slow = CLOCK_TOLERANCE + SignedDuration::from_secs(1);
    let Err(OrderRequestRefused::Invalid(invalid)) = fulfilment_at(now() - too_slow) else {
        panic!("a fulfilment before the order is accepted");
    };
    assert_eq!(invalid.errors[0].pointer, "/occurred_at");
}

#[test]
fn refund_by_slow_clock_is_dated_at_the_sale() {
    let sale = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    let body = RefundOrder {
        reason: "broken".to_owned(),
        location_id: None,
        occurred_at: Some(now() - CLOCK_TOLERANCE),
        lines: vec![RefundLine {
            line: 1,
            quantity: 2,
            restock: true,
        }],
    };
    let (refund, _) = body.refund(refund_context(&sale), &sale).unwrap();
    assert_eq!(refund.occurred_at, now());
    let change = refund.level_deltas(&sale).remove(0).change;
    let after = level_counted_before(&sale).after(change).unwrap();
    assert_eq!(after.on_hand, 10);
}
