//! The stored form of an order.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use stockline_domain::export::late::late_write_date;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::money::{Currency, Money};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{Channel, Line, Order, OrderStatus, TaxTreatment};

use super::history::{CancellationRecord, FulfilmentRecord};
use crate::keys;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::store_error::StoreError;
use stockline_application::trace::{Cause, Traceparent};

/// The item of an order. Short attribute names and a single currency keep a typical basket within 1 KB, which is one write
/// unit (two in a transaction).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderRecord {
    pub(super) order_id: OrderId,
    location_id: LocationId,
    channel: Channel,
    /// For readers of the raw item. [`Self::order`] derives the status from the lines.
    status: OrderStatus,
    business_date: Date,
    placed_at: Timestamp,
    sold_at: Timestamp,
    currency: Currency,
    #[serde(default, skip_serializing_if = "TaxTreatment::is_inclusive")]
    tax_treatment: TaxTreatment,
    lines: Vec<LineRecord>,
    total: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canceled_at: Option<Timestamp>,
    /// Increases by one with each write.
    pub revision: u64,
    pub(super) fingerprint: Fingerprint,
    location_key: String,
    placed_key: String,
    /// Partition key of index `by_late_write`. Set if this write was late for its business date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_on: Option<Date>,
    /// Trace context of the request that wrote the item. The consumer of the stream record continues the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Traceparent>,
    /// Correlation id of the request that wrote the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    /// Partition key of index `open_by_location`. Set while a line has an open quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_location: Option<LocationId>,
    /// Fulfilments whose transactions had no room for another item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fulfilments: Vec<FulfilmentRecord>,
    /// The cancellation, if the order was canceled.
    #[serde(rename = "cancel", default, skip_serializing_if = "Option::is_none")]
    pub(super) cancellation: Option<CancellationRecord>,
}

