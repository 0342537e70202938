//! Replenishment orders: when a level is reordered, how much of it, and what receipts leave expected.
//!
//! - A level has at most one open order. The orders of a level are numbered by cycle, from 1, and a cycle starts only
//!   after the order before it is closed. The id of an order is derived from its level and cycle.
//! - `incoming` of a level is what its open order still expects. An order that is placed raises it, a receipt or a
//!   cancellation lowers it, each in the write of the order itself.
//! - So the rule may run any number of times: the second run finds the order open.

mod order;

use serde::{Deserialize, Serialize};

use crate::ids::ReplenishmentOrderId;
use crate::level::{Level, ReorderPolicy, ReplenishmentMode};

pub use order::{
    ClosedOrder, OrderReasons, ReceiptRefused, ReplenishmentOrder, ReplenishmentState, UnknownState,
};

/// The last cycle of a level: the order that was placed last, and whether it is open. The default is a level without
/// orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplenishmentCycle {
    /// The number of the cycle. 0 before the first order.
    pub last_cycle: u64,
    /// The version of the level that the order was decided on. Alerts that this version and earlier ones raised are handled.
    pub decided_version: u64,
    /// The order, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_order: Option<ReplenishmentOrderId>,
    /// Whether the order was canceled. Then only an alert orders again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_canceled: bool,
}

/// What asks for an order of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderTrigger {
    /// This version of the level raised an alert.
    Alert(u64),
    /// This version of the level is due, see [`is_order_due`], without a new alert.
    Due(u64),
}

impl OrderTrigger {
    /// The version of the level that asks.
    pub fn level_version(self) -> u64 {
        match self {
            Self::Alert(version) | Self::Due(version) => version,
        }
    }
}

/// Why no order is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoOrder {
    /// The level has no policy.
    #[error("the level has no policy")]
    NoPolicy,
    /// The policy leaves ordering to people.
    #[error("the policy is manual")]
    Manual,
    /// The level has an open order.
    #[error("order {0} is open")]
    OrderOpen(ReplenishmentOrderId),
    /// The last order was decided on what the alert reports, or on what came after. It is closed by now, and was perhaps
    /// canceled by a person.
    #[error("an earlier order answered the alert")]
    AlertHandled,
    /// The last order was canceled by a person, and no alert was raised since.
    #[error("the last order was canceled, and only an alert orders again")]
    Canceled,
    /// What is available and expected is above the reorder point, or reaches the target level.
    #[error("{projected} is projected, which is enough")]
    Enough {
        /// The projected quantity.
        projected: i64,
    },
}

/// Returns the quantity that will be available once everything expected has arrived: available + incoming.
///
/// Backorders are taken off: while a level is short, its available quantity is negative by what it owes.
pub fn projected(level: &Level) -> i64 {
    level.available().saturating_add(level.incoming)
}

/// Returns why and how much of `level` to order; the quantity is [`OrderReasons::quantity`].
///
/// # Errors
/// [`NoOrder`] if the policy is missing or manual, or if the projected quantity is above the reorder point.
pub fn order_reasons(level: &Level) -> Result<OrderReasons, NoOrder> {
    let policy = level.policy.as_ref().ok_or(NoOrder::NoPolicy)?;
    if policy.mode == ReplenishmentMode::Manual {
        return Err(NoOrder::Manual);
    }
    let projected = projected(level);
    let missing = policy.target_level.saturating_sub(projected);
    if projected > policy.reorder_point || missing <= 0 {
        return Err(NoOrder::Enough { projected });
    }
    Ok(reasons(level, policy, missing))
}

/// Returns whether `level` needs an order and has none. An open order expects something, so `incoming` is 0 without one.
///
/// Alerts alone do not find all such levels: an order may arrive late or short, goods may return between the alert and its
/// handling, and a policy may be set when the level is low already.
pub fn is_order_due(level: &Level) -> bool {
    level.incoming == 0 && order_reasons(level).is_ok()
}

fn reasons(level: &Level, policy: &ReorderPolicy, missing: i64) -> OrderReasons {
    OrderReasons {
        available: level.available(),
        incoming: level.incoming,
        reorder_point: policy.reorder_point,
        target_level: policy.target_level,
        order_multiple: policy.order_multiple.max(1),
        rounded_from: missing,
    }
}

#[cfg(test)]
mod tests;
