//! What people ship: the orders with open quantities, and what they weigh.

use jiff::Timestamp;
use serde::Serialize;

use crate::ids::{OrderId, Sku};
use crate::measures::{Measures, MeasuresBySku, Totals, measures_of};
use crate::millis;
use crate::open_order::{OpenLine, OpenOrder};
use crate::order::{Channel, Order};

/// The open quantities of an order, with their weight and volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenShipment {
    /// The order.
    pub order_id: OrderId,
    /// How it was sold.
    pub channel: Channel,
    /// When Stockline received it.
    #[serde(serialize_with = "millis::serialize")]
    pub placed_at: Timestamp,
    /// The caller's own number for the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// The open lines, at least one.
    pub lines: Vec<OpenLine>,
    /// The sums over the open lines.
    #[serde(flatten)]
    pub totals: Totals,
}

impl OpenShipment {
    /// Returns the open quantities of `order`. `None` if no line is open.
    pub fn of(order: &Order, known: &MeasuresBySku) -> Option<Self> {
        let open = OpenOrder::of(order)?;
        let lines = open.lines.iter();
        let totals = Totals::of(lines.map(|line| (&line.sku, line.open_quantity)), known);
        Some(Self {
            order_id: open.order_id,
            channel: open.channel,
            placed_at: open.placed_at,
            external_reference: order.external_reference.clone(),
            lines: open.lines,
            totals,
        })
    }
}

/// Weight and volume of an order, by line, in total and of what is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderWeight {
    /// The order.
    pub order_id: OrderId,
    /// The lines, in the order of the request.
    pub lines: Vec<LineWeight>,
    /// The sums of the quantities that were not canceled.
    pub total: Totals,
    /// The sums of the open quantities: what is still to be shipped.
    pub open: Totals,
}

/// Weight and volume of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineWeight {
    /// The line of the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The quantity that was not canceled.
    pub quantity: i64,
    /// The part of the quantity that is open.
    pub open_quantity: i64,
    /// Weight and volume of `quantity`.
    #[serde(flatten)]
    pub measures: Measures,
}

impl OrderWeight {
    /// Returns what `order` weighs.
    pub fn of(order: &Order, known: &MeasuresBySku) -> Self {
        let lines = order.lines.iter();
        let lines = lines.map(|line| LineWeight {
            line: line.line,
            sku: line.sku.clone(),
            quantity: line.sold_quantity(),
            open_quantity: line.open_quantity(),
            measures: measures_of(&line.sku, line.sold_quantity(), known),
        });
        let lines: Vec<LineWeight> = lines.collect();
        let total = lines.iter().map(|line| (&line.sku, line.quantity));
        let open = lines.iter().map(|line| (&line.sku, line.open_quantity));
        Self {
            order_id: order.order_id,
            total: Totals::of(total, known),
            open: Totals::of(open, known),
            lines,
        }
    }
}
