//! Orders in DynamoDB: an order, what is kept beside it and the levels it changes are written in one transaction.

mod history;
mod open;
mod record;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use jiff::civil::Date;
use serde::Serialize;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::level::MovementKind;
use stockline_domain::order::{LevelChange, Order};

use super::attributes::{item, key_of, number, position, start_key, string, value};
use super::get_together::get_together;
use super::level_changes::{Changed, LevelChanges, RefusedLevel};
use super::transaction::{Part, sort};
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::orders::{
    AttachedRecord, AttachedRecordId, OrderStore, OrderUpdate, PlaceOutcome, ShortSku, StoredOrder,
    UpdateOutcome,
};
use stockline_application::store_error::StoreError;

use history::{CancellationRecord, FulfilmentRecord, RefundRecord};
pub use record::OrderRecord;

/// Orders and the levels they change.
#[derive(Debug, Clone)]
pub struct DynamoOrders {
    client: Client,
    orders_table: String,
    levels: LevelChanges,
}

impl DynamoOrders {
    /// Orders in `orders_table`, levels in `stock_table`.
    pub fn new(client: Client, orders_table: String, stock_table: String) -> Self {
        Self {
            levels: LevelChanges::new(client.clone(), stock_table),
            client,
            orders_table,
        }
    }

    /// Opens the connection ahead of the first request, by reading an order that cannot be; that it fails is the first
    /// request's to tell.
    pub async fn warm_up(&self) {
        if let Err(error) = self.find(OrderId::derive("", "")).await {
            tracing::warn!(%error, "the connection could not be opened ahead");
        }
    }

    fn place_guard(
        &self,
        order: &Order,
        request: &Fingerprint,
    ) -> Result<TransactWriteItem, StoreError> {
        let record = OrderRecord::new(order, request);
        self.put_new(&keys::order(order.order_id), &record)
    }

    fn advance_guards(
        &self,
        before: &StoredOrder,
        advance: &OrderUpdate,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let after = OrderRecord::at_revision(
            &advance.after,
            &before.request,
            before.revision + 1,
            advance.at,
        );
        let made = match &advance.record {
            Some(AttachedRecord::Fulfilment(fulfilment, request)) => Some((fulfilment, request)),
            _ => None,
        };
        let kept = before
            .fulfilments
            .iter()
            .map(|(made, request)| (made, request))
            .chain(made)
            .filter(|(made, _)| made.fills_a_transaction())
            .map(|(made, request)| FulfilmentRecord::new(made, request))
            .collect();
        let canceled = match &advance.record {
            Some(AttachedRecord::Cancellation(made, request)) => Some((made, request)),
            _ => before.cancellation.as_ref().map(|(made, by)| (made, by)),
        };
        let canceled = canceled.map(|(made, request)| CancellationRecord::new(made, request));
        let after = after.keeping(kept, canceled);
        let mut parts = vec![Self::replace(&self.orders_table, &after)?];
        let order = before.order.order_id;
        match &advance.record {
            None | Some(AttachedRecord::Cancellation(..)) => {}
            Some(AttachedRecord::Fulfilment(fulfilment, _)) if fulfilment.fills_a_transaction() => {
            }
            Some(AttachedRecord::Refund(refund, request)) => parts.push(self.put_new(
                &keys::refund(order, refund.refund_id),
                &RefundRecord::new(refund, request),
            )?),
            Some(AttachedRecord::Fulfilment(fulfilment, request)) => parts.push(self.put_new(
                &keys::fulfilment(order, fulfilment.fulfilment_id),
                &FulfilmentRecord::new(fulfilment, request),
            )?),
        }
        Ok(parts)
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
    ) -> Result<PlaceOutcome, StoreError> {
        let guard = self.place_guard(order, request)?;
        let takes = order.takes();
        match self.levels.write(&[guard], &takes, deadline).await? {
            Changed::All => Ok(PlaceOutcome::Placed),
            Changed::Guarded(mut met) => {
                let Some(Part::Failed(Some(item))) = met.pop() else {
                    return Err(StoreError::failed("place an order")(
                        "the order that is there was not shown",
                    ));
                };
                let existing: OrderRecord = value(item)?;
                Ok(if existing.fingerprint == *request {
                    PlaceOutcome::Replayed(Box::new(existing.order()))
                } else {
                    PlaceOutcome::KeyReused
                })
            }
            Changed::Refused(levels) => Ok(match refused(&takes, levels) {
                Refused::Short(short) => PlaceOutcome::Short(short),
                Refused::NotStocked(skus) => PlaceOutcome::NotStocked(skus),
            }),
        }
    }

