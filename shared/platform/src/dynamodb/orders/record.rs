//! An order as an item.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use stockline_domain::export::late::late_on;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::money::{Currency, Money};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{Channel, Line, Order, OrderStatus, TaxTreatment};

use super::history::{CancellationRecord, FulfilmentRecord};
use crate::keys;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::store_error::StoreError;
use stockline_application::trace::{Cause, Traceparent};

/// An order as it is stored: short attribute names and no repeated currency keep an ordinary basket within 1 KB,
/// which is one write unit (two in a transaction).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderRecord {
    pub(super) order_id: OrderId,
    location_id: LocationId,
    channel: Channel,
    /// For readers of the item; the lines decide.
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
    /// Rises by one with every write.
    pub revision: u64,
    pub(super) fingerprint: Fingerprint,
    location_key: String,
    placed_key: String,
    /// Where the index `by_late_write` has it, if this write came late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_on: Option<Date>,
    /// The trace of the request that wrote it; the stream record continues it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Traceparent>,
    /// The correlation id of the request that wrote it; the stream record continues it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    /// Where the index `open_by_location` has it, while something of it is still to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_location: Option<LocationId>,
    /// Fulfilments for which their transaction had no room beside the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fulfilments: Vec<FulfilmentRecord>,
    /// How it was canceled.
    #[serde(rename = "cancel", default, skip_serializing_if = "Option::is_none")]
    pub(super) cancellation: Option<CancellationRecord>,
}

/// An order as its entry in `open_by_location` has it.
#[derive(Debug, Deserialize)]
pub(super) struct OpenEntry {
    placed_key: String,
    channel: Channel,
    currency: Currency,
    lines: Vec<LineRecord>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LineRecord {
    /// The stock keeping unit.
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
    /// `order` as it is stored for the first time.
    pub fn new(order: &Order, request: &Fingerprint) -> Self {
        Self::at_revision(order, request, 1, order.placed_at)
    }

    /// `order` as it is stored at `at`, placed by `request`.
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
            location_key: keys::orders_of_day(&order.location_id, order.business_date),
            placed_key: keys::placed(order.placed_at, order.order_id),
            late_on: late_on(order.business_date, at),
            traceparent: cause.traceparent().cloned(),
            correlation_id: cause.correlation_id().map(str::to_owned),
            open_location: order.is_open().then(|| order.location_id.clone()),
            fulfilments: Vec::new(),
            cancellation: None,
        }
    }

    /// With `fulfilments` and `cancellation` kept in it.
    pub(super) fn keeping(
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

    /// What is stored after `order` went on in its life at `at`: the next revision.
    pub fn next(&self, order: &Order, at: Timestamp) -> Self {
        Self::at_revision(order, &self.fingerprint, self.revision + 1, at)
            .keeping(self.fulfilments.clone(), self.cancellation.clone())
    }

    /// The order that is stored.
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
    /// What the order holds; nothing, where its lines say otherwise than the index.
    pub fn open_order(&self) -> Result<Option<OpenOrder>, StoreError> {
        let (placed_at, order_id) = keys::parse_placed(&self.placed_key)
            .ok_or_else(|| StoreError::failed("list open orders")("an entry has no such key"))?;
        // What it comes to is nobody's question here.
        let treatment = TaxTreatment::default();
        let lines: Vec<Line> = (1_u16..)
            .zip(&self.lines)
            .map(|(number, line)| line.line(number, self.currency, treatment))
            .collect();
        let channel = self.channel;
        Ok(OpenOrder::of_lines(order_id, channel, placed_at, &lines))
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

    /// What DynamoDB counts an attribute as (Developer Guide, "DynamoDB item sizes and formats").
    fn size(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            // One byte for two digits, and one more.
            AttributeValue::N(number) => number.trim_start_matches('-').len().div_ceil(2) + 1,
            AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
            AttributeValue::M(map) => {
                let pair = |(name, value): (&String, _)| 1 + name.len() + size(value);
                3 + map.iter().map(pair).sum::<usize>()
            }
            other => panic!("no attribute of an order is {other:?}"),
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

    fn stored(order: &Order) -> Item {
        let record = OrderRecord::new(order, &Fingerprint::of(&"a").unwrap());
        item(&keys::order(order.order_id), &record).unwrap()
    }

    /// As it is stored while a request with a `traceparent` is served.
    async fn stored_in_a_trace(order: &Order) -> Item {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse();
        Cause::new(String::new(), trace.ok())
            .scope(async { stored(order) })
            .await
    }

    #[tokio::test]
    async fn a_basket_of_ten_lines_with_cost_tax_and_trace_is_one_write_unit() {
        let sale = basket(10, "pos");
        let item = stored_in_a_trace(&sale).await;
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
        let size = item_size(&stored_in_a_trace(&returned).await);
        assert!(size <= 1024, "{size} bytes once all of it has come back");
    }

    #[tokio::test]
    async fn a_basket_of_ten_lines_that_was_canceled_is_one_write_unit() {
        let promise = basket(10, "online");
        let canceled = promise.cancel(promise.placed_at).unwrap();
        let id = CancellationId::derive(promise.order_id, "till-1", "c");
        let made = Cancellation::of(id, &canceled);
        let request = Fingerprint::of(&"c").unwrap();
        let kept = CancellationRecord::new(&made, &request);
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse();
        let record = Cause::new(String::new(), trace.ok())
            .scope(async { OrderRecord::new(&canceled, &request) })
            .await;
        let key = keys::order(canceled.order_id);
        let record = record.keeping(Vec::new(), Some(kept));
        let size = item_size(&item(&key, &record).unwrap());
        assert!(size <= 1024, "{size} bytes");
    }

    #[test]
    fn what_a_line_has_nothing_of_takes_no_room() {
        let plain = order("plain-1", "store-117", "online", &[("milk", 2)]);
        let AttributeValue::L(lines) = &stored(&plain)["lines"] else {
            panic!("the lines are no list");
        };
        let mut names: Vec<_> = lines[0].as_m().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["p", "q", "s"]);
    }

    #[test]
    fn what_is_stored_of_an_order_is_all_of_it() {
        let placed = basket(3, "online");
        let part = placed.fulfil(2, 1).unwrap();
        let mut with_tax_on_top = order_body("store-1", "pos", &[("milk", 2)]);
        with_tax_on_top["tax_treatment"] = "added".into();
        with_tax_on_top["lines"][0]["tax"] = json!({"amount": 14, "currency": "EUR"});
        with_tax_on_top["total"]["amount"] = 214.into();
        for order in [
            placed.clone(),
            order_of("tax-1", with_tax_on_top),
            part.cancel(placed.placed_at).unwrap(),
            placed.cancel(placed.placed_at).unwrap(),
        ] {
            let record: OrderRecord = value(stored(&order)).unwrap();
            assert_eq!(record.order(), order);
        }
    }
}
