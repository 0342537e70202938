//! What has left is paid back, and goes back to stock or does not.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::movements::{Movement, merged};
use super::{LevelChange, Line, NotPossible, Order, Step};
use crate::ids::{LocationId, OrderId, RefundId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::MovementKind;
use crate::millis;
use crate::money::Money;
use crate::place_order::{MAX_LINES, MAX_SKUS};

/// The longest reason a caller may give, in characters.
pub const MAX_REASON: usize = 200;

/// The most distinct SKUs that one refund puts back to stock: with the order and the refund they fill a transaction.
pub const MAX_RESTOCKED: usize = MAX_SKUS - 1;

/// The body of `POST /v1/orders/{order_id}/refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundOrder {
    /// Why, 1 to 200 characters.
    pub reason: String,
    /// Where the goods come back; the order's own location, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// When the goods came back, 7 days back at most and not before they were ordered; now, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// What is paid back. A line may stand here twice: a part back to stock, a part not.
    pub lines: Vec<RefundLine>,
}

/// One line of [`RefundOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundLine {
    /// The line of the order, from 1.
    pub line: u16,
    /// How much of it is paid back, 1 to 1,000,000.
    pub quantity: i64,
    /// Whether the goods go back to stock.
    pub restock: bool,
}

/// Where and when a refund is made, and under which id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundPlace {
    /// Derived from order, caller and idempotency key.
    pub refund_id: RefundId,
    /// Where the goods come back.
    pub location_id: LocationId,
    /// The trading day there.
    pub business_date: Date,
    /// When.
    pub at: Timestamp,
}

/// What was paid back at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Derived from order, caller and idempotency key.
    pub refund_id: RefundId,
    /// The order.
    pub order_id: OrderId,
    /// Where the goods came back.
    pub location_id: LocationId,
    /// The trading day there, fixed when it was paid back.
    pub business_date: Date,
    /// When it was paid back.
    #[serde(serialize_with = "millis::serialize")]
    pub refunded_at: Timestamp,
    /// Why.
    pub reason: String,
    /// What was paid back for, at least one line.
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
    /// How much of it.
    pub quantity: i64,
    /// What was paid back, all tax included.
    pub amount: Money,
    /// The tax in `amount`.
    pub tax: Money,
    /// Whether the goods went back to stock.
    pub restock: bool,
}

impl RefundOrder {
    /// Whether it is a request that `order` could ever meet; every field that breaks a rule, if not.
    pub fn check(&self, order: &Order) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        check_reason(&self.reason, &mut checks);
        checks.require(
            (1..=MAX_LINES).contains(&self.lines.len()),
            "/lines",
            format!("must hold 1 to {MAX_LINES} lines"),
        );
        for (index, line) in self.lines.iter().enumerate() {
            order.check_line(index, line.line, line.quantity, &mut checks);
        }
        let back = self.lines.iter().filter(|line| line.restock);
        let skus: BTreeSet<&Sku> = back
            .filter_map(|line| Some(&order.lines[order.place_of(line.line)?].sku))
            .collect();
        checks.require(
            skus.len() <= MAX_RESTOCKED,
            "/lines",
            format!(
                "put {} different SKUs back to stock, but one refund may put back {MAX_RESTOCKED}: send it in two",
                skus.len()
            ),
        );
        checks.finish(())
    }

    /// The refund this makes of `order`, and the order after it.
    ///
    /// Of each line the difference of two cumulative shares is paid back, so that its refunds sum up to exactly what was
    /// paid for it, whatever parts it comes back in.
    ///
    /// # Errors
    /// Every broken field; or each line of which more was to be paid back than has left and not come back.
    pub fn refund(
        &self,
        place: RefundPlace,
        order: &Order,
    ) -> Result<(Refund, Order), NotPossible> {
        self.check(order)?;
        order.check_occurred_at(self.occurred_at, place.at)?;
        let money = |amount| Money::new(amount, order.currency);
        let wanted = self.lines.iter().map(|entry| (entry.line, entry.quantity));
        order.all_possible(wanted, Line::refund)?;
        let (mut lines, mut refunded) = (order.lines.clone(), Vec::new());
        let (mut total, mut tax) = (0, 0);
        for entry in &self.lines {
            let Some(at) = order.place_of(entry.line) else {
                continue;
            };
            let after = lines[at].refund(entry.quantity)?;
            let before = lines[at].amounts_of(lines[at].returned_quantity);
            let now = after.amounts_of(after.returned_quantity);
            total += now.total - before.total;
            tax += now.tax - before.tax;
            refunded.push(RefundedLine {
                line: entry.line,
                sku: after.sku.clone(),
                quantity: entry.quantity,
                amount: money(now.total - before.total),
                tax: money(now.tax - before.tax),
                restock: entry.restock,
            });
            lines[at] = after;
        }
        let after = order
            .go(Step::Refund, lines)
            .map_err(|_| NotPossible::TooMuch(Vec::new()))?;
        let refund = Refund {
            refund_id: place.refund_id,
            order_id: order.order_id,
            location_id: place.location_id,
            business_date: place.business_date,
            refunded_at: place.at,
            reason: self.reason.clone(),
            lines: refunded,
            total: money(total),
            tax: money(tax),
        };
        Ok((refund, after))
    }
}

impl Refund {
    /// The changes it makes at its location, where it came back at `told`; none where nothing goes back to stock.
    pub fn movements(&self, told: Option<Timestamp>, order: &Order) -> Vec<LevelChange> {
        let movement = Movement {
            cause: self.refund_id.to_string(),
            kind: MovementKind::Return,
            location_id: &self.location_id,
            order,
            reason: Some(self.reason.clone()),
            occurred_at: order.occurred(told, self.refunded_at),
            recorded_at: self.refunded_at,
        };
        let back = self.lines.iter().filter(|line| line.restock);
        movement.all(&merged(back.map(|line| (&line.sku, line.quantity))))
    }
}

/// Checks a caller's reason.
pub fn check_reason(reason: &str, checks: &mut Checks) {
    checks.require(
        (1..=MAX_REASON).contains(&reason.chars().count()),
        "/reason",
        format!("must be 1 to {MAX_REASON} characters"),
    );
}
