//! Totals of a business date per location and currency, and their reconciliation with the rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::manifest::DayDataset;
use super::rows::{RefundLine, SalesLine, refund_net};
use super::{TooLarge, sold_lines};
use crate::ids::{LocationId, OrderId, RefundId};
use crate::money::Currency;
use crate::order::{LineAmounts, Order, OrderStatus, Refund, TaxTreatment};

/// The sales of one location in one currency on one business date, in minor units. Canceled orders are counted but not summed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreTotals {
    /// The location.
    pub location_id: LocationId,
    /// The currency.
    pub currency: Currency,
    /// The number of orders that were not canceled.
    pub orders: u64,
    /// The number of canceled orders.
    pub canceled_orders: u64,
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
}

/// The refunds at one location in one currency on one business date, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTotals {
    /// The location that the goods were returned to.
    pub location_id: LocationId,
    /// The currency.
    pub currency: Currency,
    /// The number of refunds.
    pub refunds: u64,
    /// Tax, included in `net` or added to it as each order states.
    pub tax: i64,
    /// The refunded amount without added tax.
    pub net: i64,
    /// The refunded amount.
    pub total: i64,
}

type Key = (LocationId, Currency);

/// Sums the sales and refunds of one business date: either of orders and refunds as they are read, or of rows as they are
/// written. Both give the same totals, which [`DayTotals::reconcile`] checks.
#[derive(Debug, Clone, Default)]
pub struct DayTotals {
    sales: BTreeMap<Key, StoreTotals>,
    refunds: BTreeMap<Key, RefundTotals>,
    last_order: Option<OrderId>,
    last_refund: Option<RefundId>,
}

/// The rows of a day do not sum to the orders and refunds they were made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of {location_id} in {currency}: {field} is {read} as read, {written} in the rows", .dataset.name())]
pub struct NotReconciled {
    /// The dataset.
    pub dataset: DayDataset,
    /// The location.
    pub location_id: LocationId,
    /// The currency.
    pub currency: Currency,
    /// The total that differs.
    pub field: &'static str,
    /// Its value in orders or refunds, in minor units.
    pub read: i64,
    /// Its value in rows, in minor units.
    pub written: i64,
}

impl DayTotals {
    /// Adds an order as it was read. The total is the order's own, unless a part of the order was canceled.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn add_order(&mut self, order: &Order) -> Result<(), TooLarge> {
        let totals = self.sales_of(&order.location_id, order.currency);
        if order.status == OrderStatus::Canceled {
            totals.canceled_orders += 1;
            return Ok(());
        }
        totals.orders += 1;
        if order.lines.iter().any(|line| line.canceled_quantity > 0) {
            return sold_lines(order).try_for_each(|sold| totals.add(sold.amounts));
        }
        for line in &order.lines {
            totals.add(LineAmounts {
                gross: product(line.unit_price.amount, line.quantity)?,
                discount: line.discount.amount,
                tax: line.tax.amount,
                net: line.net.amount,
                total: 0,
            })?;
        }
        totals.total = sum(totals.total, order.total.amount)?;
        Ok(())
    }

    /// Adds a refund as it was read: its own total and tax. `treatment` is that of its order.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn add_refund(&mut self, refund: &Refund, treatment: TaxTreatment) -> Result<(), TooLarge> {
        let (total, tax) = (refund.total.amount, refund.tax.amount);
        let totals = self.refunds_of(&refund.location_id, refund.total.currency);
        totals.refunds += 1;
        totals.add(refund_net(total, tax, treatment), tax, total)
    }

    /// Adds a row of `sales_lines`. The rows of one order must follow each other.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn add_sales_line(&mut self, row: &SalesLine<'_>) -> Result<(), TooLarge> {
        let is_new = self.last_order.replace(row.order_id) != Some(row.order_id);
        let is_canceled = row.status == OrderStatus::Canceled;
        let totals = self.sales_of(row.location_id, row.currency);
        totals.orders += u64::from(is_new && !is_canceled);
        totals.canceled_orders += u64::from(is_new && is_canceled);
        if is_canceled {
            Ok(())
        } else {
            totals.add(row.amounts)
        }
    }

    /// Adds a row of `refund_lines`. The rows of one refund must follow each other.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn add_refund_line(&mut self, row: &RefundLine<'_>) -> Result<(), TooLarge> {
        let id = row.refund.refund_id;
        let is_new = self.last_refund.replace(id) != Some(id);
        let totals = self.refunds_of(&row.refund.location_id, row.line.amount.currency);
        totals.refunds += u64::from(is_new);
        totals.add(row.net, row.line.tax.amount, row.line.amount.amount)
    }

    /// Checks that these totals, of orders and refunds as read, equal those of the rows.
    ///
    /// # Errors
    /// The first difference.
    pub fn reconcile(&self, rows: &Self) -> Result<(), NotReconciled> {
        compare(DayDataset::SalesLines, &self.sales, &rows.sales)?;
        compare(DayDataset::RefundLines, &self.refunds, &rows.refunds)
    }

    /// Returns the totals of sales and of refunds, sorted by location and currency.
    pub fn finish(self) -> (Vec<StoreTotals>, Vec<RefundTotals>) {
        (
            self.sales.into_values().collect(),
            self.refunds.into_values().collect(),
        )
    }

    fn sales_of(&mut self, location: &LocationId, currency: Currency) -> &mut StoreTotals {
        self.sales
            .entry((location.clone(), currency))
            .or_insert_with(|| StoreTotals {
                location_id: location.clone(),
                currency,
                orders: 0,
                canceled_orders: 0,
                gross: 0,
                discount: 0,
                tax: 0,
                net: 0,
                total: 0,
            })
    }

    fn refunds_of(&mut self, location: &LocationId, currency: Currency) -> &mut RefundTotals {
        self.refunds
            .entry((location.clone(), currency))
            .or_insert_with(|| RefundTotals {
                location_id: location.clone(),
                currency,
                refunds: 0,
                tax: 0,
                net: 0,
                total: 0,
            })
    }
}

