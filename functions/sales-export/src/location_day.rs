//! One location's orders of one day, in a compact form. Orders are read by `placed_at` and exported by `sold_at`, so a day is
//! sorted in memory.

use std::collections::HashMap;

use jiff::Timestamp;
use stockline_domain::export::sold_lines;
use stockline_domain::ids::{OrderId, Sku};
use stockline_domain::money::Currency;
use stockline_domain::order::{Channel, Order, OrderStatus};

/// The sales of one location and business date: about 70 bytes per order and 48 per line. Each SKU is stored once.
#[derive(Default)]
pub struct LocationDay {
    orders: Vec<CompactOrder>,
    lines: Vec<CompactLine>,
    skus: Vec<Sku>,
    sku_indexes: HashMap<Sku, usize>,
}

struct CompactOrder {
    sold_at: Timestamp,
    order_id: OrderId,
    channel: Channel,
    status: OrderStatus,
    currency: Currency,
    first_line: usize,
    line_count: usize,
}

struct CompactLine {
    sku_index: usize,
    number: u16,
    quantity: i64,
    unit_price: i64,
    discount: i64,
    tax: i64,
    net: i64,
}

/// One row of the export: an order line with the fields of its order.
pub struct SaleLine<'a> {
    /// The order's id.
    pub order_id: OrderId,
    /// The sales channel.
    pub channel: Channel,
    /// The order's status.
    pub status: OrderStatus,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The time of the sale, in whole milliseconds.
    pub sold_at: Timestamp,
    /// The line number, from 1.
    pub line: u16,
    /// The stock keeping unit.
    pub sku: &'a Sku,
    /// The sold quantity: ordered minus canceled.
    pub quantity: i64,
    /// The price of one unit, in minor units.
    pub unit_price: i64,
    /// The discount, in minor units.
    pub discount: i64,
    /// The tax in minor units, included in `net` or added to it as the order says.
    pub tax: i64,
    /// The amount paid without added tax, in minor units.
    pub net: i64,
}

impl LocationDay {
    /// Appends the sold lines of `order`.
    pub fn push(&mut self, order: &Order) {
        // Truncate before sorting, so that rows are sorted by the exported value.
        let sold_at = Timestamp::from_millisecond(order.sold_at.as_millisecond());
        let first_line = self.lines.len();
        for sold in sold_lines(order) {
            let sku_index = self.sku_index(&sold.line.sku);
            self.lines.push(CompactLine {
                sku_index,
                number: sold.line.line,
                quantity: sold.quantity,
                unit_price: sold.line.unit_price.amount,
                discount: sold.amounts.discount,
                tax: sold.amounts.tax,
                net: sold.amounts.net,
            });
        }
        self.orders.push(CompactOrder {
            sold_at: sold_at.unwrap_or(order.sold_at),
            order_id: order.order_id,
            channel: order.channel,
            status: order.status,
            currency: order.currency,
            first_line,
            line_count: self.lines.len() - first_line,
        });
    }

    fn sku_index(&mut self, sku: &Sku) -> usize {
        if let Some(index) = self.sku_indexes.get(sku) {
            return *index;
        }
        let index = self.skus.len();
        self.skus.push(sku.clone());
        self.sku_indexes.insert(sku.clone(), index);
        index
    }

    /// Sorts the orders by `sold_at`, then by id.
    pub fn sort(&mut self) {
        self.orders
            .sort_unstable_by_key(|sale| (sale.sold_at, sale.order_id));
    }

    /// All lines in order of their orders.
    pub fn lines(&self) -> impl Iterator<Item = SaleLine<'_>> {
        self.orders.iter().flat_map(move |sale| {
            self.lines[sale.first_line..sale.first_line + sale.line_count]
                .iter()
                .map(move |line| SaleLine {
                    order_id: sale.order_id,
                    channel: sale.channel,
                    status: sale.status,
                    currency: sale.currency,
                    sold_at: sale.sold_at,
                    line: line.number,
                    sku: &self.skus[line.sku_index],
                    quantity: line.quantity,
                    unit_price: line.unit_price,
                    discount: line.discount,
                    tax: line.tax,
                    net: line.net,
                })
        })
    }
}
