//! Refunds goods of an order that have left, with or without returning them to stock.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::level_deltas::{DeltaTemplate, merged};
use super::{KeyedDelta, Line, Order, OrderAction, OrderRequestRefused};
use crate::ids::{LocationId, OrderId, RefundId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::MovementKind;
use crate::millis;
use crate::money::Money;
use crate::place_order::{MAX_LINES, MAX_SKUS};
use crate::text;

/// Maximum length of a caller's reason, in characters.
pub const MAX_REASON: usize = 200;

/// Maximum number of different SKUs that one refund returns to stock. With the order and the refund they fill a
/// transaction of 100 items.
pub const MAX_RESTOCKED: usize = MAX_SKUS - 1;

/// The body of `POST /v1/orders/{order_id}/refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundOrder {
    /// Why the goods are refunded, 1 to 200 characters.
    pub reason: String,
    /// The location that the goods are returned to. Default: the order's location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// When the goods were returned: at most 7 days ago, and not before they were ordered. Default: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The refunded quantities. A line may appear twice: once returned to stock, once not.
    pub lines: Vec<RefundLine>,
}

/// One line of [`RefundOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// The refunded quantity, 1 to 1,000,000.
    pub quantity: i64,
    /// Whether the goods return to stock.
    pub restock: bool,
}

/// The id, place and time of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundContext {
    /// Derived from the order, the caller and its idempotency key.
    pub refund_id: RefundId,
    /// The location that the goods are returned to.
    pub location_id: LocationId,
    /// The trading day at that location at [`RefundOrder::returned_at`].
    pub business_date: Date,
    /// When the request was received.
    pub at: Timestamp,
}

/// The record of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Derived from the order, the caller and its idempotency key.
    pub refund_id: RefundId,
    /// The refunded order.
    pub order_id: OrderId,
    /// The location that the goods were returned to.
    pub location_id: LocationId,
    /// The trading day at that location when the goods were returned. It never changes.
    pub business_date: Date,
    /// When the request was received.
    #[serde(serialize_with = "millis::serialize")]
    pub refunded_at: Timestamp,
    /// When the goods were returned. Not before they were ordered.
    #[serde(serialize_with = "millis::serialize")]
    pub occurred_at: Timestamp,
    /// The caller's reason.
    pub reason: String,
    /// The refunded lines, at least one.
    pub lines: Vec<RefundedLine>,
    /// The sum of the lines' amounts.
    pub total: Money,
    /// The sum of the lines' taxes.
    pub tax: Money,
}

/// One line of a [`Refund`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundedLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The refunded quantity.
    pub quantity: i64,
    /// The refunded amount, including tax.
    pub amount: Money,
    /// The tax in `amount`.
    pub tax: Money,
    /// Whether the goods returned to stock.
    pub restock: bool,
}

impl RefundOrder {
    /// Returns when the goods of `order` were returned, for a request received at `now`: what the caller reports, at most `now`
    /// and not before the sale. The refund belongs to the business date of this time.
    pub fn returned_at(&self, order: &Order, now: Timestamp) -> Timestamp {
        order.occurred_at(self.occurred_at, now)
    }

    /// Checks the fields that are valid or invalid whatever the state of `order`.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn check(&self, order: &Order) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        check_reason(&self.reason, &mut checks);
        checks.require(
            (1..=MAX_LINES).contains(&self.lines.len()),
            "/lines",
            format!("must hold 1 to {MAX_LINES} lines, got {}", self.lines.len()),
        );
        for (index, line) in self.lines.iter().enumerate() {
            order.check_line(index, line.line, line.quantity, &mut checks);
        }
        let restocked = self.lines.iter().filter(|line| line.restock);
        let skus: BTreeSet<&Sku> = restocked
            .filter_map(|line| Some(&order.lines[order.index_of(line.line)?].sku))
            .collect();
        checks.require(
            skus.len() <= MAX_RESTOCKED,
            "/lines",
            format!(
                "must return at most {MAX_RESTOCKED} different SKUs to stock, got {}: send two requests",
                skus.len()
            ),
        );
        checks.finish(())
    }

    /// Returns the refund that this request makes of `order`, and the order after it.
    ///
    /// The amount of a line is the difference of two cumulative shares ([`Line::amounts_of`]), so that the refunds of a
    /// line sum exactly to what was paid for it.
    ///
    /// # Errors
    /// Every invalid field, or every line that has less to refund than requested.
    pub fn refund(
        &self,
        context: RefundContext,
        order: &Order,
    ) -> Result<(Refund, Order), OrderRequestRefused> {
        self.check(order)?;
        order.check_occurred_at(self.occurred_at, context.at)?;
        let money = |amount| Money::new(amount, order.currency);
        let requested = self.lines.iter().map(|entry| (entry.line, entry.quantity));
        order.check_each_line(requested, Line::refund)?;
        let (mut lines, mut refunded) = (order.lines.clone(), Vec::new());
        let (mut total, mut tax) = (0, 0);
        for entry in &self.lines {
            let Some(index) = order.index_of(entry.line) else {
                continue;
            };
            let before = &lines[index];
            let after = before.refund(entry.quantity)?;
            let paid_before = before.amounts_of(before.returned_quantity);
            let paid_after = after.amounts_of(after.returned_quantity);
            total += paid_after.total - paid_before.total;
            tax += paid_after.tax - paid_before.tax;
            refunded.push(RefundedLine {
                line: entry.line,
                sku: after.sku.clone(),
                quantity: entry.quantity,
                amount: money(paid_after.total - paid_before.total),
                tax: money(paid_after.tax - paid_before.tax),
                restock: entry.restock,
            });
            lines[index] = after;
        }
        let after = order
            .transition(OrderAction::Refund, lines)
            .map_err(|_| OrderRequestRefused::TooMuch(Vec::new()))?;
        let refund = Refund {
            refund_id: context.refund_id,
            order_id: order.order_id,
            location_id: context.location_id,
            business_date: context.business_date,
            refunded_at: context.at,
            occurred_at: order.occurred_at(self.occurred_at, context.at),
            reason: self.reason.clone(),
            lines: refunded,
            total: money(total),
            tax: money(tax),
        };
        Ok((refund, after))
    }
}

impl Refund {
    /// Returns the deltas of the levels at its location. Empty if nothing returns to stock.
    pub fn level_deltas(&self, order: &Order) -> Vec<KeyedDelta> {
        let template = DeltaTemplate {
            cause: self.refund_id.to_string(),
            kind: MovementKind::Return,
            location_id: &self.location_id,
            order,
            reason: Some(self.reason.clone()),
            occurred_at: self.occurred_at,
            recorded_at: self.refunded_at,
        };
        let restocked = self.lines.iter().filter(|line| line.restock);
        template.deltas_for(&merged(restocked.map(|line| (&line.sku, line.quantity))))
    }
}

/// Checks that a caller's reason is a visible text of at most [`MAX_REASON`] characters.
pub fn check_reason(reason: &str, checks: &mut Checks) {
    let violation = text::violation(reason, MAX_REASON);
    checks.require(
        violation.is_none(),
        "/reason",
        violation.unwrap_or_default(),
    );
}
