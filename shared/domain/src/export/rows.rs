//! The rows of `sales_lines` and `refund_lines`.

use jiff::Timestamp;

use super::TimeZoneGroup;
use crate::ids::{LocationId, OrderId, Sku};
use crate::money::Currency;
use crate::order::{
    Channel, Line, LineAmounts, Order, OrderStatus, Refund, RefundedLine, TaxTreatment,
};

/// The part of a product that is repeated in each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductLabel {
    /// The display name.
    pub name: String,
    /// The category, if the product has one.
    pub category: Option<String>,
}

/// A row of `sales_lines`: one order line. Amounts are in minor units.
#[derive(Debug, Clone, Copy)]
pub struct SalesLine<'a> {
    /// The group of the location.
    pub group: &'a TimeZoneGroup,
    /// The location that sold the order.
    pub location_id: &'a LocationId,
    /// The order.
    pub order_id: OrderId,
    /// The line number, from 1.
    pub line_no: u16,
    /// The stock keeping unit.
    pub sku: &'a Sku,
    /// The product at the time of the export; none if the catalog does not have it.
    pub product: Option<&'a ProductLabel>,
    /// The sales channel.
    pub channel: Channel,
    /// The status of the order.
    pub status: OrderStatus,
    /// The time of the sale, in whole milliseconds.
    pub sold_at: Timestamp,
    /// The sold quantity; see [`sold_lines`].
    pub quantity: i64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The price of one unit.
    pub unit_price: i64,
    /// The cost of one unit, if known.
    pub unit_cost: Option<i64>,
    /// The amounts of the quantity.
    pub amounts: LineAmounts,
    /// Whether prices include tax.
    pub is_tax_inclusive: bool,
    /// The revision of the day that the row belongs to.
    pub revision: u64,
}

/// A row of `refund_lines`: one line of a refund. Amounts are in minor units and positive.
#[derive(Debug, Clone, Copy)]
pub struct RefundLine<'a> {
    /// The group of the location.
    pub group: &'a TimeZoneGroup,
    /// The refund, with the location and the time of the return.
    pub refund: &'a Refund,
    /// The position in the refund, from 1. A refund may have two entries for one order line.
    pub refund_line_no: u16,
    /// The refunded line.
    pub line: &'a RefundedLine,
    /// The order at its own location and business date.
    pub order: &'a Order,
    /// The product at the time of the export; none if the catalog does not have it.
    pub product: Option<&'a ProductLabel>,
    /// The refunded amount without added tax.
    pub net: i64,
    /// The revision of the day that the row belongs to.
    pub revision: u64,
}

/// An order line as it is exported.
#[derive(Debug, Clone, Copy)]
pub struct SoldLine<'a> {
    /// The line.
    pub line: &'a Line,
    /// The quantity sold.
    pub quantity: i64,
    /// The amounts of that quantity.
    pub amounts: LineAmounts,
}

/// Returns the lines that `order` sold, without canceled quantities and without lines that were canceled completely.
///
/// A canceled order is exported with its ordered quantities, marked by its status.
pub fn sold_lines(order: &Order) -> impl Iterator<Item = SoldLine<'_>> {
    let canceled = order.status == OrderStatus::Canceled;
    order
        .lines
        .iter()
        .map(move |line| {
            let quantity = if canceled {
                line.quantity
            } else {
                line.sold_quantity()
            };
            (line, quantity)
        })
        .filter(|(_, quantity)| *quantity > 0)
        .map(|(line, quantity)| SoldLine {
            line,
            quantity,
            amounts: line.amounts_of(quantity),
        })
}

/// Returns the net of a refunded `total` with `tax`: without the tax, if it was added to the prices.
pub fn refund_net(total: i64, tax: i64, treatment: TaxTreatment) -> i64 {
    match treatment {
        TaxTreatment::Inclusive => total,
        TaxTreatment::Added => total - tax,
    }
}

/// Returns the exported name of `channel`.
pub fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Pos => "pos",
        Channel::Online => "online",
        Channel::ClickAndCollect => "click_and_collect",
    }
}

/// Returns the exported name of `status`.
pub fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Allocated => "allocated",
        OrderStatus::PartiallyFulfilled => "partially_fulfilled",
        OrderStatus::Fulfilled => "fulfilled",
        OrderStatus::Canceled => "canceled",
    }
}
