//! The figures of the tally.

use crate::export::TooLarge;

/// Sums of sales and refunds in one currency. Amounts are in minor units; refunds are positive.
///
/// As in the export, a canceled order is counted and not summed, a canceled quantity is not sold, and a refund changes no sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// The number of orders that were not canceled.
    pub orders: i64,
    /// The number of canceled orders.
    pub canceled_orders: i64,
    /// The quantity sold, each SKU in its own unit of measure.
    pub units: i64,
    /// Quantity times unit price.
    pub gross: i64,
    /// Discounts.
    pub discount: i64,
    /// Tax, included in `net` or added to it as each order states.
    pub tax: i64,
    /// `gross` - `discount`.
    pub net: i64,
    /// `net`, plus tax where it is added.
    pub total: i64,
    /// The number of refunds.
    pub refunds: i64,
    /// The quantity refunded, each SKU in its own unit of measure.
    pub refunded_units: i64,
    /// Refunded tax, included in `refunded_net` or added to it as each order states.
    pub refunded_tax: i64,
    /// The refunded amount without added tax.
    pub refunded_net: i64,
    /// The refunded amount.
    pub refunded_total: i64,
}

/// What a figure measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A number of orders or refunds.
    Count,
    /// A quantity of goods.
    Quantity,
    /// An amount of money.
    Money,
}

impl Figures {
    /// The names of the figures and what they measure, in the order of [`Self::values`].
    pub const COLUMNS: [(&'static str, Measure); 13] = [
        ("orders", Measure::Count),
        ("canceled_orders", Measure::Count),
        ("units", Measure::Quantity),
        ("gross", Measure::Money),
        ("discount", Measure::Money),
        ("tax", Measure::Money),
        ("net", Measure::Money),
        ("total", Measure::Money),
        ("refunds", Measure::Count),
        ("refunded_units", Measure::Quantity),
        ("refunded_tax", Measure::Money),
        ("refunded_net", Measure::Money),
        ("refunded_total", Measure::Money),
    ];

    /// Returns the figures in the order of [`Self::COLUMNS`].
    pub fn values(&self) -> [i64; 13] {
        [
            self.orders,
            self.canceled_orders,
            self.units,
            self.gross,
            self.discount,
            self.tax,
            self.net,
            self.total,
            self.refunds,
            self.refunded_units,
            self.refunded_tax,
            self.refunded_net,
            self.refunded_total,
        ]
    }

    /// Creates figures from `values` in the order of [`Self::COLUMNS`].
    pub fn from_values(values: [i64; 13]) -> Self {
        let [
            orders,
            canceled_orders,
            units,
            gross,
            discount,
            tax,
            net,
            total,
            refunds,
            refunded_units,
            refunded_tax,
            refunded_net,
            refunded_total,
        ] = values;
        Self {
            orders,
            canceled_orders,
            units,
            gross,
            discount,
            tax,
            net,
            total,
            refunds,
            refunded_units,
            refunded_tax,
            refunded_net,
            refunded_total,
        }
    }

    /// Returns the sums of these figures and `other`.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn plus(&self, other: &Self) -> Result<Self, TooLarge> {
        self.combine(other, i64::checked_add)
    }

    /// Returns the differences of these figures and `other`.
    ///
    /// # Errors
    /// A difference exceeds 64 bits.
    pub fn minus(&self, other: &Self) -> Result<Self, TooLarge> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(
        &self,
        other: &Self,
        operation: fn(i64, i64) -> Option<i64>,
    ) -> Result<Self, TooLarge> {
        let mut values = self.values();
        for (value, other) in values.iter_mut().zip(other.values()) {
            *value = operation(*value, other).ok_or(TooLarge)?;
        }
        Ok(Self::from_values(values))
    }
}
