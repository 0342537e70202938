//! An order: what was sold, and how far it has gone.

mod cancellation;
mod fulfilment;
mod life;
mod line;
mod movements;
mod refund;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, OrderId};
use crate::level::MovementKind;
use crate::millis;
use crate::money::{Currency, Money};

pub use cancellation::{CancelOrder, Cancellation};
pub use fulfilment::{FulfilLine, FulfilOrder, FulfilledLine, Fulfilment, NotFulfillable};
pub use life::{LineState, OrderStatus, Step, StepRefused};
pub use line::{Line, LineAmounts, LineExcess, NotPossible, TaxTreatment};
pub use movements::{LevelChange, SkuQuantity};
pub use refund::{Refund, RefundLine, RefundOrder, RefundPlace, RefundedLine, check_reason};

/// How an order was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// At the till: the goods leave at once.
    Pos,
    /// Online: the goods are allocated, then sent.
    Online,
    /// Online, fetched in the store: allocated, then handed over.
    ClickAndCollect,
}

impl Channel {
    /// The movement that placing an order of this channel makes.
    pub fn placing(self) -> MovementKind {
        match self {
            Self::Pos => MovementKind::Sale,
            Self::Online | Self::ClickAndCollect => MovementKind::Allocation,
        }
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Derived from caller and idempotency key.
    pub order_id: OrderId,
    /// The store that sold it, or the warehouse that sends it.
    pub location_id: LocationId,
    /// How it was sold.
    pub channel: Channel,
    /// Where it is in its life: [`OrderStatus::of`] its lines.
    pub status: OrderStatus,
    /// The store's trading day, fixed at the sale.
    pub business_date: Date,
    /// When Stockline took it.
    #[serde(serialize_with = "millis::serialize")]
    pub placed_at: Timestamp,
    /// When the store sold it.
    #[serde(serialize_with = "millis::serialize")]
    pub sold_at: Timestamp,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// Whether its prices hold their tax.
    #[serde(default)]
    pub tax_treatment: TaxTreatment,
    /// What was sold, in the order it was given.
    pub lines: Vec<Line>,
    /// The sum of the lines' totals.
    pub total: Money,
    /// The caller's own number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// When what was open of it was canceled.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    pub canceled_at: Option<Timestamp>,
}

impl Order {
    /// Whether something of it is still to leave: then it holds stock, and only then.
    pub fn is_open(&self) -> bool {
        self.lines.iter().any(|line| line.open_quantity() > 0)
    }

    /// The order as it was answered when it was placed, whatever has happened since: what a replay answers.
    pub fn as_placed(&self) -> Self {
        let gone = self.channel == Channel::Pos;
        let lines: Vec<Line> = self
            .lines
            .iter()
            .map(|line| Line {
                fulfilled_quantity: if gone { line.quantity } else { 0 },
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

    /// The order with `lines`, where its table and theirs allow `step` to lead there.
    fn go(&self, step: Step, lines: Vec<Line>) -> Result<Self, StepRefused> {
        let status = OrderStatus::of(&lines);
        let lines_may = self
            .lines
            .iter()
            .zip(&lines)
            .all(|(before, after)| before == after || before.state().may(step, after.state()));
        if lines_may && self.status.may(step, status) {
            Ok(Self {
                status,
                lines,
                ..self.clone()
            })
        } else {
            Err(StepRefused {
                status: self.status,
                step,
            })
        }
    }

    /// The place in `lines` of the line numbered `number`.
    fn place_of(&self, number: u16) -> Option<usize> {
        self.lines.iter().position(|line| line.line == number)
    }
}

#[cfg(test)]
mod tests;