    /// One query: the order's partition holds what is kept beside it.
    async fn find(&self, id: OrderId) -> Result<Option<StoredOrder>, StoreError> {
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
                    keys::ORDER => {
                        let mut record: OrderRecord = value(item)?;
                        let kept = std::mem::take(&mut record.fulfilments);
                        fulfilments.extend(kept.into_iter().map(FulfilmentRecord::into_parts));
                        order = Some(record);
                    }
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
        Ok(order.map(|record| StoredOrder {
            order: record.order(),
            cancellation: record
                .cancellation
                .clone()
                .map(|made| made.into_parts(record.order_id)),
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

    async fn is_unchanged(
        &self,
        known: &StoredOrder,
        record: AttachedRecordId,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let order = known.order.order_id;
        let record = match record {
            AttachedRecordId::Refund(id) => keys::refund(order, id),
            AttachedRecordId::Fulfilment(id) => keys::fulfilment(order, id),
        };
        let read = vec![key_of(&keys::order(order)), key_of(&record)];
        let found = get_together(&self.client, &self.orders_table, read, 1, deadline).await?;
        let Some([order]) = found.as_deref() else {
            return Ok(false);
        };
        let order: OrderRecord = value(order.clone())?;
        Ok(order.revision == known.revision)
    }

    async fn update(
        &self,
        before: &StoredOrder,
        advance: &OrderUpdate,
        deadline: Deadline,
    ) -> Result<UpdateOutcome, StoreError> {
        let guards = self.advance_guards(before, advance)?;
        match self
            .levels
            .write(&guards, &advance.changes, deadline)
            .await?
        {
            Changed::All => Ok(UpdateOutcome::Written),
            Changed::Guarded(_) => Ok(UpdateOutcome::Conflict),
            Changed::Refused(levels) => match refused(&advance.changes, levels) {
                Refused::Short(short) => Ok(UpdateOutcome::Short(short)),
                Refused::NotStocked(skus) => Err(StoreError::failed("advance an order")(format!(
                    "it holds what has no level: {skus:?}"
                ))),
            },
        }
    }
}

/// What the levels of a refused transaction lack.
enum Refused {
    Short(Vec<ShortSku>),
    NotStocked(Vec<Sku>),
}

/// Why `levels`, by their place in `changes`, refused.
fn refused(changes: &[LevelChange], levels: Vec<(usize, RefusedLevel)>) -> Refused {
    let (mut short, mut not_stocked) = (Vec::new(), Vec::new());
    for (place, why) in levels {
        let Some(LevelChange { key, change }) = changes.get(place) else {
            continue;
        };
        let available = match why {
            RefusedLevel::Missing => {
                not_stocked.push(key.sku.clone());
                continue;
            }
            // What leaves was promised before.
            RefusedLevel::Cannot(level) if change.kind == MovementKind::Fulfilment => {
                level.fit_for_sale()
            }
            RefusedLevel::Cannot(level) => level.available(),
        };
        short.push(ShortSku {
            sku: key.sku.clone(),
            requested: change.allocated_delta.abs().max(change.on_hand_delta.abs()),
            available: available.max(0),
        });
    }
    if not_stocked.is_empty() {
        Refused::Short(short)
    } else {
        Refused::NotStocked(not_stocked)
    }
}
