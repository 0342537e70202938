//! One SKU of an order: how much of it is where, and what it comes to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LineState, Order};
use crate::ids::Sku;
use crate::invalid::Invalid;
use crate::money::Money;

/// Whether prices hold their tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxTreatment {
    /// The prices hold the tax: a line comes to its net.
    #[default]
    Inclusive,
    /// The tax comes on top of the prices: a line comes to its net and its tax.
    Added,
}

impl TaxTreatment {
    /// Whether it is what goes without saying.
    pub fn is_inclusive(&self) -> bool {
        *self == Self::Inclusive
    }
}

/// One SKU of an order.
///
/// `quantity` = open + `fulfilled_quantity` + `canceled_quantity`, and `returned_quantity` <= `fulfilled_quantity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its place in the order, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// How much was ordered, in the SKU's unit of measure, 1 to 1,000,000.
    pub quantity: i64,
    /// Price of one, before discount.
    pub unit_price: Money,
    /// Taken off the line.
    pub discount: Money,
    /// Tax of the line: in `net` or on top of it, as the order says.
    pub tax: Money,
    /// quantity x `unit_price` - discount.
    pub net: Money,
    /// What is paid for the line: `net`, and `tax` where it comes on top.
    pub total: Money,
    /// What one cost the retailer, where the caller says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Money>,
    /// How much has left.
    pub fulfilled_quantity: i64,
    /// How much was given up before it left.
    pub canceled_quantity: i64,
    /// How much of what has left was paid back.
    pub returned_quantity: i64,
}

/// More was asked of a line than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineExcess {
    /// The line, from 1.
    pub line: u16,
    /// How much was asked for.
    pub requested: i64,
    /// How much there is: open, or left and not come back.
    pub possible: i64,
}

/// A step that is asked for but cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPossible {
    /// Fields break a rule, whatever has happened to the order.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// These lines have less than is asked of them; none, where all was asked for and there is nothing.
    #[error("{} line(s) have less than is asked of them", .0.len())]
    TooMuch(Vec<LineExcess>),
}

impl From<LineExcess> for NotPossible {
    fn from(excess: LineExcess) -> Self {
        Self::TooMuch(vec![excess])
    }
}

/// What a quantity of a line comes to, in minor units of the order's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineAmounts {
    /// quantity x unit price.
    pub gross: i64,
    /// gross - net.
    pub discount: i64,
    /// The tax, in the net or on top of it.
    pub tax: i64,
    /// What is paid, without tax that comes on top.
    pub net: i64,
    /// What is paid.
    pub total: i64,
}

impl Line {
    /// What is still to leave.
    pub fn open_quantity(&self) -> i64 {
        self.quantity - self.fulfilled_quantity - self.canceled_quantity
    }

    /// What is sold: all that was not given up.
    pub fn sold_quantity(&self) -> i64 {
        self.quantity - self.canceled_quantity
    }

    /// What has left and not come back.
    pub fn refundable_quantity(&self) -> i64 {
        self.fulfilled_quantity - self.returned_quantity
    }

    /// Where it is in its life.
    pub fn state(&self) -> LineState {
        match (self.open_quantity(), self.fulfilled_quantity) {
            (0, 0) => LineState::Canceled,
            (0, left) if left == self.returned_quantity => LineState::Returned,
            (0, _) => LineState::Fulfilled,
            (_, 0) => LineState::Open,
            (_, _) => LineState::PartlyFulfilled,
        }
    }

    /// What the first `quantity` of the line come to: the shares of the line's total and tax, each rounded down.
    ///
    /// The shares of all of it are the line's own amounts, so whatever a line is split into, the differences of these
    /// sum up to it exactly.
    pub fn amounts_of(&self, quantity: i64) -> LineAmounts {
        let total = self.share(self.total.amount, quantity);
        let tax = self.share(self.tax.amount, quantity);
        let tax_on_top = if self.total == self.net { 0 } else { tax };
        let gross = self.unit_price.amount * quantity;
        let net = total - tax_on_top;
        LineAmounts {
            gross,
            discount: gross - net,
            tax,
            net,
            total,
        }
    }

    /// `amount` x `quantity` / the line's quantity, rounded down. With amounts up to 10^12 and quantities up to 10^6 no
    /// step leaves 64 bits.
    fn share(&self, amount: i64, quantity: i64) -> i64 {
        let (each, rest) = (amount / self.quantity, amount % self.quantity);
        each * quantity + rest * quantity / self.quantity
    }

    pub(super) fn cancel_open(&self) -> Self {
        Self {
            canceled_quantity: self.canceled_quantity + self.open_quantity(),
            ..self.clone()
        }
    }

    /// The line after `quantity` of it has left.
    pub(super) fn fulfil(&self, quantity: i64) -> Result<Self, LineExcess> {
        self.at_most(quantity, self.open_quantity())?;
        Ok(Self {
            fulfilled_quantity: self.fulfilled_quantity + quantity,
            ..self.clone()
        })
    }

    /// The line after `quantity` of it was paid back.
    pub(super) fn refund(&self, quantity: i64) -> Result<Self, LineExcess> {
        self.at_most(quantity, self.refundable_quantity())?;
        Ok(Self {
            returned_quantity: self.returned_quantity + quantity,
            ..self.clone()
        })
    }

    fn at_most(&self, requested: i64, possible: i64) -> Result<(), LineExcess> {
        if (1..=possible).contains(&requested) {
            Ok(())
        } else {
            Err(LineExcess {
                line: self.line,
                requested,
                possible,
            })
        }
    }
}

impl Order {
    /// That `step` can be done to each line with all that is `wanted` of it, however often the line stands there.
    pub(super) fn all_possible(
        &self,
        wanted: impl Iterator<Item = (u16, i64)>,
        step: fn(&Line, i64) -> Result<Line, LineExcess>,
    ) -> Result<(), NotPossible> {
        let mut of_each: BTreeMap<usize, i64> = BTreeMap::new();
        for (number, quantity) in wanted {
            if let Some(place) = self.place_of(number) {
                *of_each.entry(place).or_default() += quantity;
            }
        }
        let excess: Vec<LineExcess> = of_each
            .into_iter()
            .filter_map(|(place, quantity)| step(&self.lines[place], quantity).err())
            .collect();
        if excess.is_empty() {
            Ok(())
        } else {
            Err(NotPossible::TooMuch(excess))
        }
    }
}
