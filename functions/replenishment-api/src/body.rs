//! The JSON form of a replenishment order.

use jiff::Timestamp;
use serde::Serialize;
use stockline_domain::ids::{LocationId, ReplenishmentOrderId, Sku};
use stockline_domain::millis;
use stockline_domain::replenishment::{OrderReasons, ReplenishmentOrder, ReplenishmentState};

/// An order with `expected_quantity`, without its version and that of the alert.
#[derive(Debug, Serialize)]
pub struct OrderBody<'a> {
    replenishment_order_id: ReplenishmentOrderId,
    location_id: &'a LocationId,
    sku: &'a Sku,
    cycle: u64,
    state: ReplenishmentState,
    quantity: i64,
    received_quantity: i64,
    expected_quantity: i64,
    reasons: OrderReasons,
    #[serde(serialize_with = "millis::serialize")]
    placed_at: Timestamp,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    closed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canceled_by: Option<&'a str>,
}

impl<'a> From<&'a ReplenishmentOrder> for OrderBody<'a> {
    fn from(order: &'a ReplenishmentOrder) -> Self {
        Self {
            replenishment_order_id: order.replenishment_order_id,
            location_id: &order.location_id,
            sku: &order.sku,
            cycle: order.cycle,
            state: order.state,
            quantity: order.quantity,
            received_quantity: order.received_quantity,
            expected_quantity: order.expected(),
            reasons: order.reasons,
            placed_at: order.placed_at,
            closed_at: order.closed_at,
            canceled_by: order.canceled_by.as_deref(),
        }
    }
}
