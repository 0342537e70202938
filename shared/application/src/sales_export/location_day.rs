//! One location's orders of one day, in a compact form. Orders are read by `placed_at` and exported by `sold_at`, so a day is
//! sorted in memory.

use std::collections::HashMap;

use jiff::Timestamp;
use stockline_domain::export::sold_lines;
use stockline_domain::ids::{OrderId, Sku};
use stockline_domain::millis;
use stockline_domain::money::Currency;
use stockline_domain::order::{Channel, LineAmounts, Order, OrderStatus};

/// The sales of one location and business date: about 72 bytes per order and 88 per line. Each SKU is stored once.
#[derive(Default)]
pub(super) struct LocationDay {
    orders: Vec<CompactOrder>,
    lines: Vec<CompactLine>,
    skus: Vec<Sku>,
    sku_indexes: HashMap<Sku, usize>,
}

/// The fields of an order that its rows repeat.
pub(super) struct CompactOrder {
    pub sold_at: Timestamp,
    pub order_id: OrderId,
    pub channel: Channel,
    pub status: OrderStatus,
    pub currency: Currency,
    pub is_tax_inclusive: bool,
    first_line: usize,
    line_count: usize,
}

/// A sold line. Amounts are in minor units.
pub(super) struct CompactLine {
    sku_index: usize,
    pub line_no: u16,
    pub quantity: i64,
    pub unit_price: i64,
    pub unit_cost: Option<i64>,
    pub amounts: LineAmounts,
}

impl LocationDay {
    /// Appends the sold lines of `order`.
    pub fn push(&mut self, order: &Order) {
        let first_line = self.lines.len();
        for sold in sold_lines(order) {
            let sku_index = self.sku_index(&sold.line.sku);
            self.lines.push(CompactLine {
                sku_index,
                line_no: sold.line.line,
                quantity: sold.quantity,
                unit_price: sold.line.unit_price.amount,
                unit_cost: sold.line.unit_cost.map(|cost| cost.amount),
                amounts: sold.amounts,
            });
        }
        self.orders.push(CompactOrder {
            // Truncated before sorting, so that rows are sorted by the exported value.
            sold_at: millis::truncate(order.sold_at),
            order_id: order.order_id,
            channel: order.channel,
            status: order.status,
            currency: order.currency,
            is_tax_inclusive: order.tax_treatment.is_inclusive(),
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

    /// All lines with their order and SKU, in the order of their orders.
    pub fn lines(&self) -> impl Iterator<Item = (&CompactOrder, &CompactLine, &Sku)> {
        self.orders.iter().flat_map(move |sale| {
            self.lines[sale.first_line..sale.first_line + sale.line_count]
                .iter()
                .map(move |line| (sale, line, &self.skus[line.sku_index]))
        })
    }
}
