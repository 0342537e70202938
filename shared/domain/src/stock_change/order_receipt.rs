//! What a receipt or an arrival means for the replenishment order that it names.

use super::{ChangeContext, RequestedChange};
use crate::level::Level;
use crate::replenishment::{ReceiptRefused, ReplenishmentOrder};

/// A receipt of goods of one replenishment order.
pub(super) struct OrderReceipt {
    /// The order as it is stored.
    pub before: ReplenishmentOrder,
    /// The order after the receipt.
    pub after: ReplenishmentOrder,
    /// The delta of the level's `incoming`.
    pub incoming_delta: i64,
}

impl OrderReceipt {
    /// Returns the reference of the movement, if the receipt has none of its own.
    pub fn reference(&self) -> String {
        self.before.replenishment_order_id.to_string()
    }
}

impl RequestedChange {
    /// Receives goods of the order that the change names, into `level`. `None` if the change names no order.
    ///
    /// The level's `incoming` falls by what the order expects less. If less is incoming, because the level was altered by
    /// other means, nothing is incoming afterwards: goods that have arrived are never refused for that.
    ///
    /// # Errors
    /// [`ReceiptRefused`] if the order is unknown, belongs to another level, or is closed.
    pub(super) fn receive_order(
        &self,
        level: &Level,
        context: &ChangeContext<'_>,
    ) -> Result<Option<OrderReceipt>, ReceiptRefused> {
        let (Self::Receipt {
            quantity,
            replenishment_order_id: Some(_),
            ..
        }
        | Self::Arrival {
            quantity,
            replenishment_order_id: Some(_),
            ..
        }) = self
        else {
            return Ok(None);
        };
        let before = context
            .replenishment_order
            .filter(|order| order.location_id == level.location_id && order.sku == level.sku)
            .ok_or(ReceiptRefused::Unknown)?;
        let after = before.receive(*quantity, context.now)?;
        let expected_less = before.expected() - after.expected();
        Ok(Some(OrderReceipt {
            incoming_delta: -expected_less.min(level.incoming),
            before: before.clone(),
            after,
        }))
    }
}
