//! Stores orders in DynamoDB. An order, its refund or fulfilment and the levels it changes are written in one transaction.

mod history;
mod open;
mod record;
mod search;
mod stream;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use jiff::civil::Date;
use serde::Serialize;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::level::MovementKind;
use stockline_domain::order::{KeyedDelta, Order, Refund};

use super::attributes::{item, key_of, number, string, value};
use super::level_changes::{LevelChangeResult, LevelChanges, LevelRefusal};
use super::paging::{query_all, query_page};
use super::transact_get::transact_get;
use super::transaction::ConditionCheck;
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::orders::{
    AttachedRecord, AttachedRecordId, OrderStore, OrderUpdate, PlaceOutcome, ShortSku, StoredOrder,
    UpdateOutcome,
};
use stockline_application::store_error::StoreError;

pub use history::RefundRecord;
use history::{CancellationRecord, FulfilmentRecord};
pub use record::OrderRecord;
pub use stream::{order_change, sale_change};

/// An order store that also writes the levels that orders change.
#[derive(Debug, Clone)]
pub struct DynamoOrders {
    client: Client,
    orders_table: String,
    levels: LevelChanges,
}

impl DynamoOrders {
    /// Creates a store of the orders in `orders_table` and the levels in `stock_table`.
    pub fn new(client: Client, orders_table: String, stock_table: String) -> Self {
        Self {
            levels: LevelChanges::new(client.clone(), stock_table),
            client,
            orders_table,
        }
    }

    /// Opens the connection before the first request, by reading an order that does not exist. An error is only logged: the
    /// first request reports it.
    pub async fn warm_up(&self) {
        if let Err(error) = self.find(OrderId::derive("", "")).await {
            tracing::warn!(%error, "failed to open the DynamoDB connection during init");
        }
    }

    /// Returns the transaction item that puts a new order.
    fn place_guard(
        &self,
        order: &Order,
        request: &Fingerprint,
    ) -> Result<TransactWriteItem, StoreError> {
        let record = OrderRecord::new(order, request);
        self.put_new(&keys::order(order.order_id), &record)
    }

