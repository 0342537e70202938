//! Orders: their lines, their status, and the actions on them: fulfil, cancel, refund.

mod cancellation;
mod fulfilment;
mod level_deltas;
mod line;
mod refund;
mod shipment;
mod transitions;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, OrderId};
use crate::level::MovementKind;
use crate::millis;
use crate::money::{Currency, Money};

pub use cancellation::{CancelOrder, Cancellation};
pub use fulfilment::{FulfilLine, FulfilOrder, FulfilledLine, Fulfilment, NotFulfillable};
pub use level_deltas::{KeyedDelta, SkuQuantity};
pub use line::{Line, LineAmounts, LineExcess, OrderRequestRefused, TaxTreatment};
pub use refund::{Refund, RefundContext, RefundLine, RefundOrder, RefundedLine, check_reason};
pub use shipment::{CompleteOrder, MAX_PARCELS, Parcel, Shipment};
pub use transitions::{ActionRefused, LineState, OrderAction, OrderStatus};

/// The sales channel of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Sold at the till: the goods leave at once.
    Pos,
    /// Ordered online: the goods are allocated, then shipped.
    Online,
    /// Ordered online and collected in the store: the goods are allocated, then handed over.
    ClickAndCollect,
}

impl Channel {
    /// Returns the kind of the movements that placing an order makes.
    pub fn placement_kind(self) -> MovementKind {
        match self {
            Self::Pos => MovementKind::Sale,
            Self::Online | Self::ClickAndCollect => MovementKind::Allocation,
        }
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Derived from the caller and its idempotency key.
    pub order_id: OrderId,
    /// The store that sold the order, or the warehouse that ships it.
    pub location_id: LocationId,
    /// The sales channel.
    pub channel: Channel,
    /// The status, derived from the lines by [`OrderStatus::of`].
    pub status: OrderStatus,
    /// The store's trading day at the time of the sale. It never changes.
    pub business_date: Date,
    /// When Stockline received the order.
    #[serde(serialize_with = "millis::serialize")]
    pub placed_at: Timestamp,
    /// When the store sold the order, by the caller's clock.
    #[serde(serialize_with = "millis::serialize")]
    pub sold_at: Timestamp,
    /// The currency of all amounts of the order.
    pub currency: Currency,
    /// Whether prices include tax.
    #[serde(default)]
    pub tax_treatment: TaxTreatment,
    /// The lines, in the order of the request.
    pub lines: Vec<Line>,
    /// The sum of the lines' totals.
    pub total: Money,
    /// The caller's own number for the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// When the open quantities were canceled.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    pub canceled_at: Option<Timestamp>,
}

impl Order {
    /// Returns whether any line has an open quantity. Only an open order holds stock.
    pub fn is_open(&self) -> bool {
        self.lines.iter().any(|line| line.open_quantity() > 0)
    }

    /// Returns the order as it was when it was placed. A replay of the request gets it as the response.
    pub fn as_placed(&self) -> Self {
        let left_at_once = self.channel == Channel::Pos;
        let lines: Vec<Line> = self
            .lines
            .iter()
            .map(|line| Line {
                fulfilled_quantity: if left_at_once { line.quantity } else { 0 },
                canceled_quantity: 0,
                returned_quantity: 0,
                ..line.clone()
            })
            .collect();
        Self {
            status: OrderStatus::of(&lines),
            lines,
            canceled_at: None,
            ..self.clone()
        }
    }

    /// Returns the order with `lines` if the transition tables of orders and lines allow `action` to lead there.
    fn transition(&self, action: OrderAction, lines: Vec<Line>) -> Result<Self, ActionRefused> {
        let status = OrderStatus::of(&lines);
        let is_allowed_for_lines =
            self.lines.iter().zip(&lines).all(|(before, after)| {
                before == after || before.state().allows(action, after.state())
            });
        if is_allowed_for_lines && self.status.allows(action, status) {
            Ok(Self {
                status,
                lines,
                ..self.clone()
            })
        } else {
            Err(ActionRefused {
                status: self.status,
                action,
            })
        }
    }

    /// Returns the index in `lines` of the line with `number`.
    fn index_of(&self, number: u16) -> Option<usize> {
        self.lines.iter().position(|line| line.line == number)
    }
}

#[cfg(test)]
mod tests;
