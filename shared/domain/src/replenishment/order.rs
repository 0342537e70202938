//! A replenishment order and its states.
//!
//! ```text
//! open -> partly_received -> received
//!   \           \-> canceled
//!    \-> received, canceled
//! ```
//!
//! An approval step would add a state before `open`, entered by [`ReplenishmentOrder::place`]: such an order would occupy the
//! cycle of its level and expect nothing until it is approved.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{NoOrder, OrderTrigger, ReplenishmentCycle, order_reasons};
use crate::ids::{LocationId, ReplenishmentOrderId, Sku};
use crate::level::{Level, LevelKey};
use crate::millis;

/// The state of a replenishment order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplenishmentState {
    /// Nothing has arrived.
    Open,
    /// A part has arrived, and the rest is expected.
    PartlyReceived,
    /// All of it, or more, has arrived.
    Received,
    /// What had not arrived was canceled.
    Canceled,
}

impl ReplenishmentState {
    /// All states, in the order of their lists: those that expect goods first.
    pub const ALL: [Self; 4] = [
        Self::Open,
        Self::PartlyReceived,
        Self::Received,
        Self::Canceled,
    ];

    /// The name as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::PartlyReceived => "partly_received",
            Self::Received => "received",
            Self::Canceled => "canceled",
        }
    }

    /// Returns whether an order in this state expects goods.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::PartlyReceived)
    }
}

impl fmt::Display for ReplenishmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no state of a replenishment order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be open, partly_received, received or canceled")]
pub struct UnknownState;

impl FromStr for ReplenishmentState {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        let mut states = Self::ALL.into_iter();
        states
            .find(|state| state.as_str() == name)
            .ok_or(UnknownState)
    }
}

/// Why an order has its quantity, in the SKU's unit of measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReasons {
    /// The available quantity; negative if the level was short.
    pub available: i64,
    /// What was incoming.
    pub incoming: i64,
    /// The reorder point, at or below which available + incoming was.
    pub reorder_point: i64,
    /// The target level, up to which the order fills the level.
    pub target_level: i64,
    /// The multiple that the quantity was rounded up to, at least 1.
    pub order_multiple: i64,
    /// The quantity before rounding: target level - available - incoming. At least 1.
    pub rounded_from: i64,
}

impl OrderReasons {
    /// Returns the quantity to order: `rounded_from`, rounded up to a multiple of `order_multiple`.
    pub fn quantity(&self) -> i64 {
        let excess = self.rounded_from % self.order_multiple;
        if excess == 0 {
            self.rounded_from
        } else {
            self.rounded_from
                .saturating_add(self.order_multiple - excess)
        }
    }
}

/// An order to refill one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplenishmentOrder {
    /// Derived from the level and the cycle.
    pub replenishment_order_id: ReplenishmentOrderId,
    /// The store or warehouse that receives the goods.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The number of the order among those of its level, from 1.
    pub cycle: u64,
    /// The version of the level that the order was decided on.
    pub decided_version: u64,
    /// The state.
    pub state: ReplenishmentState,
    /// The ordered quantity, at least 1.
    pub quantity: i64,
    /// What has arrived. More than `quantity` after an over-delivery.
    pub received_quantity: i64,
    /// Why it was placed, and why with this quantity.
    pub reasons: OrderReasons,
    /// When it was placed.
    #[serde(serialize_with = "millis::serialize")]
    pub placed_at: Timestamp,
    /// When it was received or canceled.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    pub closed_at: Option<Timestamp>,
    /// Who canceled it: the subject of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_by: Option<String>,
    /// Incremented by 1 with every write.
    pub version: u64,
}

/// The order is closed, so it cannot be canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the replenishment order is {state}")]
pub struct ClosedOrder {
    /// Its state.
    pub state: ReplenishmentState,
}

