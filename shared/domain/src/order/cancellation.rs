//! Cancels the open quantities of an order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ActionRefused, Line, Order, OrderAction, check_reason};
use crate::ids::{CancellationId, OrderId};
use crate::invalid::{Checks, Invalid};

/// The body of `POST /v1/orders/{order_id}/cancel`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Why the order is canceled, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The record of a cancellation. With it [`Order::as_canceled`] restores the order as it was right after the
/// cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// Derived from the order, the caller and its idempotency key.
    pub cancellation_id: CancellationId,
    /// The canceled order.
    pub order_id: OrderId,
    /// The returned quantities at that time, as (line number, quantity). Lines without returns are left out.
    pub returned: Vec<(u16, i64)>,
    /// Why the order was canceled, as the caller gave it.
    pub reason: Option<String>,
}

impl CancelOrder {
    /// Checks the fields.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        if let Some(reason) = &self.reason {
            check_reason(reason, &mut checks);
        }
        checks.finish(())
    }
}

impl Cancellation {
    /// Returns the record of the cancellation that led to `canceled`.
    pub fn of(cancellation_id: CancellationId, canceled: &Order, reason: Option<String>) -> Self {
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
            reason,
        }
    }
}

impl Order {
    /// Returns the order with all open quantities canceled at `at`. An order that was canceled before is returned
    /// unchanged.
    ///
    /// # Errors
    /// [`ActionRefused`] if nothing is open. Such an order can only be refunded.
    pub fn cancel(&self, at: Timestamp) -> Result<Self, ActionRefused> {
        if self.canceled_at.is_some() {
            return Ok(self.clone());
        }
        let lines = self.lines.iter().map(Line::cancel_open).collect();
        let canceled = self.transition(OrderAction::Cancel, lines)?;
        Ok(Self {
            canceled_at: Some(at),
            ..canceled
        })
    }

    /// Returns the order as it was right after `cancellation`. A replay of the request gets it as the response.
    ///
    /// Only returned quantities can differ: nothing was open, so nothing was fulfilled since.
    pub fn as_canceled(&self, cancellation: &Cancellation) -> Self {
        let returned_before = |line: &Line| {
            let mut returned = cancellation.returned.iter();
            let of_line = returned.find(|(number, _)| *number == line.line);
            of_line.map_or(0, |(_, quantity)| *quantity)
        };
        let lines = self.lines.iter().map(|line| Line {
            returned_quantity: returned_before(line),
            ..line.clone()
        });
        Self {
            lines: lines.collect(),
            ..self.clone()
        }
    }
}
