//! The stock that an order holds at its location.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, Sku};
use crate::order::{Channel, Line, Order};

/// An order with an open quantity: something has neither left nor been canceled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrder {
    /// The order's id.
    pub order_id: OrderId,
    /// How it was sold.
    pub channel: Channel,
    /// When Stockline received it.
    #[serde(serialize_with = "crate::millis::serialize")]
    pub placed_at: Timestamp,
    /// Its open lines, at least one.
    pub lines: Vec<OpenLine>,
}

/// A line with an open quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLine {
    /// The line number in the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The open quantity, at least 1.
    pub open_quantity: i64,
}

impl OpenOrder {
    /// Returns the open lines of `order`. `None` if no line is open.
    pub fn of(order: &Order) -> Option<Self> {
        Self::of_lines(order.order_id, order.channel, order.placed_at, &order.lines)
    }

    /// Returns the open ones of `lines`. `None` if no line is open.
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

    /// Returns the open quantity of `sku`, summed over the lines.
    pub fn quantity_of(&self, sku: &Sku) -> i64 {
        let lines = self.lines.iter().filter(|line| line.sku == *sku);
        lines.map(|line| line.open_quantity).sum()
    }

    /// Returns this order with only its lines of `sku`. `None` if it has none.
    pub fn only(mut self, sku: &Sku) -> Option<Self> {
        self.lines.retain(|line| line.sku == *sku);
        (!self.lines.is_empty()).then_some(self)
    }
}