impl StoreTotals {
    fn add(&mut self, amounts: LineAmounts) -> Result<(), TooLarge> {
        self.gross = sum(self.gross, amounts.gross)?;
        self.discount = sum(self.discount, amounts.discount)?;
        self.tax = sum(self.tax, amounts.tax)?;
        self.net = sum(self.net, amounts.net)?;
        self.total = sum(self.total, amounts.total)?;
        Ok(())
    }
}

impl RefundTotals {
    fn add(&mut self, net: i64, tax: i64, total: i64) -> Result<(), TooLarge> {
        self.net = sum(self.net, net)?;
        self.tax = sum(self.tax, tax)?;
        self.total = sum(self.total, total)?;
        Ok(())
    }
}

/// Totals that can be compared figure by figure.
trait Figures {
    fn figures(&self) -> Vec<(&'static str, i64)>;
}

impl Figures for StoreTotals {
    fn figures(&self) -> Vec<(&'static str, i64)> {
        vec![
            ("orders", count(self.orders)),
            ("canceled_orders", count(self.canceled_orders)),
            ("gross", self.gross),
            ("discount", self.discount),
            ("tax", self.tax),
            ("net", self.net),
            ("total", self.total),
        ]
    }
}

impl Figures for RefundTotals {
    fn figures(&self) -> Vec<(&'static str, i64)> {
        vec![
            ("refunds", count(self.refunds)),
            ("tax", self.tax),
            ("net", self.net),
            ("total", self.total),
        ]
    }
}

fn compare<T: Figures>(
    dataset: DayDataset,
    read: &BTreeMap<Key, T>,
    rows: &BTreeMap<Key, T>,
) -> Result<(), NotReconciled> {
    let keys: BTreeSet<&Key> = read.keys().chain(rows.keys()).collect();
    for key in keys {
        let figures = |totals: &BTreeMap<Key, T>| -> BTreeMap<&'static str, i64> {
            let totals = totals.get(key).map(T::figures);
            totals.unwrap_or_default().into_iter().collect()
        };
        let (read, rows) = (figures(read), figures(rows));
        for field in read.keys().chain(rows.keys()) {
            let value = |figures: &BTreeMap<&'static str, i64>| {
                figures.get(field).copied().unwrap_or_default()
            };
            if value(&read) != value(&rows) {
                return Err(NotReconciled {
                    dataset,
                    location_id: key.0.clone(),
                    currency: key.1,
                    field,
                    read: value(&read),
                    written: value(&rows),
                });
            }
        }
    }
    Ok(())
}

fn sum(total: i64, amount: i64) -> Result<i64, TooLarge> {
    total.checked_add(amount).ok_or(TooLarge)
}

