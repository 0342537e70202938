//! One location's orders of one day, held small: a day is sorted by when it was sold, but read in the order it arrived.

use std::collections::HashMap;

use jiff::Timestamp;
use stockline_domain::export::sold_lines;
use stockline_domain::ids::{OrderId, Sku};
use stockline_domain::money::Currency;
use stockline_domain::order::{Channel, Order, OrderStatus};

/// A day of a location. An order takes about 70 bytes and a line 48, however long its SKU.
#[derive(Default)]
pub struct LocationDay {
    sales: Vec<Sale>,
    lines: Vec<Line>,
    skus: Vec<Sku>,
    places: HashMap<Sku, usize>,
}

struct Sale {
    sold_at: Timestamp,
    order_id: OrderId,
    channel: Channel,
    status: OrderStatus,
    currency: Currency,
    first_line: usize,
    lines: usize,
}

struct Line {
    sku: usize,
    number: u16,
    quantity: i64,
    unit_price: i64,
    discount: i64,
    tax: i64,
    net: i64,
}

/// One line of an order, with what it shares with the others.
pub struct SaleLine<'a> {
    /// The order.
    pub order_id: OrderId,
    /// How it was sold.
    pub channel: Channel,
    /// Where the order is in its life.
    pub status: OrderStatus,
    /// The currency of its amounts.
    pub currency: Currency,
    /// When it was sold, in whole milliseconds.
    pub sold_at: Timestamp,
    /// Its place in the order, from 1.
    pub line: u16,
    /// What was sold.
    pub sku: &'a Sku,
    /// How much.
    pub quantity: i64,
    /// Price of one, in minor units.
    pub unit_price: i64,
    /// Taken off, in minor units.
    pub discount: i64,
    /// Tax, in the net or on top of it, in minor units.
    pub tax: i64,
    /// What was paid, without tax on top, in minor units.
    pub net: i64,
}

impl LocationDay {
    /// Adds `order`.
    pub fn push(&mut self, order: &Order) {
        // Cut before sorting: rows sort by what they show.
        let sold_at = Timestamp::from_millisecond(order.sold_at.as_millisecond());
        let first_line = self.lines.len();
        for sold in sold_lines(order) {
            let sku = self.place(&sold.line.sku);
            self.lines.push(Line {
                sku,
                number: sold.line.line,
                quantity: sold.quantity,
                unit_price: sold.line.unit_price.amount,
                discount: sold.amounts.discount,
                tax: sold.amounts.tax,
                net: sold.amounts.net,
            });
        }
        self.sales.push(Sale {
            sold_at: sold_at.unwrap_or(order.sold_at),
            order_id: order.order_id,
            channel: order.channel,
            status: order.status,
            currency: order.currency,
            first_line,
            lines: self.lines.len() - first_line,
        });
    }

    fn place(&mut self, sku: &Sku) -> usize {
        if let Some(place) = self.places.get(sku) {
            return *place;
        }
        let place = self.skus.len();
        self.skus.push(sku.clone());
        self.places.insert(sku.clone(), place);
        place
    }

    /// Sorts the orders by when they were sold, then by id.
    pub fn sort(&mut self) {
        self.sales
            .sort_unstable_by_key(|sale| (sale.sold_at, sale.order_id));
    }

    /// The lines, order by order.
    pub fn lines(&self) -> impl Iterator<Item = SaleLine<'_>> {
        self.sales.iter().flat_map(move |sale| {
            self.lines[sale.first_line..sale.first_line + sale.lines]
                .iter()
                .map(move |line| SaleLine {
                    order_id: sale.order_id,
                    channel: sale.channel,
                    status: sale.status,
                    currency: sale.currency,
                    sold_at: sale.sold_at,
                    line: line.number,
                    sku: &self.skus[line.sku],
                    quantity: line.quantity,
                    unit_price: line.unit_price,
                    discount: line.discount,
                    tax: line.tax,
                    net: line.net,
                })
        })
    }
}
