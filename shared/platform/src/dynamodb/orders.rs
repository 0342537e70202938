//! Orders in DynamoDB: an order and the levels it takes from change in one transaction, one round trip.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use stockline_domain::export::late::late_on;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::level::LevelKey;
use stockline_domain::money::{Currency, Money};
use stockline_domain::order::{Channel, Line, Order, OrderStatus, SkuQuantity};
use stockline_domain::split_level::Part as LevelPart;

use super::attributes::{item, key_of, number, position, start_key, string, value};
use super::change_level::change_level;
use super::transaction::{Part, Written, sort, write};
use crate::cursor::{Listing, Page, Position};
use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::keys;
use crate::ports::orders::{Cancellation, OrderStore, Placement, ShortSku};
use crate::store_error::StoreError;
use crate::trace::{self, Traceparent};

/// Orders and the levels they take from.
#[derive(Debug, Clone)]
pub struct DynamoOrders {
    client: Client,
    orders_table: String,
    stock_table: String,
}

/// An order as it is stored: short attribute names and no repeated currency keep an ordinary basket within 1 KB,
/// which is one write unit (two in a transaction).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderRecord {
    order_id: OrderId,
    location_id: LocationId,
    channel: Channel,
    status: OrderStatus,
    business_date: Date,
    placed_at: Timestamp,
    sold_at: Timestamp,
    currency: Currency,
    lines: Vec<LineRecord>,
    total: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canceled_at: Option<Timestamp>,
    /// Rises by one with every write.
    pub revision: u64,
    fingerprint: String,
    location_key: String,
    placed_key: String,
    /// Where the index `by_late_write` has it, if this write came late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_on: Option<Date>,
    /// The trace of the request that wrote it: what the stream causes is a part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Traceparent>,
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
    /// Fulfilled quantity.
    #[serde(default, skip_serializing_if = "is_zero")]
    f: i64,
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
        Self {
            order_id: order.order_id,
            location_id: order.location_id.clone(),
            channel: order.channel,
            status: order.status,
            business_date: order.business_date,
            placed_at: order.placed_at,
            sold_at: order.sold_at,
            currency: order.currency,
            lines: order.lines.iter().map(LineRecord::new).collect(),
            total: order.total.amount,
            external_reference: order.external_reference.clone(),
            canceled_at: order.canceled_at,
            revision: 1,
            fingerprint: request.as_str().to_owned(),
            location_key: keys::orders_of_day(&order.location_id, order.business_date),
            placed_key: keys::placed(order.placed_at, order.order_id),
            late_on: late_on(order.business_date, order.placed_at),
            traceparent: trace::current(),
        }
    }

    /// What is stored after `order` went on in its life at `at`: the next revision.
    pub fn next(&self, order: &Order, at: Timestamp) -> Self {
        Self {
            status: order.status,
            lines: order.lines.iter().map(LineRecord::new).collect(),
            canceled_at: order.canceled_at,
            revision: self.revision + 1,
            late_on: late_on(self.business_date, at),
            traceparent: trace::current().or_else(|| self.traceparent.clone()),
            ..self.clone()
        }
    }

    /// The order that is stored.
    pub fn order(&self) -> Order {
        let money = |amount| Money::new(amount, self.currency);
        Order {
            order_id: self.order_id,
            location_id: self.location_id.clone(),
            channel: self.channel,
            status: self.status,
            business_date: self.business_date,
            placed_at: self.placed_at,
            sold_at: self.sold_at,
            currency: self.currency,
            lines: (1_u16..)
                .zip(&self.lines)
                .map(|(number, line)| Line {
                    line: number,
                    sku: line.s.clone(),
                    quantity: line.q,
                    unit_price: money(line.p),
                    discount: money(line.d),
                    tax: money(line.t),
                    net: money(line.p * line.q - line.d),
                    fulfilled_quantity: line.f,
                })
                .collect(),
            total: money(self.total),
            external_reference: self.external_reference.clone(),
            canceled_at: self.canceled_at,
        }
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
            f: line.fulfilled_quantity,
        }
    }
}

impl DynamoOrders {
    /// Orders in `orders_table`, levels in `stock_table`.
    pub fn new(client: Client, orders_table: String, stock_table: String) -> Self {
        Self {
            client,
            orders_table,
            stock_table,
        }
    }