fn product(price: i64, quantity: i64) -> Result<i64, TooLarge> {
    price.checked_mul(quantity).ok_or(TooLarge)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;
    use crate::export::{SoldLine, TimeZoneGroup};
    use crate::order::{RefundContext, RefundLine as RequestedLine, RefundOrder};
    use crate::place_order::PlaceOrder;

    /// An online order of three units at 1.00 and 0.07 discount, with 0.50 tax added or included.
    fn order(key: &str, treatment: &str) -> Order {
        let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        let total = if treatment == "added" { 343 } else { 293 };
        let body: PlaceOrder = serde_json::from_value(json!({
            "location_id": "store-1", "channel": "online", "currency": "EUR", "tax_treatment": treatment,
            "lines": [{"sku": "milk", "quantity": 3, "unit_price": money(100), "discount": money(7), "tax": money(50)}],
            "total": money(total),
        }))
        .unwrap();
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        body.order(OrderId::derive("till", key), now, &TimeZone::UTC, 0)
            .unwrap()
    }

    fn group() -> TimeZoneGroup {
        let location = serde_json::from_value(json!({
            "location_id": "store-1", "name": "Store", "kind": "store", "time_zone": "UTC", "close_out_hour": 0,
        }))
        .unwrap();
        TimeZoneGroup::of(&[location]).0.remove(0)
    }

    fn add_rows(totals: &mut DayTotals, order: &Order) {
        let group = group();
        for SoldLine {
            line,
            quantity,
            amounts,
        } in sold_lines(order)
        {
            let row = SalesLine {
                group: &group,
                location_id: &order.location_id,
                order_id: order.order_id,
                line_no: line.line,
                sku: &line.sku,
                product: None,
                channel: order.channel,
                status: order.status,
                sold_at: order.sold_at,
                quantity,
                currency: order.currency,
                unit_price: line.unit_price.amount,
                unit_cost: None,
                amounts,
                is_tax_inclusive: order.tax_treatment.is_inclusive(),
                revision: 1,
            };
            totals.add_sales_line(&row).unwrap();
        }
    }

    fn orders() -> Vec<Order> {
        let part = order("part", "added").fulfil(1, 1).unwrap();
        let canceled = order("canceled", "inclusive");
        vec![
            order("whole", "inclusive"),
            order("taxed", "added"),
            part.cancel(part.placed_at).unwrap(),
            canceled.cancel(canceled.placed_at).unwrap(),
        ]
    }

    #[test]
    fn rows_of_orders_reconcile() {
        let (mut read, mut rows) = (DayTotals::default(), DayTotals::default());
        for order in orders() {
            read.add_order(&order).unwrap();
            add_rows(&mut rows, &order);
        }
        assert_eq!(read.reconcile(&rows), Ok(()));
        let (sales, refunds) = read.finish();
        let sales = &sales[0];
        assert_eq!((sales.orders, sales.canceled_orders), (3, 1));
        // One of three units of the part: 343 / 3 and 50 / 3, rounded down.
        assert_eq!(
            (sales.gross, sales.net, sales.tax, sales.total),
            (700, 293 + 293 + 98, 50 + 50 + 16, 293 + 343 + 114)
        );
        assert_eq!(refunds, []);
    }

    #[test]
    fn missing_and_repeated_rows_are_differences() {
        let mut read = DayTotals::default();
        for order in orders() {
            read.add_order(&order).unwrap();
        }
        for (missing, field) in [(0, "discount"), (3, "canceled_orders")] {
            let mut rows = DayTotals::default();
            for (number, order) in orders().iter().enumerate() {
                if number != missing {
                    add_rows(&mut rows, order);
                }
            }
            assert_eq!(read.reconcile(&rows).unwrap_err().field, field);
        }
        let mut repeated = DayTotals::default();
        for order in orders().iter().chain(&orders()[..1]) {
            add_rows(&mut repeated, order);
        }
        assert_eq!(read.reconcile(&repeated).unwrap_err().field, "discount");
        let nothing = DayTotals::default().reconcile(&read).unwrap_err();
        assert_eq!((nothing.dataset, nothing.read), (DayDataset::SalesLines, 0));
    }

    #[test]
    fn order_total_is_compared_with_its_lines() {
        let mut order = order("wrong", "added");
        let mut rows = DayTotals::default();
        add_rows(&mut rows, &order);
        order.total.amount += 1;
        let mut read = DayTotals::default();
        read.add_order(&order).unwrap();
        let difference = read.reconcile(&rows).unwrap_err();
        assert_eq!(
            difference.to_string(),
            "sales_lines of store-1 in EUR: total is 344 as read, 343 in the rows"
        );
    }

    #[test]
    fn refund_of_added_tax_has_its_net_without_it() {
        for (treatment, total) in [("added", 228), ("inclusive", 195)] {
            let order = order("sold", treatment).fulfil(1, 3).unwrap();
            let body = RefundOrder {
                reason: "sour".to_owned(),
                location_id: None,
                occurred_at: None,
                lines: vec![RequestedLine {
                    line: 1,
                    quantity: 2,
                    restock: true,
                }],
            };
            let context = RefundContext {
                refund_id: RefundId::derive(order.order_id, "till", treatment),
                location_id: order.location_id.clone(),
                business_date: date(2026, 3, 1),
                at: order.placed_at,
            };
            let (refund, _) = body.refund(context, &order).unwrap();
            let mut read = DayTotals::default();
            read.add_refund(&refund, order.tax_treatment).unwrap();
            let (_, refunds) = read.finish();
            // Two of three units: 343, 293 and 50, each x 2 / 3, rounded down.
            let amounts = (refunds[0].net, refunds[0].tax, refunds[0].total);
            assert_eq!((refunds[0].refunds, amounts), (1, (195, 33, total)));
        }
    }
}
