//! What orders and refunds add to the tally.

mod properties;

use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::ids::{OrderId, RefundId};
use crate::order::{Order, Refund, RefundContext, RefundLine, RefundOrder, TaxTreatment};
use crate::place_order::PlaceOrder;

/// An online order of `quantities` of milk, bread and milk, at 1.99 with 0.10 discount and 0.13 tax a line.
fn order(key: &str, treatment: &str, quantities: [i64; 3]) -> Order {
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let lines: Vec<_> = ["milk", "bread", "milk"]
        .iter()
        .zip(quantities)
        .map(|(sku, quantity)| {
            json!({"sku": sku, "quantity": quantity, "unit_price": money(199), "discount": money(10),
                   "tax": money(13)})
        })
        .collect();
    let net: i64 = quantities.iter().map(|quantity| quantity * 199 - 10).sum();
    let total = if treatment == "added" { net + 39 } else { net };
    let body: PlaceOrder = serde_json::from_value(json!({
        "location_id": "store-1", "channel": "online", "currency": "EUR", "tax_treatment": treatment,
        "lines": lines, "total": money(total),
    }))
    .unwrap();
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    body.order(OrderId::derive("till", key), now, &TimeZone::UTC, 0)
        .unwrap()
}

/// Refunds one unit of line 1 of `order`, of which it must have left.
fn refund_one(order: &Order, key: &str) -> (Refund, Order) {
    let body = RefundOrder {
        reason: "sour".to_owned(),
        location_id: None,
        occurred_at: None,
        lines: vec![RefundLine {
            line: 1,
            quantity: 1,
            restock: true,
        }],
    };
    let context = RefundContext {
        refund_id: RefundId::derive(order.order_id, "till", key),
        location_id: "store-2".parse().unwrap(),
        business_date: date(2026, 3, 2),
        at: order.placed_at,
    };
    body.refund(context, order).unwrap()
}

fn contribution(order: &Order, revision: u64) -> Contribution {
    let version = OrderVersion {
        order: order.clone(),
        revision,
    };
    Contribution::of_order(&version, 12).unwrap()
}

#[test]
fn lines_of_one_sku_are_merged() {
    let milk_twice = contribution(&order("a", "added", [2, 1, 3]), 1);
    let skus: Vec<(&str, i64)> = milk_twice
        .lines
        .iter()
        .map(|line| (line.sku.as_str(), line.quantity))
        .collect();
    assert_eq!(skus, [("bread", 1), ("milk", 5)]);
    let milk = &milk_twice.lines[1];
    assert_eq!(
        (milk.gross, milk.net, milk.tax, milk.total),
        (5 * 199, 5 * 199 - 20, 26, 5 * 199 + 6)
    );
    let figures = milk_twice.figures().unwrap();
    assert_eq!((figures.orders, figures.units), (1, 6));
    assert_eq!(figures.total, milk_twice.lines[0].total + milk.total);
}

#[test]
fn canceled_order_is_counted_and_not_summed() {
    let placed = order("a", "added", [1, 1, 1]);
    let canceled = contribution(&placed.cancel(placed.placed_at).unwrap(), 2);
    assert_eq!(
        canceled.figures().unwrap(),
        Figures {
            canceled_orders: 1,
            ..Figures::default()
        }
    );
    let stored = contribution(&placed, 1);
    let write = TallyWrite::next(Some(&stored), None, canceled).unwrap();
    let difference = write.unwrap().difference;
    assert_eq!(
        (difference.orders, difference.canceled_orders),
        (-1, 1),
        "{difference:?}"
    );
    assert_eq!(difference.total, -stored.figures().unwrap().total);
}

#[test]
fn refund_is_tallied_at_its_own_place_and_day() {
    for (treatment, net) in [("inclusive", 194), ("added", 194)] {
        let sold = order("a", treatment, [2, 1, 1]).fulfil(1, 2).unwrap();
        let (refund, after) = refund_one(&sold, "r");
        let tallied = Contribution::of_refund(&refund, sold.tax_treatment, 9).unwrap();
        assert_eq!(tallied.cell.location_id.as_str(), "store-2");
        assert_eq!(tallied.cell.business_date, date(2026, 3, 2));
        let figures = tallied.figures().unwrap();
        assert_eq!(
            (figures.refunds, figures.refunded_units, figures.orders),
            (1, 1, 0)
        );
        assert_eq!(figures.refunded_net, net);
        let added = if sold.tax_treatment == TaxTreatment::Added {
            figures.refunded_tax
        } else {
            0
        };
        assert_eq!(figures.refunded_total, net + added);
        assert_eq!(changes_sales(&sold, &after), Ok(false));
    }
}

