//! What is open of an order is given up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Line, Order, Step, StepRefused, check_reason};
use crate::ids::{CancellationId, OrderId};
use crate::invalid::{Checks, Invalid};

/// The body of `POST /v1/orders/{order_id}/cancel`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Why, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How an order was canceled: what [`Order::as_canceled`] needs beside the order, whatever happens to it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// Derived from order, caller and idempotency key.
    pub cancellation_id: CancellationId,
    /// The order.
    pub order_id: OrderId,
    /// By its number, how much of each line had come back by then; only of those of which something had.
    pub returned: Vec<(u16, i64)>,
}

impl CancelOrder {
    /// Whether it meets the rules.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        if let Some(reason) = &self.reason {
            check_reason(reason, &mut checks);
        }
        checks.finish(())
    }
}

impl Cancellation {
    /// How `canceled` was canceled just now.
    pub fn of(cancellation_id: CancellationId, canceled: &Order) -> Self {
        let returned = |line: &Line| (line.line, line.returned_quantity);
        Self {
            cancellation_id,
            order_id: canceled.order_id,
            returned: canceled
                .lines
                .iter()
                .map(returned)
                .filter(|(_, quantity)| *quantity > 0)
                .collect(),
        }
    }
}

impl Order {
    /// The order with everything that was open of it canceled at `at`; canceled once, it stays as it is.
    ///
    /// # Errors
    /// Nothing of it is open any more: it can be refunded.
    pub fn cancel(&self, at: Timestamp) -> Result<Self, StepRefused> {
        if self.canceled_at.is_some() {
            return Ok(self.clone());
        }
        let lines = self.lines.iter().map(Line::cancel_open).collect();
        let canceled = self.go(Step::Cancel, lines)?;
        Ok(Self {
            canceled_at: Some(at),
            ..canceled
        })
    }

    /// The order as it was answered when it was canceled: what a replay answers. Nothing of it has left since, for
    /// nothing was open.
    pub fn as_canceled(&self, cancellation: &Cancellation) -> Self {
        let returned_then = |line: &Line| {
            let mut returned = cancellation.returned.iter();
            let of_line = returned.find(|(number, _)| *number == line.line);
            of_line.map_or(0, |(_, quantity)| *quantity)
        };
        let lines = self.lines.iter().map(|line| Line {
            returned_quantity: returned_then(line),
            ..line.clone()
        });
        Self {
            lines: lines.collect(),
            ..self.clone()
        }
    }
}
