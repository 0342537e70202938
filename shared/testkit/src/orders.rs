//! Builds orders.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stockline_domain::ids::{FulfilmentId, OrderId, RefundId};
use stockline_domain::order::Order;
use stockline_domain::place_order::PlaceOrder;

/// The body of a `POST /v1/orders` with `(sku, quantity)` lines, at a unit price of 1.00 EUR.
pub fn order_body(location: &str, channel: &str, lines: &[(&str, i64)]) -> Value {
    let total: i64 = lines.iter().map(|(_, quantity)| quantity * 100).sum();
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, quantity)| {
            json!({"sku": sku, "quantity": quantity, "unit_price": {"amount": 100, "currency": "EUR"}})
        })
        .collect();
    json!({
        "location_id": location, "channel": channel, "currency": "EUR",
        "lines": lines, "total": {"amount": total, "currency": "EUR"},
    })
}

/// The order that `till-1` places at 2026-03-01T12:00:00Z under the idempotency key `key`, at a unit price of 1.00 EUR.
pub fn order(key: &str, location: &str, channel: &str, lines: &[(&str, i64)]) -> Order {
    order_of(key, order_body(location, channel, lines))
}

/// A line with every optional amount. Amounts are in EUR cents.
#[derive(Debug, Clone)]
pub struct TaxedLine {
    /// The stock keeping unit.
    pub sku: String,
    /// The quantity.
    pub quantity: i64,
    /// The price of one unit.
    pub unit_price: i64,
    /// The discount on the line.
    pub discount: i64,
    /// The tax included in the line.
    pub tax: i64,
    /// The cost of one unit.
    pub unit_cost: i64,
}

/// As [`order`], with every optional amount and `key` as the `external_reference`.
pub fn taxed_order(key: &str, location: &str, channel: &str, lines: &[TaxedLine]) -> Order {
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let total: i64 = lines
        .iter()
        .map(|line| line.quantity * line.unit_price - line.discount)
        .sum();
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "sku": line.sku, "quantity": line.quantity, "unit_price": money(line.unit_price),
                "discount": money(line.discount), "tax": money(line.tax), "unit_cost": money(line.unit_cost),
            })
        })
        .collect();
    let body = json!({
        "location_id": location, "channel": channel, "currency": "EUR", "external_reference": key,
        "lines": lines, "total": money(total),
    });
    order_of(key, body)
}

/// The id of the refund of `order` by `till-1` under the idempotency key `key`.
pub fn refund_id(order: &Order, key: &str) -> RefundId {
    RefundId::derive(order.order_id, "till-1", key)
}

/// The id of the fulfilment of `order` by `till-1` under the idempotency key `key`.
pub fn fulfilment_id(order: &Order, key: &str) -> FulfilmentId {
    FulfilmentId::derive(order.order_id, "till-1", key)
}

/// The order that `till-1` places with `body` at 2026-03-01T12:00:00Z under the idempotency key `key`.
pub fn order_of(key: &str, body: Value) -> Order {
    let body: PlaceOrder = serde_json::from_value(body).unwrap();
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    body.order(OrderId::derive("till-1", key), now, &TimeZone::UTC, 0)
        .unwrap()
}
