//! An order and its life.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, MovementId, OrderId, Sku};
use crate::level::{LastChange, MovementKind, StateDeltas};
use crate::millis;
use crate::money::{Currency, Money};

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

/// Where an order is in its life.
///
/// | from | place | fulfil part | fulfil rest | cancel |
/// | --- | --- | --- | --- | --- |
/// | (pos) | `Fulfilled` | | | |
/// | (others) | `Allocated` | | | |
/// | `Allocated` | | `PartiallyFulfilled` | `Fulfilled` | `Canceled` |
/// | `PartiallyFulfilled` | | `PartiallyFulfilled` | `Fulfilled` | refused |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Promised; nothing has left.
    Allocated,
    /// Some of it has left.
    PartiallyFulfilled,
    /// All of it has left.
    Fulfilled,
    /// Taken back before anything left.
    Canceled,
}

/// One SKU of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its place in the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// How much, in the SKU's unit of measure, 1 to 1,000,000.
    pub quantity: i64,
    /// Price of one, before discount.
    pub unit_price: Money,
    /// Taken off the line.
    pub discount: Money,
    /// Tax contained in the line's price.
    pub tax: Money,
    /// quantity x `unit_price` - discount.
    pub net: Money,
    /// How much has left.
    pub fulfilled_quantity: i64,
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
    /// Where it is in its life.
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
    /// What was sold, in the order it was given.
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// The caller's own number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// When it was canceled.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    pub canceled_at: Option<Timestamp>,
}

/// How much of a SKU an order moves at its location, all its lines together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuQuantity {
    /// The stock keeping unit.
    pub sku: Sku,
    /// The sum over the order's lines.
    pub quantity: i64,
}

/// An order cannot be canceled any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order of which goods have left cannot be canceled")]
pub struct NotCancelable;

/// A line cannot be fulfilled so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFulfillable {
    /// The order was canceled.
    #[error("the order was canceled")]
    Canceled,
    /// The order has no such line.
    #[error("the order has no such line")]
    NoSuchLine,
    /// More would leave than the line still waits for.
    #[error("only {open} of the line is still open")]
    TooMuch {
        /// What the line still waits for.
        open: i64,
    },
}

impl Order {
    /// Quantities per SKU, lines of one SKU merged, in the order of their first line.
    ///
    /// A transaction may name an item only once.
    pub fn quantities(&self) -> Vec<SkuQuantity> {
        let mut merged: Vec<SkuQuantity> = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            match merged.iter_mut().find(|entry| entry.sku == line.sku) {
                Some(entry) => entry.quantity += line.quantity,
                None => merged.push(SkuQuantity {
                    sku: line.sku.clone(),
                    quantity: line.quantity,
                }),
            }
        }
        merged
    }

    /// The order as it was answered when it was placed, whatever has happened since: what a replay answers.
    pub fn as_placed(&self) -> Self {
        let mut placed = self.clone();
        placed.canceled_at = None;
        let gone = self.channel == Channel::Pos;
        placed.status = if gone {
            OrderStatus::Fulfilled
        } else {
            OrderStatus::Allocated
        };
        for line in &mut placed.lines {
            line.fulfilled_quantity = if gone { line.quantity } else { 0 };
        }
        placed
    }

    /// The order canceled at `at`; a canceled order stays as it is.
    pub fn cancel(&self, at: Timestamp) -> Result<Self, NotCancelable> {
        match self.status {
            OrderStatus::Canceled => Ok(self.clone()),
            OrderStatus::Allocated => Ok(Self {
                status: OrderStatus::Canceled,
                canceled_at: Some(at),
                ..self.clone()
            }),
            OrderStatus::PartiallyFulfilled | OrderStatus::Fulfilled => Err(NotCancelable),
        }
    }

    /// The order after `quantity` of `line` has left.
    pub fn fulfil(&self, line: u16, quantity: i64) -> Result<Self, NotFulfillable> {
        if self.status == OrderStatus::Canceled {
            return Err(NotFulfillable::Canceled);
        }
        let mut order = self.clone();
        let entry = order
            .lines
            .iter_mut()
            .find(|entry| entry.line == line)
            .ok_or(NotFulfillable::NoSuchLine)?;
        let open = entry.quantity - entry.fulfilled_quantity;
        if !(1..=open).contains(&quantity) {
            return Err(NotFulfillable::TooMuch { open });
        }
        entry.fulfilled_quantity += quantity;
        let all_gone = order
            .lines
            .iter()
            .all(|line| line.fulfilled_quantity == line.quantity);
        order.status = if all_gone {
            OrderStatus::Fulfilled
        } else {
            OrderStatus::PartiallyFulfilled
        };
        Ok(order)
    }

    /// The change that placing this order makes to the level of `entry`.
    pub fn placing_change(&self, entry: &SkuQuantity) -> LastChange {
        let kind = self.channel.placing();
        let (on_hand_delta, allocated_delta) = match kind {
            MovementKind::Sale => (-entry.quantity, 0),
            _ => (0, entry.quantity),
        };
        self.change(
            entry,
            kind,
            on_hand_delta,
            allocated_delta,
            self.sold_at,
            self.placed_at,
        )
    }

    /// The change that canceling this order at `at`, for the caller's `reason`, makes to the level of `entry`.
    pub fn releasing_change(
        &self,
        entry: &SkuQuantity,
        reason: Option<&str>,
        at: Timestamp,
    ) -> LastChange {
        LastChange {
            reason: reason.map(str::to_owned),
            ..self.change(entry, MovementKind::Release, 0, -entry.quantity, at, at)
        }
    }

    fn change(
        &self,
        entry: &SkuQuantity,
        kind: MovementKind,
        on_hand_delta: i64,
        allocated_delta: i64,
        occurred_at: Timestamp,
        recorded_at: Timestamp,
    ) -> LastChange {
        let reference = self.order_id.to_string();
        LastChange {
            movement_id: MovementId::derive(
                &reference,
                kind.as_str(),
                &self.location_id,
                &entry.sku,
            ),
            kind,
            on_hand_delta,
            allocated_delta,
            states: StateDeltas::default(),
            reason: None,
            reference: Some(reference),
            occurred_at,
            recorded_at,
        }
    }
}