/// An entry of index `open_by_location`: the projected attributes of an order.
#[derive(Debug, Deserialize)]
pub(super) struct OpenEntry {
    placed_key: String,
    channel: Channel,
    currency: Currency,
    lines: Vec<LineRecord>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LineRecord {
    /// SKU.
    s: Sku,
    /// Quantity.
    q: i64,
    /// Unit price.
    p: i64,
    /// Discount.
    #[serde(default, skip_serializing_if = "is_zero")]
    d: i64,
    /// Tax.
    #[serde(default, skip_serializing_if = "is_zero")]
    t: i64,
    /// Unit cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<i64>,
    /// Fulfilled quantity.
    #[serde(default, skip_serializing_if = "is_zero")]
    f: i64,
    /// Canceled quantity.
    #[serde(default, skip_serializing_if = "is_zero")]
    c: i64,
    /// Returned quantity.
    #[serde(default, skip_serializing_if = "is_zero")]
    r: i64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl OrderRecord {
    /// Returns the first revision of `order`, placed by `request`.
    pub fn new(order: &Order, request: &Fingerprint) -> Self {
        Self::at_revision(order, request, 1, order.placed_at)
    }

    /// Returns `revision` of `order`, written at `at`. `request` is the request that placed the order.
    pub(super) fn at_revision(
        order: &Order,
        request: &Fingerprint,
        revision: u64,
        at: Timestamp,
    ) -> Self {
        let cause = Cause::current();
        Self {
            order_id: order.order_id,
            location_id: order.location_id.clone(),
            channel: order.channel,
            status: order.status,
            business_date: order.business_date,
            placed_at: order.placed_at,
            sold_at: order.sold_at,
            currency: order.currency,
            tax_treatment: order.tax_treatment,
            lines: order.lines.iter().map(LineRecord::new).collect(),
            total: order.total.amount,
            external_reference: order.external_reference.clone(),
            canceled_at: order.canceled_at,
            revision,
            fingerprint: request.clone(),
            location_key: keys::daily_orders_partition(&order.location_id, order.business_date),
            placed_key: keys::placed_key(order.placed_at, order.order_id),
            late_on: late_write_date(order.business_date, at),
            traceparent: cause.traceparent().cloned(),
            correlation_id: cause.correlation_id().map(str::to_owned),
            open_location: order.is_open().then(|| order.location_id.clone()),
            fulfilments: Vec::new(),
            cancellation: None,
        }
    }

    /// Returns the record with these fulfilments and this cancellation inside the item.
    pub(super) fn with_embedded(
        self,
        fulfilments: Vec<FulfilmentRecord>,
        cancellation: Option<CancellationRecord>,
    ) -> Self {
        Self {
            fulfilments,
            cancellation,
            ..self
        }
    }

    /// Returns the next revision, with the order state `order`, written at `at`.
    pub fn next(&self, order: &Order, at: Timestamp) -> Self {
        Self::at_revision(order, &self.fingerprint, self.revision + 1, at)
            .with_embedded(self.fulfilments.clone(), self.cancellation.clone())
    }

    /// Returns the stored order.
    pub fn order(&self) -> Order {
        let lines: Vec<Line> = (1_u16..)
            .zip(&self.lines)
            .map(|(number, line)| line.line(number, self.currency, self.tax_treatment))
            .collect();
        Order {
            order_id: self.order_id,
            location_id: self.location_id.clone(),
            channel: self.channel,
            status: OrderStatus::of(&lines),
            business_date: self.business_date,
            placed_at: self.placed_at,
            sold_at: self.sold_at,
            currency: self.currency,
            tax_treatment: self.tax_treatment,
            lines,
            total: Money::new(self.total, self.currency),
            external_reference: self.external_reference.clone(),
            canceled_at: self.canceled_at,
        }
    }
}

impl OpenEntry {
    /// Returns the open order. None if no line is open, although the index has the entry.
    pub fn open_order(&self) -> Result<Option<OpenOrder>, StoreError> {
        let (placed_at, order_id) = self.placed()?;
        // The tax treatment affects only the line totals, which an open order does not have.
        let treatment = TaxTreatment::default();
        let lines: Vec<Line> = (1_u16..)
            .zip(&self.lines)
            .map(|(number, line)| line.line(number, self.currency, treatment))
            .collect();
        let channel = self.channel;
        Ok(OpenOrder::of_lines(order_id, channel, placed_at, &lines))
    }

    /// Returns the id of the order.
    pub fn order_id(&self) -> Result<OrderId, StoreError> {
        Ok(self.placed()?.1)
    }

    fn placed(&self) -> Result<(Timestamp, OrderId), StoreError> {
        keys::parse_placed_key(&self.placed_key).ok_or_else(|| {
            StoreError::failed("list open orders")("an index entry has no valid placed_key")
        })
    }
}

impl LineRecord {
    fn new(line: &Line) -> Self {
        Self {
            s: line.sku.clone(),
            q: line.quantity,
            p: line.unit_price.amount,
            d: line.discount.amount,
            t: line.tax.amount,
            u: line.unit_cost.map(|cost| cost.amount),
            f: line.fulfilled_quantity,
            c: line.canceled_quantity,
            r: line.returned_quantity,
        }
    }

    fn line(&self, number: u16, currency: Currency, tax_treatment: TaxTreatment) -> Line {
        let money = |amount| Money::new(amount, currency);
        let net = self.p * self.q - self.d;
        let tax_on_top = if tax_treatment.is_inclusive() {
            0
        } else {
            self.t
        };
        Line {
            line: number,
            sku: self.s.clone(),
            quantity: self.q,
            unit_price: money(self.p),
            discount: money(self.d),
            tax: money(self.t),
            net: money(net),
            total: money(net + tax_on_top),
            unit_cost: self.u.map(money),
            fulfilled_quantity: self.f,
            canceled_quantity: self.c,
            returned_quantity: self.r,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use serde_json::json;
    use stockline_domain::ids::CancellationId;
    use stockline_domain::order::Cancellation;
    use stockline_testkit::orders::{TaxedLine, order, order_body, order_of, taxed_order};

    use super::*;
    use crate::dynamodb::attributes::{Item, item, value};

    /// Returns the size of an attribute value in bytes (Developer Guide, "DynamoDB item sizes and formats").
    fn size(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            // One byte per two digits, plus one.
            AttributeValue::N(number) => number.trim_start_matches('-').len().div_ceil(2) + 1,
            AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
            AttributeValue::M(map) => {
                let pair = |(name, value): (&String, _)| 1 + name.len() + size(value);
                3 + map.iter().map(pair).sum::<usize>()
            }
            other => panic!("unexpected attribute type in an order: {other:?}"),
        }
    }

    fn item_size(item: &Item) -> usize {
        item.iter()
            .map(|(name, value)| name.len() + size(value))
            .sum()
    }

    fn basket(lines: i64, channel: &str) -> Order {
        let lines: Vec<TaxedLine> = (0..lines)
            .map(|number| TaxedLine {
                sku: format!("{:08}", 1_023_456 + number),
                quantity: 1 + number % 3,
                unit_price: 1_299,
                discount: if number % 3 == 0 { 100 } else { 0 },
                tax: 207,
                unit_cost: 845,
            })
            .collect();
        taxed_order("basket-1", "store-117", channel, &lines)
    }

    fn stored_item(order: &Order) -> Item {
        let record = OrderRecord::new(order, &Fingerprint::of(&"a").unwrap());
        item(&keys::order(order.order_id), &record).unwrap()
    }

    /// Returns the item of an order that a request with a `traceparent` writes.
    async fn stored_item_with_trace(order: &Order) -> Item {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse();
        Cause::new(String::new(), trace.ok())
            .scope(async { stored_item(order) })
            .await
    }

    #[tokio::test]
    async fn ten_line_sale_with_all_attributes_is_one_write_unit() {
        let sale = basket(10, "pos");
        let item = stored_item_with_trace(&sale).await;
        assert!(item.contains_key("traceparent"));
        let size = item_size(&item);
        assert!(size <= 1024, "{size} bytes");
        let returned = Order {
            lines: sale
                .lines
                .iter()
                .map(|line| Line {
                    returned_quantity: line.quantity,
                    ..line.clone()
                })
                .collect(),
            ..sale
        };
        let size = item_size(&stored_item_with_trace(&returned).await);
        assert!(size <= 1024, "{size} bytes after all lines are returned");
    }

    #[tokio::test]
    async fn canceled_ten_line_order_is_one_write_unit() {
        let placed = basket(10, "online");
        let canceled = placed.cancel(placed.placed_at).unwrap();
        let id = CancellationId::derive(placed.order_id, "till-1", "c");
        let cancellation = Cancellation::of(id, &canceled, None);
        let request = Fingerprint::of(&"c").unwrap();
        let cancellation = CancellationRecord::new(&cancellation, &request);
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse();
        let record = Cause::new(String::new(), trace.ok())
            .scope(async { OrderRecord::new(&canceled, &request) })
            .await;
        let key = keys::order(canceled.order_id);
        let record = record.with_embedded(Vec::new(), Some(cancellation));
        let size = item_size(&item(&key, &record).unwrap());
        assert!(size <= 1024, "{size} bytes");
    }

    #[test]
    fn zero_line_fields_are_omitted() {
        let plain = order("plain-1", "store-117", "online", &[("milk", 2)]);
        let AttributeValue::L(lines) = &stored_item(&plain)["lines"] else {
            panic!("lines is not a list");
        };
        let mut names: Vec<_> = lines[0].as_m().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["p", "q", "s"]);
    }

    #[test]
    fn order_record_round_trips() {
        let placed = basket(3, "online");
        let partly_fulfilled = placed.fulfil(2, 1).unwrap();
        let mut with_tax_on_top = order_body("store-1", "pos", &[("milk", 2)]);
        with_tax_on_top["tax_treatment"] = "added".into();
        with_tax_on_top["lines"][0]["tax"] = json!({"amount": 14, "currency": "EUR"});
        with_tax_on_top["total"]["amount"] = 214.into();
        for order in [
            placed.clone(),
            order_of("tax-1", with_tax_on_top),
            partly_fulfilled.cancel(placed.placed_at).unwrap(),
            placed.cancel(placed.placed_at).unwrap(),
        ] {
            let record: OrderRecord = value(stored_item(&order)).unwrap();
            assert_eq!(record.order(), order);
        }
    }
}
