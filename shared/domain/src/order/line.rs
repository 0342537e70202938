//! One line of an order: its quantities by state, and its amounts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LineState, Order};
use crate::ids::Sku;
use crate::invalid::Invalid;
use crate::money::Money;

/// Whether prices include tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxTreatment {
    /// Prices include tax: the total of a line is its net.
    #[default]
    Inclusive,
    /// Tax is added to prices: the total of a line is its net plus its tax.
    Added,
}

impl TaxTreatment {
    /// Returns whether it is the default, which is left out of stored requests.
    pub fn is_inclusive(&self) -> bool {
        *self == Self::Inclusive
    }
}

/// One line of an order.
///
/// `quantity` = open + `fulfilled_quantity` + `canceled_quantity`, and `returned_quantity` <= `fulfilled_quantity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The line number, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The ordered quantity in the SKU's unit of measure, 1 to 1,000,000.
    pub quantity: i64,
    /// The price of one unit, before discount.
    pub unit_price: Money,
    /// The discount of the whole line.
    pub discount: Money,
    /// The tax of the whole line: included in `net` or added to it, see [`TaxTreatment`].
    pub tax: Money,
    /// quantity x `unit_price` - discount.
    pub net: Money,
    /// The amount to pay: `net`, plus `tax` if it is added.
    pub total: Money,
    /// The retailer's cost of one unit, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Money>,
    /// The quantity that has left.
    pub fulfilled_quantity: i64,
    /// The quantity that was canceled before it left.
    pub canceled_quantity: i64,
    /// The quantity that has left and was refunded.
    pub returned_quantity: i64,
}

/// A line for which more is requested than possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineExcess {
    /// The line number, from 1.
    pub line: u16,
    /// The requested quantity.
    pub requested: i64,
    /// The possible quantity: what is open (fulfilment), or what has left and was not refunded (refund).
    pub possible: i64,
}

/// The reason why a fulfilment or refund of an order is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRequestRefused {
    /// Fields of the request are invalid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// More is requested of these lines than possible.
    #[error("more is requested than the order's lines allow")]
    TooMuch(Vec<LineExcess>),
    /// The order was canceled before anything left, so nothing can be fulfilled.
    #[error("the order was canceled")]
    Canceled,
    /// The request names no lines, and every quantity of the order was fulfilled or canceled.
    #[error("nothing of the order is open")]
    NothingOpen,
}

impl From<LineExcess> for OrderRequestRefused {
    fn from(excess: LineExcess) -> Self {
        Self::TooMuch(vec![excess])
    }
}

/// The amounts of a quantity of a line, in minor units of the order's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineAmounts {
    /// Quantity x unit price.
    pub gross: i64,
    /// Gross - net.
    pub discount: i64,
    /// The tax, included in the net or added to it.
    pub tax: i64,
    /// The amount to pay, without added tax.
    pub net: i64,
    /// The amount to pay.
    pub total: i64,
}

impl Line {
    /// Returns the quantity that has neither left nor been canceled.
    pub fn open_quantity(&self) -> i64 {
        self.quantity - self.fulfilled_quantity - self.canceled_quantity
    }

    /// Returns the quantity that was not canceled.
    pub fn sold_quantity(&self) -> i64 {
        self.quantity - self.canceled_quantity
    }

    /// Returns the quantity that has left and was not refunded.
    pub fn refundable_quantity(&self) -> i64 {
        self.fulfilled_quantity - self.returned_quantity
    }

    /// Returns the state of the line.
    pub fn state(&self) -> LineState {
        match (self.open_quantity(), self.fulfilled_quantity) {
            (0, 0) => LineState::Canceled,
            (0, left) if left == self.returned_quantity => LineState::Returned,
            (0, _) => LineState::Fulfilled,
            (_, 0) => LineState::Open,
            (_, _) => LineState::PartlyFulfilled,
        }
    }

    /// Returns the amounts of the first `quantity` units of the line: their shares of the line's total and tax, rounded
    /// down.
    ///
    /// The shares are cumulative: the shares of the full quantity are the line's own amounts. However a line is split,
    /// the differences between successive shares sum to these amounts exactly.
    pub fn amounts_of(&self, quantity: i64) -> LineAmounts {
        let total = self.share(self.total.amount, quantity);
        let tax = self.share(self.tax.amount, quantity);
        let added_tax = if self.total == self.net { 0 } else { tax };
        let gross = self.unit_price.amount * quantity;
        let net = total - added_tax;
        LineAmounts {
            gross,
            discount: gross - net,
            tax,
            net,
            total,
        }
    }

    /// Returns `amount` x `quantity` / the line's quantity, rounded down. Does not overflow for amounts up to 10^12 and
    /// quantities up to 10^6.
    fn share(&self, amount: i64, quantity: i64) -> i64 {
        let (quotient, remainder) = (amount / self.quantity, amount % self.quantity);
        quotient * quantity + remainder * quantity / self.quantity
    }

    pub(super) fn cancel_open(&self) -> Self {
        Self {
            canceled_quantity: self.canceled_quantity + self.open_quantity(),
            ..self.clone()
        }
    }

    /// Returns the line after `quantity` of it has left.
    pub(super) fn fulfil(&self, quantity: i64) -> Result<Self, LineExcess> {
        self.check_possible(quantity, self.open_quantity())?;
        Ok(Self {
            fulfilled_quantity: self.fulfilled_quantity + quantity,
            ..self.clone()
        })
    }

    /// Returns the line after `quantity` of it was refunded.
    pub(super) fn refund(&self, quantity: i64) -> Result<Self, LineExcess> {
        self.check_possible(quantity, self.refundable_quantity())?;
        Ok(Self {
            returned_quantity: self.returned_quantity + quantity,
            ..self.clone()
        })
    }

    fn check_possible(&self, requested: i64, possible: i64) -> Result<(), LineExcess> {
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
    /// Checks that `action` is possible for the `requested` (line number, quantity) entries. The quantities of entries
    /// for the same line are added up. Entries for unknown lines are ignored.
    pub(super) fn check_each_line(
        &self,
        requested: impl Iterator<Item = (u16, i64)>,
        action: fn(&Line, i64) -> Result<Line, LineExcess>,
    ) -> Result<(), OrderRequestRefused> {
        let mut by_index: BTreeMap<usize, i64> = BTreeMap::new();
        for (number, quantity) in requested {
            if let Some(index) = self.index_of(number) {
                *by_index.entry(index).or_default() += quantity;
            }
        }
        let excess: Vec<LineExcess> = by_index
            .into_iter()
            .filter_map(|(index, quantity)| action(&self.lines[index], quantity).err())
            .collect();
        if excess.is_empty() {
            Ok(())
        } else {
            Err(OrderRequestRefused::TooMuch(excess))
        }
    }
}