/// Why an order takes no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptRefused {
    /// There is no such order of this SKU at this location.
    #[error("there is no such replenishment order of the SKU at the location")]
    Unknown,
    /// The order expects nothing.
    #[error("the replenishment order is {0}; send the change without replenishment_order_id")]
    Closed(ReplenishmentState),
}

impl ReplenishmentOrder {
    /// Returns the order that `level` needs after `cycle`, given what asks for it.
    ///
    /// The level is as it is now, not as it was at the trigger: a trigger that is delivered late orders what is missing now.
    ///
    /// # Errors
    /// [`NoOrder`] with the reason why there is nothing to order.
    pub fn place(
        level: &Level,
        cycle: &ReplenishmentCycle,
        trigger: OrderTrigger,
        now: Timestamp,
    ) -> Result<Self, NoOrder> {
        if let Some(open) = cycle.open_order {
            return Err(NoOrder::OrderOpen(open));
        }
        if trigger.level_version() <= cycle.decided_version {
            return Err(NoOrder::AlertHandled);
        }
        if cycle.is_canceled && matches!(trigger, OrderTrigger::Due(_)) {
            return Err(NoOrder::Canceled);
        }
        let reasons = order_reasons(level)?;
        let number = cycle.last_cycle + 1;
        Ok(Self {
            replenishment_order_id: ReplenishmentOrderId::derive(
                &level.location_id,
                &level.sku,
                number,
            ),
            location_id: level.location_id.clone(),
            sku: level.sku.clone(),
            cycle: number,
            decided_version: level.version.max(trigger.level_version()),
            state: ReplenishmentState::Open,
            quantity: reasons.quantity(),
            received_quantity: 0,
            reasons,
            placed_at: now,
            closed_at: None,
            canceled_by: None,
            version: 1,
        })
    }

    /// Returns the level that the order refills.
    pub fn level_key(&self) -> LevelKey {
        LevelKey {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
        }
    }

    /// Returns what the order still expects. 0 once it is closed.
    pub fn expected(&self) -> i64 {
        if self.state.is_open() {
            (self.quantity - self.received_quantity).max(0)
        } else {
            0
        }
    }

    /// Returns the cycle of the level as this order leaves it.
    pub fn as_cycle(&self) -> ReplenishmentCycle {
        ReplenishmentCycle {
            last_cycle: self.cycle,
            decided_version: self.decided_version,
            open_order: self.state.is_open().then_some(self.replenishment_order_id),
            is_canceled: self.state == ReplenishmentState::Canceled,
        }
    }

    /// Returns the order after `quantity` of it has arrived.
    ///
    /// # Errors
    /// [`ReceiptRefused::Closed`] if the order expects nothing.
    pub fn receive(&self, quantity: i64, now: Timestamp) -> Result<Self, ReceiptRefused> {
        if !self.state.is_open() {
            return Err(ReceiptRefused::Closed(self.state));
        }
        let received_quantity = self.received_quantity.saturating_add(quantity);
        let is_complete = received_quantity >= self.quantity;
        Ok(Self {
            received_quantity,
            state: if is_complete {
                ReplenishmentState::Received
            } else {
                ReplenishmentState::PartlyReceived
            },
            closed_at: is_complete.then_some(now),
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// Returns the order after `subject` has canceled what it still expects; `None` if it is canceled already.
    ///
    /// # Errors
    /// [`ClosedOrder`] if all of it has arrived.
    pub fn cancel(&self, subject: &str, now: Timestamp) -> Result<Option<Self>, ClosedOrder> {
        match self.state {
            ReplenishmentState::Canceled => Ok(None),
            ReplenishmentState::Received => Err(ClosedOrder { state: self.state }),
            ReplenishmentState::Open | ReplenishmentState::PartlyReceived => Ok(Some(Self {
                state: ReplenishmentState::Canceled,
                closed_at: Some(now),
                canceled_by: Some(subject.to_owned()),
                version: self.version + 1,
                ..self.clone()
            })),
        }
    }
}
