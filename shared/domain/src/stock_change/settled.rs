//! Settles a receipt with the replenishment order that it names.

use jiff::Timestamp;

use super::{ChangeRefused, RequestedChange};
use crate::level::Level;
use crate::replenishment::{ReceiptRefused, ReplenishmentOrder};

/// A change of stock with the replenishment order that it receives goods of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledChange {
    /// The levels after the change, with what is still incoming.
    pub levels: Vec<Level>,
    /// The order before and after the change. `None` if the change names no order.
    pub order: Option<(ReplenishmentOrder, ReplenishmentOrder)>,
}

/// Settles `change` with the replenishment order that it names. `levels` are the levels after the change, and `order` is
/// what is stored under the order's id.
///
/// The level's `incoming` falls by what the order expects less. If less is incoming, because the level was altered by other
/// means, nothing is incoming afterwards: goods that have arrived are never refused for that.
///
/// # Errors
/// [`ChangeRefused::ReplenishmentOrder`] if the order is unknown, belongs to another level, or is closed.
pub fn settle_change(
    change: &RequestedChange,
    order: Option<&ReplenishmentOrder>,
    mut levels: Vec<Level>,
    now: Timestamp,
) -> Result<SettledChange, ChangeRefused> {
    let RequestedChange::Receipt {
        quantity,
        replenishment_order_id: Some(_),
        ..
    } = change
    else {
        return Ok(SettledChange {
            levels,
            order: None,
        });
    };
    let level = levels.first_mut().ok_or(ReceiptRefused::Unknown)?;
    let before = order
        .filter(|order| order.location_id == level.location_id && order.sku == level.sku)
        .ok_or(ReceiptRefused::Unknown)?;
    let after = before.receive(*quantity, now)?;
    let arrived = (before.expected() - after.expected()).min(level.incoming);
    level.incoming -= arrived;
    if let Some(last_change) = &mut level.last_change {
        last_change.states.incoming_delta = -arrived;
        if last_change.reference.is_none() {
            last_change.reference = Some(before.replenishment_order_id.to_string());
        }
    }
    Ok(SettledChange {
        levels,
        order: Some((before.clone(), after)),
    })
}
