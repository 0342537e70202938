//! Orders in DynamoDB: an order, what is kept beside it and the levels it changes are written in one transaction.

mod history;
mod record;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use jiff::civil::Date;
use serde::Serialize;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::order::{LevelChange, Order};
use stockline_domain::split_level::Part as LevelPart;

use super::attributes::{Item, item, number, position, start_key, string, value};
use super::change_level::change_level;
use super::transaction::{Part, Written, sort, write};
use crate::cursor::{Listing, Page, Position};
use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::keys::{self, Key};
use crate::ports::orders::{
    Advance, Advanced, KnownOrder, OrderStore, Placement, Record, ShortSku,
};
use crate::store_error::StoreError;

use history::{FulfilmentRecord, RefundRecord};
pub use record::OrderRecord;

/// Orders and the levels they change.
#[derive(Debug, Clone)]
pub struct DynamoOrders {
    client: Client,
    orders_table: String,
    stock_table: String,
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

    /// The parts of the one transaction that places `order`: the order first, then the levels.
    pub fn placing(
        &self,
        order: &Order,
        request: &Fingerprint,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let record = OrderRecord::new(order, request);
        let mut parts = vec![self.put_new(&keys::order(order.order_id), &record)?];
        parts.extend(self.levels(&order.takes())?);
        Ok(parts)
    }

    /// The parts of the one transaction that writes `advance` over `before`: the order first, then what is kept beside
    /// it, then the levels.
    pub fn advancing(
        &self,
        before: &KnownOrder,
        advance: &Advance,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let after = OrderRecord::at_revision(
            &advance.after,
            &before.request,
            before.revision + 1,
            advance.at,
        );
        let mut parts = vec![Self::replace(&self.orders_table, &after)?];
        let order = before.order.order_id;
        match &advance.record {
            None => {}
            Some(Record::Refund(refund, request)) => parts.push(self.put_new(
                &keys::refund(order, refund.refund_id),
                &RefundRecord::new(refund, request),
            )?),
            Some(Record::Fulfilment(fulfilment, request)) => parts.push(self.put_new(
                &keys::fulfilment(order, fulfilment.fulfilment_id),
                &FulfilmentRecord::new(fulfilment, request),
            )?),
        }
        parts.extend(self.levels(&advance.changes)?);
        Ok(parts)
    }

    fn levels(&self, changes: &[LevelChange]) -> Result<Vec<TransactWriteItem>, StoreError> {
        changes
            .iter()
            .map(|LevelChange { key, change }| {
                change_level(&self.stock_table, key, &LevelPart::whole(change, 0))
            })
            .collect()
    }

    fn put_new<T: Serialize>(
        &self,
        key: &Key,
        record: &T,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.orders_table)
            .set_item(Some(item(key, record)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(StoreError::failed("write an order"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The write that replaces the revision before `after`, unless another came first.
    pub fn replace(
        orders_table: &str,
        after: &OrderRecord,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(orders_table)
            .set_item(Some(item(&keys::order(after.order_id), after)?))
            .condition_expression("revision = :before")
            .expression_attribute_values(":before", number(after.revision - 1))
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
        let reasons = match write(&self.client, self.placing(order, request)?, deadline).await? {
            Written::All => return Ok(Placement::Placed),
            Written::Refused(reasons) => reasons,
        };
        if let Some(Part::Failed(Some(item))) = reasons.first() {
            let existing: OrderRecord = value(item.clone())?;
            return Ok(if existing.fingerprint == *request {
                Placement::Replayed(Box::new(existing.order()))
            } else {
                Placement::KeyReused
            });
        }
        Ok(match refused(&order.takes(), &reasons)? {
            Refused::Short(short) => Placement::Short(short),
            Refused::NotStocked(skus) => Placement::NotStocked(skus),
        })
    }

    /// One query: the order's partition holds what is kept beside it.
    async fn find(&self, id: OrderId) -> Result<Option<KnownOrder>, StoreError> {
        let (mut order, mut refunds, mut fulfilments) = (None, Vec::new(), Vec::new());
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.orders_table)
                .key_condition_expression("pk = :order")
                .expression_attribute_values(":order", string(keys::order_partition(id)))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(sort("read an order"))?;
            for item in page.items.unwrap_or_default() {
                let sort_key = item.get("sk").and_then(|sk| sk.as_s().ok());
                match sort_key.map(String::as_str).unwrap_or_default() {
                    keys::ORDER => order = Some(value::<OrderRecord>(item)?),
                    sk if sk.starts_with(keys::REFUNDS) => {
                        refunds.push(value::<RefundRecord>(item)?.into_parts());
                    }
                    sk if sk.starts_with(keys::FULFILMENTS) => {
                        fulfilments.push(value::<FulfilmentRecord>(item)?.into_parts());
                    }
                    _ => {}
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        refunds.sort_by_key(|(refund, _)| (refund.refunded_at, refund.refund_id));
        fulfilments.sort_by_key(|(made, _)| (made.fulfilled_at, made.fulfilment_id));
        Ok(order.map(|record| KnownOrder {
            order: record.order(),
            request: record.fingerprint,
            revision: record.revision,
            refunds,
            fulfilments,
        }))
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

    async fn advance(
        &self,
        before: &KnownOrder,
        advance: &Advance,
        deadline: Deadline,
    ) -> Result<Advanced, StoreError> {
        let parts = self.advancing(before, advance)?;
        let of_order = parts.len() - advance.changes.len();
        let reasons = match write(&self.client, parts, deadline).await? {
            Written::All => return Ok(Advanced::Done),
            Written::Refused(reasons) => reasons,
        };
        if reasons
            .iter()
            .take(of_order)
            .any(|part| matches!(part, Part::Failed(_)))
        {
            return Ok(Advanced::Overtaken);
        }
        Ok(match refused(&advance.changes, &reasons)? {
            Refused::Short(short) => Advanced::Short(short),
            Refused::NotStocked(skus) => Advanced::NotStocked(skus),
        })
    }
}

/// What the levels of a refused transaction lack.
enum Refused {
    Short(Vec<ShortSku>),
    NotStocked(Vec<Sku>),
}

/// Why the levels refused `changes`, whose parts stand last among `reasons`.
fn refused(changes: &[LevelChange], reasons: &[Part]) -> Result<Refused, StoreError> {
    let levels = reasons.len().saturating_sub(changes.len());
    let (mut short, mut not_stocked) = (Vec::new(), Vec::new());
    for (LevelChange { key, change }, reason) in changes.iter().zip(reasons.iter().skip(levels)) {
        match reason {
            Part::Held => {}
            Part::Failed(None) => not_stocked.push(key.sku.clone()),
            Part::Failed(Some(item)) => {
                // What leaves must be there; what is promised or sold must also be promised to nobody else.
                let leaves = change.on_hand_delta < 0 && change.allocated_delta < 0;
                let there = if leaves { "on_hand" } else { "available" };
                short.push(ShortSku {
                    sku: key.sku.clone(),
                    requested: change.allocated_delta.abs().max(change.on_hand_delta.abs()),
                    available: quantity(item, there)?.max(0),
                });
            }
        }
    }
    if !not_stocked.is_empty() {
        return Ok(Refused::NotStocked(not_stocked));
    }
    if short.is_empty() {
        return Err(StoreError::failed("write an order")(
            "the transaction was refused without a reason",
        ));
    }
    Ok(Refused::Short(short))
}

fn quantity(item: &Item, name: &str) -> Result<i64, StoreError> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| StoreError::failed("read a level")(format!("it has no {name} quantity")))
}