    /// Opens the connection ahead of the first request, by reading an order that cannot be; that it fails is the first
    /// request's to tell.
    pub async fn warm_up(&self) {
        if let Err(error) = self.find(OrderId::derive("", "")).await {
            tracing::warn!(%error, "the connection could not be opened ahead");
        }
    }

    /// The parts of the one transaction that places `order`.
    pub fn placing(
        &self,
        order: &Order,
        request: &Fingerprint,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut parts = vec![self.put_new(&OrderRecord::new(order, request))?];
        for entry in &order.quantities() {
            let change = order.placing_change(entry);
            let key = LevelKey {
                location_id: order.location_id.clone(),
                sku: entry.sku.clone(),
            };
            parts.push(change_level(
                &self.stock_table,
                &key,
                &LevelPart::whole(&change, 0),
            )?);
        }
        Ok(parts)
    }

    async fn record(&self, id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.orders_table)
            .set_key(Some(key_of(&keys::order(id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read an order"))?;
        found.item.map(value).transpose()
    }

    fn put_new(&self, record: &OrderRecord) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.orders_table)
            .set_item(Some(item(&keys::order(record.order_id), record)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(StoreError::failed("write an order"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The write that replaces `before` by `after`, unless another came first.
    pub fn replace(
        orders_table: &str,
        before: &OrderRecord,
        after: &OrderRecord,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(orders_table)
            .set_item(Some(item(&keys::order(after.order_id), after)?))
            .condition_expression("revision = :revision")
            .expression_attribute_values(":revision", number(before.revision))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(StoreError::failed("write an order"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// A page of the orders under the key `day` of the index `by_location`; without a limit, the 1 MB that one query reads.
pub(super) async fn orders_of_day(
    client: &Client,
    orders_table: &str,
    day: String,
    limit: Option<i32>,
    after: Option<Position>,
) -> Result<Listing<Order>, StoreError> {
    let found = client
        .query()
        .table_name(orders_table)
        .index_name("by_location")
        .key_condition_expression("location_key = :day")
        .expression_attribute_values(":day", string(day))
        .set_limit(limit)
        .set_exclusive_start_key(start_key(after))
        .send()
        .await
        .map_err(sort("list the orders of a day"))?;
    let items = found
        .items
        .unwrap_or_default()
        .into_iter()
        .map(|item| Ok(value::<OrderRecord>(item)?.order()))
        .collect::<Result<_, StoreError>>()?;
    Ok(Listing {
        items,
        next: position(found.last_evaluated_key),
    })
}

impl OrderStore for DynamoOrders {
    async fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        deadline: Deadline,
    ) -> Result<Placement, StoreError> {
        match write(&self.client, self.placing(order, request)?, deadline).await? {
            Written::All => Ok(Placement::Placed),
            Written::Refused(reasons) => refused(order, request, &order.quantities(), reasons),
        }
    }

    async fn find(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(self.record(id).await?.map(|record| record.order()))
    }

    async fn list(
        &self,
        location: &LocationId,
        business_date: Date,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        let day = keys::orders_of_day(location, business_date);
        let limit = Some(i32::from(page.limit));
        orders_of_day(&self.client, &self.orders_table, day, limit, page.after).await
    }

    async fn cancel(
        &self,
        id: OrderId,
        reason: Option<&str>,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Cancellation, StoreError> {
        let mut tries = 0;
        loop {
            let Some(before) = self.record(id).await? else {
                return Ok(Cancellation::Unknown);
            };
            let order = before.order();
            let Ok(canceled) = order.cancel(at) else {
                return Ok(Cancellation::TooLate);
            };
            if order.status == OrderStatus::Canceled {
                return Ok(Cancellation::Canceled(Box::new(order)));
            }
            let mut parts = vec![Self::replace(
                &self.orders_table,
                &before,
                &before.next(&canceled, at),
            )?];
            for entry in &order.quantities() {
                let change = order.releasing_change(entry, reason, at);
                let key = LevelKey {
                    location_id: order.location_id.clone(),
                    sku: entry.sku.clone(),
                };
                parts.push(change_level(
                    &self.stock_table,
                    &key,
                    &LevelPart::whole(&change, 0),
                )?);
            }
            match write(&self.client, parts, deadline).await? {
                Written::All => return Ok(Cancellation::Canceled(Box::new(canceled))),
                // Someone else wrote the order first: read it again and decide anew.
                Written::Refused(reasons) if matches!(reasons.first(), Some(Part::Failed(_))) => {}
                Written::Refused(_) => {
                    return Err(StoreError::failed("cancel an order")(
                        "a level holds less than the order allocated",
                    ));
                }
            }
            tries += 1;
            if !deadline.back_off(tries).await {
                return Err(StoreError::Busy);
            }
        }
    }
}

fn refused(
    order: &Order,
    request: &Fingerprint,
    quantities: &[SkuQuantity],
    reasons: Vec<Part>,
) -> Result<Placement, StoreError> {
    let mut reasons = reasons.into_iter();
    if let Some(Part::Failed(Some(item))) = reasons.next() {
        let existing: OrderRecord = value(item)?;
        return Ok(if existing.fingerprint == request.as_str() {
            Placement::Replayed(Box::new(existing.order()))
        } else {
            Placement::KeyReused
        });
    }
    let (mut short, mut not_stocked) = (Vec::new(), Vec::new());
    for (entry, reason) in quantities.iter().zip(reasons) {
        match reason {
            Part::Held => {}
            Part::Failed(None) => not_stocked.push(entry.sku.clone()),
            Part::Failed(Some(item)) => short.push(ShortSku {
                sku: entry.sku.clone(),
                requested: entry.quantity,
                available: available(&item)?.max(0),
            }),
        }
    }
    if !not_stocked.is_empty() {
        return Ok(Placement::NotStocked(not_stocked));
    }
    if short.is_empty() {
        return Err(StoreError::failed("place an order")(format!(
            "the transaction for {} was refused without a reason",
            order.order_id
        )));
    }
    Ok(Placement::Short(short))
}

fn available(item: &super::attributes::Item) -> Result<i64, StoreError> {
    item.get("available")
        .and_then(|value| value.as_n().ok())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| StoreError::failed("read a level")("it has no available quantity"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use serde_json::{Value, json};
    use stockline_domain::place_order::PlaceOrder;

    use super::*;

    /// As DynamoDB counts it: names and texts by their bytes, a number by half its digits and one, a list or map 3 and
    /// one an entry.
    fn size(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len().div_ceil(2) + 1,
            AttributeValue::L(entries) => {
                3 + entries.iter().map(|entry| 1 + size(entry)).sum::<usize>()
            }
            AttributeValue::M(fields) => 3 + fields.len() + fields_size(fields.iter()),
            other => panic!("an order holds no {other:?}"),
        }
    }

    fn fields_size<'a>(fields: impl Iterator<Item = (&'a String, &'a AttributeValue)>) -> usize {
        fields.map(|(name, value)| name.len() + size(value)).sum()
    }

    #[tokio::test]
    async fn a_basket_of_ten_lines_with_its_trace_is_one_write_unit() {
        let lines: Vec<Value> = (0..10)
            .map(|line| {
                let price = json!({"amount": 1099, "currency": "EUR"});
                let tax = json!({"amount": 175, "currency": "EUR"});
                json!({"sku": format!("40063813339{line:02}"), "quantity": 2, "unit_price": price, "tax": tax})
            })
            .collect();
        let body: PlaceOrder = serde_json::from_value(json!({
            "location_id": "store-berlin-042", "channel": "click_and_collect", "currency": "EUR", "lines": lines,
            "total": {"amount": 21980, "currency": "EUR"}, "external_reference": "receipt-2026-0042-1337",
        }))
        .unwrap();
        let now = "2026-03-01T12:00:00.123Z".parse().unwrap();
        let order = body
            .order(
                OrderId::derive("till", "1"),
                now,
                &jiff::tz::TimeZone::UTC,
                0,
            )
            .unwrap();
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            .parse()
            .ok();
        let record = trace::within(trace, async {
            OrderRecord::new(&order, &Fingerprint::of(&body_of(&order)).unwrap())
        })
        .await;
        let stored = item(&keys::order(order.order_id), &record).unwrap();
        assert!(stored.contains_key("traceparent"));
        let size = fields_size(stored.iter());
        assert!(size <= 1024, "{size} bytes");
    }

    fn body_of(order: &Order) -> Vec<&Sku> {
        order.lines.iter().map(|line| &line.sku).collect()
    }
}