#[test]
fn hour_of_the_first_contribution_is_kept() {
    let placed = order("a", "added", [3, 1, 1]);
    let stored = contribution(&placed, 1);
    let part = placed.fulfil(1, 1).unwrap();
    let mut later = contribution(&part.cancel(part.placed_at).unwrap(), 3);
    later.cell.hour = 5;
    let write = TallyWrite::next(Some(&stored), None, later)
        .unwrap()
        .unwrap();
    assert_eq!(write.contribution.cell.hour, 12);
    assert_eq!(write.replaces, Some(1));
}

#[test]
fn expired_contribution_is_replaced_by_the_difference() {
    let placed = order("a", "added", [1, 1, 1]);
    let before = contribution(&placed, 1);
    let canceled = contribution(&placed.cancel(placed.placed_at).unwrap(), 2);
    let write = TallyWrite::next(None, Some(&before), canceled)
        .unwrap()
        .unwrap();
    assert_eq!(write.replaces, None);
    assert_eq!(write.difference.orders, -1);
    let day = 24 * 3600;
    let later = |days: i64| {
        placed
            .placed_at
            .checked_add(jiff::SignedDuration::from_secs(days * day + 1))
            .unwrap()
    };
    assert!(!TallyWrite::may_have_expired(placed.placed_at, later(399)));
    assert!(TallyWrite::may_have_expired(placed.placed_at, later(400)));
}

#[test]
fn repeated_hour_at_end_of_dst_is_one_hour() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let hour = |at: &str| local_hour(at.parse().unwrap(), &berlin);
    assert_eq!(hour("2026-10-25T00:30:00Z"), 2);
    assert_eq!(hour("2026-10-25T01:30:00Z"), 2);
    assert_eq!(hour("2026-03-29T01:00:00Z"), 3);
}

#[test]
fn range_has_1_to_92_dates() {
    let from = date(2026, 3, 1);
    for (to, is_valid) in [
        (date(2026, 2, 28), false),
        (from, true),
        (date(2026, 5, 31), true),
        (date(2026, 6, 1), false),
        (date(9999, 12, 31), false),
    ] {
        let range = ReportRange::new(from, to);
        assert_eq!(range.is_ok(), is_valid, "{to}: {range:?}");
    }
    let long = ReportRange::new(from, date(2026, 6, 1)).unwrap_err();
    assert_eq!(
        long.to_string(),
        "to must be at most 92 business dates from 2026-03-01, counting both, got 93"
    );
}

#[test]
fn line_reports_reach_back_398_days() {
    let now = "2027-04-03T12:00:00Z".parse().unwrap();
    let of = |from| ReportRange::new(from, from).unwrap();
    assert_eq!(of(date(2026, 3, 1)).check_lines_are_kept(now), Ok(()));
    let refused = of(date(2026, 2, 28)).check_lines_are_kept(now).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "from must not be before 2026-03-01 in reports by category and sku"
    );
}

#[test]
fn rows_of_one_category_are_summed() {
    let mut sums = ReportSums::default();
    let at = "2026-03-01T12:00:00Z".parse().unwrap();
    let tallied = contribution(&order("a", "inclusive", [1, 2, 1]), 1);
    sums.add_contribution(&tallied, at).unwrap();
    let by_sku: Vec<i64> = sums.rows.values().map(|figures| figures.units).collect();
    assert_eq!(by_sku, [2, 2]);
    let totals = sums.totals.clone();
    let food = |_| RowKey::Category(Some("food".to_owned()));
    let by_category = sums.regroup(food).unwrap();
    assert_eq!(by_category.rows.len(), 1);
    let figures = by_category.rows.values().next().unwrap();
    assert_eq!((figures.units, figures.orders), (4, 0));
    assert_eq!(by_category.totals, totals);
    assert_eq!(by_category.as_of, Some(at));
}
