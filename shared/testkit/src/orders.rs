//! Orders to test with.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stockline_domain::ids::{FulfilmentId, OrderId, RefundId};
use stockline_domain::order::Order;
use stockline_domain::place_order::PlaceOrder;

/// The body of an order of `(sku, quantity)` lines, each unit at 1.00 EUR.
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

/// The order that `key` places at noon of 1 March 2026, UTC.
pub fn order(key: &str, location: &str, channel: &str, lines: &[(&str, i64)]) -> Order {
    order_of(key, order_body(location, channel, lines))
}

/// A line with all that a line may have, amounts in cents of EUR.
#[derive(Debug, Clone)]
pub struct TaxedLine {
    /// The stock keeping unit.
    pub sku: String,
    /// How much.
    pub quantity: i64,
    /// Price of one.
    pub unit_price: i64,
    /// Taken off the line.
    pub discount: i64,
    /// Tax in the line.
    pub tax: i64,
    /// What one cost.
    pub unit_cost: i64,
}

/// The order of `lines` that `key` places at noon of 1 March 2026, UTC, with `key` as the caller's number.
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

/// The refund of `order` that the till which placed it makes under `key`.
pub fn refund_id(order: &Order, key: &str) -> RefundId {
    RefundId::derive(order.order_id, "till-1", key)
}

/// The fulfilment of `order` that the till which placed it makes under `key`.
pub fn fulfilment_id(order: &Order, key: &str) -> FulfilmentId {
    FulfilmentId::derive(order.order_id, "till-1", key)
}

/// The order that `body` asks for under `key` at noon of 1 March 2026, UTC.
pub fn order_of(key: &str, body: Value) -> Order {
    let body: PlaceOrder = serde_json::from_value(body).unwrap();
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    body.order(OrderId::derive("till-1", key), now, &TimeZone::UTC, 0)
        .unwrap()
}
