//! Goods of an order leave by hand: handed over at the counter, or sent from a store.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::movements::{Movement, merged};
use super::{LevelChange, Line, NotPossible, Order, OrderStatus, Step};
use crate::ids::{FulfilmentId, OrderId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{MAX_QUANTITY, MovementKind};
use crate::millis;
use crate::place_order::{MAX_LINES, MAX_SKUS};

/// How often an order may let as many SKUs leave at once as [`Fulfilment::fills_a_transaction`] says: each time is kept in
/// the order's own item, which is at most 400 KB.
pub const MAX_FULL: usize = 16;

/// The body of `POST /v1/orders/{order_id}/fulfilments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FulfilOrder {
    /// What leaves; all that is open, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<FulfilLine>>,
    /// When it left, 7 days back at most and not before it was ordered; now, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
}

/// One line of [`FulfilOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FulfilLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// How much of it leaves, 1 to 1,000,000.
    pub quantity: i64,
}

/// What has left at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Derived from order, caller and idempotency key.
    pub fulfilment_id: FulfilmentId,
    /// The order.
    pub order_id: OrderId,
    /// When it was told.
    #[serde(serialize_with = "millis::serialize")]
    pub fulfilled_at: Timestamp,
    /// What left, at least one line.
    pub lines: Vec<FulfilledLine>,
}

/// One line of a [`Fulfilment`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilledLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// How much of it left.
    pub quantity: i64,
}

/// A line cannot be fulfilled so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFulfillable {
    /// The order was canceled before anything left.
    #[error("the order was canceled")]
    Canceled,
    /// The order has no such line.
    #[error("the order has no such line")]
    NoSuchLine,
    /// All of the line has left or was given up.
    #[error("nothing of the line is open any more")]
    NothingOpen,
    /// More would leave than the line still waits for.
    #[error("only {open} of the line is still open")]
    TooMuch {
        /// What the line still waits for, more than nothing.
        open: i64,
    },
}

impl Order {
    /// The order after `quantity` of line `number` has left.
    pub fn fulfil(&self, number: u16, quantity: i64) -> Result<Self, NotFulfillable> {
        if self.status == OrderStatus::Canceled {
            return Err(NotFulfillable::Canceled);
        }
        let place = self.place_of(number).ok_or(NotFulfillable::NoSuchLine)?;
        let mut lines = self.lines.clone();
        lines[place] = lines[place]
            .fulfil(quantity)
            .map_err(|excess| match excess.possible {
                0 => NotFulfillable::NothingOpen,
                open => NotFulfillable::TooMuch { open },
            })?;
        self.go(Step::Fulfil, lines)
            .map_err(|_| NotFulfillable::NothingOpen)
    }
}

impl FulfilOrder {
    /// Whether it is a request that `order` could ever meet; every field that breaks a rule, if not.
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

    /// The fulfilment this makes of `order` at `at`, and the order after it.
    ///
    /// # Errors
    /// Every broken field; or each line of which more was to leave than is open.
    pub fn fulfilment(
        &self,
        fulfilment_id: FulfilmentId,
        order: &Order,
        at: Timestamp,
    ) -> Result<(Fulfilment, Order), NotPossible> {
        self.check(order)?;
        order.check_occurred_at(self.occurred_at, at)?;
        let wanted: Vec<(u16, i64)> = match &self.lines {
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
        order.all_possible(wanted.iter().copied(), Line::fulfil)?;
        let (mut lines, mut left) = (order.lines.clone(), Vec::new());
        for (number, quantity) in wanted {
            let Some(place) = order.place_of(number) else {
                continue;
            };
            lines[place] = lines[place].fulfil(quantity)?;
            left.push(FulfilledLine {
                line: number,
                sku: lines[place].sku.clone(),
                quantity,
            });
        }
        if left.is_empty() {
            return Err(NotPossible::TooMuch(Vec::new()));
        }
        let after = order
            .go(Step::Fulfil, lines)
            .map_err(|_| NotPossible::TooMuch(Vec::new()))?;
        let fulfilment = Fulfilment {
            fulfilment_id,
            order_id: order.order_id,
            fulfilled_at: at,
            lines: left,
        };
        Ok((fulfilment, after))
    }
}

impl Fulfilment {
    /// Whether it changes so many levels that a transaction has room for the order beside them, and for nothing else.
    pub fn fills_a_transaction(&self) -> bool {
        let skus: BTreeSet<&Sku> = self.lines.iter().map(|line| &line.sku).collect();
        skus.len() >= MAX_SKUS
    }

    /// That the order, which was fulfilled as `before` says, can keep this one too.
    ///
    /// # Errors
    /// [`NotPossible::Invalid`] where it has kept [`MAX_FULL`] that fill a transaction.
    pub fn check_room<'a>(
        &self,
        before: impl Iterator<Item = &'a Self>,
    ) -> Result<(), NotPossible> {
        let full = before.filter(|made| made.fills_a_transaction()).count();
        if full >= MAX_FULL && self.fills_a_transaction() {
            let detail = format!(
                "let {MAX_SKUS} different SKUs leave at once, which the order did {MAX_FULL} times: send it in two"
            );
            return Err(Invalid::field("/lines", detail).into());
        }
        Ok(())
    }

    /// The changes it makes at the location of its `order`, where it left at `told`.
    pub fn movements(&self, told: Option<Timestamp>, order: &Order) -> Vec<LevelChange> {
        let movement = Movement {
            cause: self.fulfilment_id.to_string(),
            kind: MovementKind::Fulfilment,
            location_id: &order.location_id,
            order,
            reason: None,
            occurred_at: order.occurred(told, self.fulfilled_at),
            recorded_at: self.fulfilled_at,
        };
        movement.all(&merged(
            self.lines.iter().map(|line| (&line.sku, line.quantity)),
        ))
    }
}

impl Order {
    /// Checks that entry `index` of a request names a line of this order, and a quantity that can be.
    pub(super) fn check_line(&self, index: usize, line: u16, quantity: i64, checks: &mut Checks) {
        checks.require(
            self.place_of(line).is_some(),
            format!("/lines/{index}/line"),
            format!("must be a line of the order, 1 to {}", self.lines.len()),
        );
        checks.require(
            (1..=MAX_QUANTITY).contains(&quantity),
            format!("/lines/{index}/quantity"),
            format!("must be 1 to {MAX_QUANTITY}"),
        );
    }
}