    /// Returns the transaction items that write the next revision of an order, and its new refund or fulfilment.
    ///
    /// A fulfilment whose levels fill the transaction is stored inside the order item, others as items of their own.
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
        let new_fulfilment = match &advance.record {
            Some(AttachedRecord::Fulfilment(fulfilment, request)) => Some((fulfilment, request)),
            _ => None,
        };
        let embedded_fulfilments = before
            .fulfilments
            .iter()
            .map(|(fulfilment, request)| (fulfilment, request))
            .chain(new_fulfilment)
            .filter(|(fulfilment, _)| fulfilment.fills_transaction())
            .map(|(fulfilment, request)| FulfilmentRecord::new(fulfilment, request))
            .collect();
        let cancellation = match &advance.record {
            Some(AttachedRecord::Cancellation(cancellation, request)) => {
                Some((cancellation, request))
            }
            _ => before
                .cancellation
                .as_ref()
                .map(|(cancellation, request)| (cancellation, request)),
        };
        let cancellation = cancellation
            .map(|(cancellation, request)| CancellationRecord::new(cancellation, request));
        let after = after.with_embedded(embedded_fulfilments, cancellation);
        let mut guards = vec![Self::put_next_revision(&self.orders_table, &after)?];
        let order_id = before.order.order_id;
        match &advance.record {
            None | Some(AttachedRecord::Cancellation(..)) => {}
            Some(AttachedRecord::Fulfilment(fulfilment, _)) if fulfilment.fills_transaction() => {}
            Some(AttachedRecord::Refund(refund, request)) => guards.push(self.put_new(
                &keys::refund(order_id, refund.refund_id),
                &RefundRecord::new(refund, request),
            )?),
            Some(AttachedRecord::Fulfilment(fulfilment, request)) => guards.push(self.put_new(
                &keys::fulfilment(order_id, fulfilment.fulfilment_id),
                &FulfilmentRecord::new(fulfilment, request),
            )?),
        }
        Ok(guards)
    }

    /// Returns the transaction item that puts `record` if no item has its key.
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

    /// Returns the transaction item that puts `after` if the stored revision is the one before it.
    pub fn put_next_revision(
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

/// Returns the query of index `by_location` for the orders of a location and business date.
pub(super) fn query_daily_orders(
    client: &Client,
    orders_table: &str,
    location: &LocationId,
    business_date: Date,
) -> QueryFluentBuilder {
    let partition = keys::daily_orders_partition(location, business_date);
    client
        .query()
        .table_name(orders_table)
        .index_name("by_location")
        .key_condition_expression("location_key = :day")
        .expression_attribute_values(":day", string(partition))
}

/// Reads a page of a [`query_daily_orders`].
pub(super) async fn daily_orders_page(
    query: QueryFluentBuilder,
    after: Option<Position>,
) -> Result<Listing<Order>, StoreError> {
    query_page(query, after, "list the orders of a day", |item| {
        Ok(value::<OrderRecord>(item)?.order())
    })
    .await
}

/// Reads a page of the refunds at a location on a business date, from index `by_location`.
pub(super) async fn daily_refunds_page(
    client: &Client,
    orders_table: &str,
    partition: String,
    after: Option<Position>,
) -> Result<Listing<Refund>, StoreError> {
    let query = client
        .query()
        .table_name(orders_table)
        .index_name("by_location")
        .key_condition_expression("location_key = :day")
        .expression_attribute_values(":day", string(partition));
    query_page(query, after, "list the refunds of a day", |item| {
        let (refund, _) = value::<RefundRecord>(item)?.into_parts();
        Ok(refund)
    })
    .await
}

/// Reads an order from its own partition, eventually consistent.
pub(super) async fn find_order(
    client: &Client,
    orders_table: &str,
    id: OrderId,
) -> Result<Option<Order>, StoreError> {
    let key = keys::order(id);
    let query = client
        .query()
        .table_name(orders_table)
        .key_condition_expression("pk = :pk AND sk = :sk")
        .expression_attribute_values(":pk", string(key.pk))
        .expression_attribute_values(":sk", string(key.sk));
    let page = query_page(query, None, "read an order", |item| {
        Ok(value::<OrderRecord>(item)?.order())
    });
    Ok(page.await?.items.pop())
}

impl OrderStore for DynamoOrders {
    async fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        deadline: Deadline,
    ) -> Result<PlaceOutcome, StoreError> {
        let guard = self.place_guard(order, request)?;
        let changes = order.placement_deltas();
        match self.levels.write(&[guard], &changes, deadline).await? {
            LevelChangeResult::Written => Ok(PlaceOutcome::Placed),
            LevelChangeResult::GuardFailed(mut checks) => {
                let Some(ConditionCheck::Failed(Some(item))) = checks.pop() else {
                    return Err(StoreError::failed("place an order")(
                        "the failed condition returned no existing order",
                    ));
                };
                let existing: OrderRecord = value(item)?;
                Ok(if existing.fingerprint == *request {
                    PlaceOutcome::Replayed(Box::new(existing.order()))
                } else {
                    PlaceOutcome::KeyReused
                })
            }
            LevelChangeResult::LevelsRefused(levels) => Ok(match shortage(&changes, levels) {
                Shortage::Short(short) => PlaceOutcome::Short(short),
                Shortage::NotStocked(skus) => PlaceOutcome::NotStocked(skus),
            }),
        }
    }

    /// Reads the order with its refunds and fulfilments in one query: they share a partition.
    async fn find(&self, id: OrderId) -> Result<Option<StoredOrder>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.orders_table)
            .key_condition_expression("pk = :order")
            .expression_attribute_values(":order", string(keys::order_partition(id)))
            .consistent_read(true);
        let (mut order, mut refunds, mut fulfilments) = (None, Vec::new(), Vec::new());
        for item in query_all(query, "read an order", Ok).await? {
            let sort_key = item.get("sk").and_then(|sk| sk.as_s().ok());
            match sort_key.map(String::as_str).unwrap_or_default() {
                keys::ORDER => {
                    let mut record: OrderRecord = value(item)?;
                    let embedded = std::mem::take(&mut record.fulfilments);
                    fulfilments.extend(embedded.into_iter().map(FulfilmentRecord::into_parts));
                    order = Some(record);
                }
                sk if sk.starts_with(keys::REFUND_PREFIX) => {
                    refunds.push(value::<RefundRecord>(item)?.into_parts());
                }
                sk if sk.starts_with(keys::FULFILMENT_PREFIX) => {
                    fulfilments.push(value::<FulfilmentRecord>(item)?.into_parts());
                }
                _ => {}
            }
        }
        refunds.sort_by_key(|(refund, _)| (refund.refunded_at, refund.refund_id));
        fulfilments
            .sort_by_key(|(fulfilment, _)| (fulfilment.fulfilled_at, fulfilment.fulfilment_id));
        Ok(order.map(|record| StoredOrder {
            order: record.order(),
            cancellation: record
                .cancellation
                .clone()
                .map(|cancellation| cancellation.into_parts(record.order_id)),
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
        let query = query_daily_orders(&self.client, &self.orders_table, location, business_date)
            .limit(i32::from(page.limit));
        daily_orders_page(query, page.after).await
    }

    async fn is_unchanged(
        &self,
        known: &StoredOrder,
        record: AttachedRecordId,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let order_id = known.order.order_id;
        let record_key = match record {
            AttachedRecordId::Refund(id) => keys::refund(order_id, id),
            AttachedRecordId::Fulfilment(id) => keys::fulfilment(order_id, id),
        };
        let keys = vec![key_of(&keys::order(order_id)), key_of(&record_key)];
        let items = transact_get(&self.client, &self.orders_table, keys, 1, deadline).await?;
        let Some([order]) = items.as_deref() else {
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
            LevelChangeResult::Written => Ok(UpdateOutcome::Written),
            LevelChangeResult::GuardFailed(_) => Ok(UpdateOutcome::Conflict),
            LevelChangeResult::LevelsRefused(levels) => match shortage(&advance.changes, levels) {
                Shortage::Short(short) => Ok(UpdateOutcome::Short(short)),
                Shortage::NotStocked(skus) => Err(StoreError::failed("advance an order")(format!(
                    "these SKUs of the order have no level: {skus:?}"
                ))),
            },
        }
    }
}

/// What the levels that refused an order lack.
enum Shortage {
    Short(Vec<ShortSku>),
    NotStocked(Vec<Sku>),
}

/// Converts the refusals of levels, given by the index of their change, to a shortage.
fn shortage(changes: &[KeyedDelta], refusals: Vec<(usize, LevelRefusal)>) -> Shortage {
    let (mut short, mut not_stocked) = (Vec::new(), Vec::new());
    for (index, refusal) in refusals {
        let Some(KeyedDelta { key, change }) = changes.get(index) else {
            continue;
        };
        let available = match refusal {
            LevelRefusal::Missing => {
                not_stocked.push(key.sku.clone());
                continue;
            }
            // A fulfilment takes stock that is allocated, so the available quantity does not limit it.
            LevelRefusal::NotApplicable(level) if change.kind == MovementKind::Fulfilment => {
                level.fit_for_sale()
            }
            LevelRefusal::NotApplicable(level) => level.available(),
        };
        short.push(ShortSku {
            sku: key.sku.clone(),
            requested: change.allocated_delta.abs().max(change.on_hand_delta.abs()),
            available: available.max(0),
        });
    }
    if not_stocked.is_empty() {
        Shortage::Short(short)
    } else {
        Shortage::NotStocked(not_stocked)
    }
}
