//! What an order holds of its location's stock.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, Sku};
use crate::order::{Channel, Line, Order};

/// An order of which something is still to leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrder {
    /// The order.
    pub order_id: OrderId,
    /// How it was sold.
    pub channel: Channel,
    /// When Stockline took it.
    #[serde(serialize_with = "crate::millis::serialize")]
    pub placed_at: Timestamp,
    /// Its open lines, at least one.
    pub lines: Vec<OpenLine>,
}

/// A line of which something is still to leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// What is still to leave, at least 1.
    pub open_quantity: i64,
}

impl OpenOrder {
    /// What `order` holds; none where it holds nothing.
    pub fn of(order: &Order) -> Option<Self> {
        Self::of_lines(order.order_id, order.channel, order.placed_at, &order.lines)
    }

    /// What an order of `lines` holds; none where it holds nothing.
    pub fn of_lines(
        order_id: OrderId,
        channel: Channel,
        placed_at: Timestamp,
        lines: &[Line],
    ) -> Option<Self> {
        let lines: Vec<OpenLine> = lines
            .iter()
            .filter(|line| line.open_quantity() > 0)
            .map(|line| OpenLine {
                line: line.line,
                sku: line.sku.clone(),
                open_quantity: line.open_quantity(),
            })
            .collect();
        (!lines.is_empty()).then_some(Self {
            order_id,
            channel,
            placed_at,
            lines,
        })
    }

    /// How much of `sku` it holds, all its lines together.
    pub fn quantity_of(&self, sku: &Sku) -> i64 {
        let lines = self.lines.iter().filter(|line| line.sku == *sku);
        lines.map(|line| line.open_quantity).sum()
    }

    /// This order with its lines of `sku` alone; none where it holds nothing of it.
    pub fn only(mut self, sku: &Sku) -> Option<Self> {
        self.lines.retain(|line| line.sku == *sku);
        (!self.lines.is_empty()).then_some(self)
    }
}
