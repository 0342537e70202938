//! Fulfils lines of an order by hand: goods are handed over at the counter or shipped from a store.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::level_deltas::{DeltaTemplate, merged};
use super::{KeyedDelta, Line, Order, OrderAction, OrderRequestRefused, OrderStatus, Shipment};
use crate::ids::{FulfilmentId, OrderId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{MAX_QUANTITY, MovementKind};
use crate::millis;
use crate::place_order::{MAX_LINES, MAX_SKUS};

/// Maximum number of fulfilments of one order that fill a transaction ([`Fulfilment::fills_transaction`]). They are
/// stored in the order's own item, which `DynamoDB` limits to 400 KB.
pub const MAX_FULL_FULFILMENTS: usize = 16;

/// The body of `POST /v1/orders/{order_id}/fulfilments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FulfilOrder {
    /// The quantities that leave. Default: all open quantities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<FulfilLine>>,
    /// When the goods left: at most 7 days ago, and not before they were ordered. Default: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
}

/// One line of [`FulfilOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FulfilLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// The quantity that leaves, 1 to 1,000,000.
    pub quantity: i64,
}

/// The record of goods that left together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Derived from the order, the caller and its idempotency key.
    pub fulfilment_id: FulfilmentId,
    /// The fulfilled order.
    pub order_id: OrderId,
    /// When Stockline recorded it.
    #[serde(serialize_with = "millis::serialize")]
    pub fulfilled_at: Timestamp,
    /// When the goods left. Not before they were ordered.
    #[serde(serialize_with = "millis::serialize")]
    pub occurred_at: Timestamp,
    /// The quantities that left, at least one line.
    pub lines: Vec<FulfilledLine>,
    /// How the goods were sent. `None` if they were handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
}

/// One line of a [`Fulfilment`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilledLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The quantity that left.
    pub quantity: i64,
}

/// The reason why a line cannot be fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFulfillable {
    /// The order was canceled before anything left.
    #[error("the order was canceled")]
    Canceled,
    /// The order has no such line.
    #[error("the order has no such line")]
    NoSuchLine,
    /// All of the line was fulfilled or canceled.
    #[error("no quantity of the line is open")]
    NothingOpen,
    /// The quantity exceeds the open quantity.
    #[error("only {open} of the line is open")]
    TooMuch {
        /// The open quantity of the line, at least 1.
        open: i64,
    },
}

impl Order {
    /// Returns the order after `quantity` of line `number` left.
    ///
    /// # Errors
    /// [`NotFulfillable`] if the line does not exist or has less open.
    pub fn fulfil(&self, number: u16, quantity: i64) -> Result<Self, NotFulfillable> {
        if self.status == OrderStatus::Canceled {
            return Err(NotFulfillable::Canceled);
        }
        let index = self.index_of(number).ok_or(NotFulfillable::NoSuchLine)?;
        let mut lines = self.lines.clone();
        lines[index] = lines[index]
            .fulfil(quantity)
            .map_err(|excess| match excess.possible {
                0 => NotFulfillable::NothingOpen,
                open => NotFulfillable::TooMuch { open },
            })?;
        self.transition(OrderAction::Fulfil, lines)
            .map_err(|_| NotFulfillable::NothingOpen)
    }
}

