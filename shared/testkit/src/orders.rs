//! Orders to test with.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stockline_domain::ids::OrderId;
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
    let body: PlaceOrder = serde_json::from_value(order_body(location, channel, lines)).unwrap();
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    body.order(OrderId::derive("till-1", key), now, &TimeZone::UTC, 0)
        .unwrap()
}
