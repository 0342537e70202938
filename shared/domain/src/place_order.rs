//! The request to place an order, and its validation.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::business_date::business_date;
use crate::ids::{LocationId, OrderId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::MAX_QUANTITY;
use crate::money::{Currency, MAX_AMOUNT, Money};
use crate::order::{Channel, Line, Order, OrderStatus, TaxTreatment};
use crate::reported_time;

/// Maximum number of lines in one request.
pub const MAX_LINES: usize = 100;

/// Maximum number of different SKUs in one order. With the order they fill a transaction of 100 items.
pub const MAX_SKUS: usize = 99;

/// The body of `POST /v1/orders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// The store that sells the order, or the warehouse that ships it.
    pub location_id: LocationId,
    /// The sales channel.
    pub channel: Channel,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Whether prices include tax. Default: they do.
    #[serde(default, skip_serializing_if = "TaxTreatment::is_inclusive")]
    pub tax_treatment: TaxTreatment,
    /// When the order was sold: at most 7 days ago and 5 minutes ahead. Default: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_at: Option<Timestamp>,
    /// The caller's own number for the order, 1 to 64 visible ASCII characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// The lines, 1 to 100.
    pub lines: Vec<PlaceLine>,
    /// The sum of the lines' totals as the caller calculated it. The order is refused if it differs.
    pub total: Money,
}

/// One line of [`PlaceOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceLine {
    /// The stock keeping unit.
    pub sku: Sku,
    /// The quantity in the SKU's unit of measure, 1 to 1,000,000.
    pub quantity: i64,
    /// The price of one unit, before discount.
    pub unit_price: Money,
    /// The discount of the whole line. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// The tax of the whole line, included in its price or added to it, see [`TaxTreatment`]. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// The retailer's cost of one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Money>,
}

impl PlaceOrder {
    /// Returns the order that this request, received at `now`, makes in a store of `time_zone` whose trading day ends
    /// at `close_out_hour`.
    ///
    /// # Errors
    /// Every invalid field. If `total` is not the sum of the lines, the error states the difference.
    pub fn order(
        self,
        order_id: OrderId,
        now: Timestamp,
        time_zone: &TimeZone,
        close_out_hour: i8,
    ) -> Result<Order, Invalid> {
        let mut checks = Checks::new();
        let sold_at = self.sold_at.unwrap_or(now);
        reported_time::check(sold_at, now, "/sold_at", &mut checks);
        if let Some(reference) = &self.external_reference {
            checks.require(
                (1..=64).contains(&reference.len())
                    && reference.bytes().all(|byte| byte.is_ascii_graphic()),
                "/external_reference",
                "must be 1 to 64 visible ASCII characters",
            );
        }
        checks.require(
            (1..=MAX_LINES).contains(&self.lines.len()),
            "/lines",
            format!("must hold 1 to {MAX_LINES} lines, got {}", self.lines.len()),
        );
        let mut skus: Vec<&Sku> = self.lines.iter().map(|line| &line.sku).collect();
        skus.sort_unstable();
        skus.dedup();
        checks.require(
            skus.len() <= MAX_SKUS,
            "/lines",
            format!(
                "must name at most {MAX_SKUS} different SKUs, got {}",
                skus.len()
            ),
        );
        let lines: Vec<Line> = (1_u16..)
            .zip(self.lines)
            .map(|(number, line)| {
                line.check(number, self.currency, self.tax_treatment, &mut checks)
            })
            .collect();
        let sum = lines
            .iter()
            .fold(0_i64, |sum, line| sum.saturating_add(line.total.amount));
        checks.require(
            sum <= MAX_AMOUNT,
            "/lines",
            format!("must sum to at most {MAX_AMOUNT}, got {sum}"),
        );
        checks.require(
            self.total.currency == self.currency,
            "/total/currency",
            format!("must be the order's currency, {}", self.currency),
        );
        checks.require(
            self.total.amount == sum,
            "/total/amount",
            format!(
                "is {} but the lines sum to {sum}: a difference of {}",
                self.total.amount,
                self.total.amount.saturating_sub(sum)
            ),
        );
        let order = Order {
            order_id,
            business_date: business_date(sold_at, time_zone, close_out_hour),
            location_id: self.location_id,
            channel: self.channel,
            status: OrderStatus::Allocated,
            placed_at: now,
            sold_at,
            currency: self.currency,
            tax_treatment: self.tax_treatment,
            lines,
            total: self.total,
            external_reference: self.external_reference,
            canceled_at: None,
        };
        checks.finish(order.as_placed())
    }
}

impl PlaceLine {
    fn check(
        self,
        number: u16,
        currency: Currency,
        tax_treatment: TaxTreatment,
        checks: &mut Checks,
    ) -> Line {
        let at = format!("/lines/{}", number - 1);
        checks.require(
            (1..=MAX_QUANTITY).contains(&self.quantity),
            format!("{at}/quantity"),
            format!("must be 1 to {MAX_QUANTITY}, got {}", self.quantity),
        );
        let zero = Money::new(0, currency);
        let discount = self.discount.unwrap_or(zero);
        let tax = self.tax.unwrap_or(zero);
        for (field, money) in [
            ("unit_price", self.unit_price),
            ("discount", discount),
            ("tax", tax),
            ("unit_cost", self.unit_cost.unwrap_or(zero)),
        ] {
            checks.require(
                money.currency == currency,
                format!("{at}/{field}/currency"),
                format!("must be the order's currency, {currency}"),
            );
            checks.require(
                (0..=MAX_AMOUNT).contains(&money.amount),
                format!("{at}/{field}/amount"),
                format!("must be 0 to {MAX_AMOUNT}, got {}", money.amount),
            );
        }
        let times_quantity = |money: Money| money.amount.saturating_mul(self.quantity);
        let gross = times_quantity(self.unit_price);
        for (field, amount) in [
            ("unit_price", gross),
            ("unit_cost", self.unit_cost.map_or(0, times_quantity)),
        ] {
            checks.require(
                amount <= MAX_AMOUNT,
                format!("{at}/{field}/amount"),
                format!("times the quantity must be at most {MAX_AMOUNT}, got {amount}"),
            );
        }
        checks.require(
            self.discount.is_none() || discount.amount <= gross,
            format!("{at}/discount/amount"),
            format!("must not exceed quantity x unit_price, {gross}"),
        );
        let net = gross.saturating_sub(discount.amount);
        let total = match tax_treatment {
            TaxTreatment::Inclusive => {
                checks.require(
                    self.tax.is_none() || tax.amount <= net,
                    format!("{at}/tax/amount"),
                    format!("must not exceed the net of the line, {net}"),
                );
                net
            }
            TaxTreatment::Added => {
                let total = net.saturating_add(tax.amount);
                checks.require(
                    total <= MAX_AMOUNT,
                    format!("{at}/tax/amount"),
                    format!("plus the net of the line must be at most {MAX_AMOUNT}, got {total}"),
                );
                total
            }
        };
        Line {
            line: number,
            sku: self.sku,
            quantity: self.quantity,
            unit_price: self.unit_price,
            discount,
            tax,
            net: Money::new(net, currency),
            total: Money::new(total, currency),
            unit_cost: self.unit_cost,
            fulfilled_quantity: 0,
            canceled_quantity: 0,
            returned_quantity: 0,
        }
    }
}

#[cfg(test)]
mod tests;