impl FulfilOrder {
    /// Checks the fields that are valid or invalid whatever the state of `order`.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn check(&self, order: &Order) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        let lines = self.lines.as_deref();
        checks.require(
            lines.is_none_or(|lines| (1..=MAX_LINES).contains(&lines.len())),
            "/lines",
            format!("must hold 1 to {MAX_LINES} lines"),
        );
        for (index, line) in lines.unwrap_or_default().iter().enumerate() {
            order.check_line(index, line.line, line.quantity, &mut checks);
        }
        checks.finish(())
    }

    /// Returns the fulfilment that this request, received at `at`, makes of `order`, and the order after it.
    ///
    /// # Errors
    /// Every invalid field; [`OrderRequestRefused::Canceled`] and [`OrderRequestRefused::NothingOpen`]; or every line that
    /// has less open than requested.
    pub fn fulfilment(
        &self,
        fulfilment_id: FulfilmentId,
        order: &Order,
        at: Timestamp,
    ) -> Result<(Fulfilment, Order), OrderRequestRefused> {
        self.check(order)?;
        order.check_occurred_at(self.occurred_at, at)?;
        if order.status == OrderStatus::Canceled {
            return Err(OrderRequestRefused::Canceled);
        }
        let requested: Vec<(u16, i64)> = match &self.lines {
            Some(lines) => lines
                .iter()
                .map(|line| (line.line, line.quantity))
                .collect(),
            None => order
                .lines
                .iter()
                .map(|line| (line.line, line.open_quantity()))
                .filter(|(_, open)| *open > 0)
                .collect(),
        };
        order.check_each_line(requested.iter().copied(), Line::fulfil)?;
        let (mut lines, mut left) = (order.lines.clone(), Vec::new());
        for (number, quantity) in requested {
            let Some(index) = order.index_of(number) else {
                continue;
            };
            lines[index] = lines[index].fulfil(quantity)?;
            left.push(FulfilledLine {
                line: number,
                sku: lines[index].sku.clone(),
                quantity,
            });
        }
        if left.is_empty() {
            return Err(OrderRequestRefused::NothingOpen);
        }
        let after = order
            .transition(OrderAction::Fulfil, lines)
            .map_err(|_| OrderRequestRefused::NothingOpen)?;
        let fulfilment = Fulfilment {
            fulfilment_id,
            order_id: order.order_id,
            fulfilled_at: at,
            occurred_at: order.occurred_at(self.occurred_at, at),
            lines: left,
            shipment: None,
        };
        Ok((fulfilment, after))
    }
}

impl Fulfilment {
    /// Returns whether it changes so many levels that the transaction has room only for the order beside them.
    pub fn fills_transaction(&self) -> bool {
        let skus: BTreeSet<&Sku> = self.lines.iter().map(|line| &line.sku).collect();
        skus.len() >= MAX_SKUS
    }

    /// Checks that the order's item has room for this fulfilment. `before` are the order's earlier fulfilments.
    ///
    /// # Errors
    /// [`OrderRequestRefused::Invalid`] if this fulfilment fills a transaction and [`MAX_FULL_FULFILMENTS`] earlier
    /// ones do.
    pub fn check_item_size<'a>(
        &self,
        before: impl Iterator<Item = &'a Self>,
    ) -> Result<(), OrderRequestRefused> {
        let full = before.filter(|earlier| earlier.fills_transaction()).count();
        if full >= MAX_FULL_FULFILMENTS && self.fills_transaction() {
            let detail = format!(
                "must fulfil fewer than {MAX_SKUS} different SKUs: the order has {MAX_FULL_FULFILMENTS} fulfilments of that size; send two requests"
            );
            return Err(Invalid::field("/lines", detail).into());
        }
        Ok(())
    }

    /// Returns the deltas of the levels at the location of its `order`.
    pub fn level_deltas(&self, order: &Order) -> Vec<KeyedDelta> {
        let template = DeltaTemplate {
            cause: self.fulfilment_id.to_string(),
            kind: MovementKind::Fulfilment,
            location_id: &order.location_id,
            order,
            reason: None,
            occurred_at: self.occurred_at,
            recorded_at: self.fulfilled_at,
        };
        template.deltas_for(&merged(
            self.lines.iter().map(|line| (&line.sku, line.quantity)),
        ))
    }
}

impl Order {
    /// Checks that entry `index` of a request names a line of this order and a valid quantity.
    pub(super) fn check_line(&self, index: usize, line: u16, quantity: i64, checks: &mut Checks) {
        checks.require(
            self.index_of(line).is_some(),
            format!("/lines/{index}/line"),
            format!(
                "must be a line of the order, 1 to {}, got {line}",
                self.lines.len()
            ),
        );
        checks.require(
            (1..=MAX_QUANTITY).contains(&quantity),
            format!("/lines/{index}/quantity"),
            format!("must be 1 to {MAX_QUANTITY}, got {quantity}"),
        );
    }
}
