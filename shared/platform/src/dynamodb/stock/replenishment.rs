//! Stores replenishment orders beside their levels. An order is placed, received and closed in one transaction with the
//! `incoming` of its level.
//!
//! A level has one cycle item, which names its open order. Every transaction that opens or closes an order is conditional on
//! it, so a level cannot have two open orders.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use stockline_domain::ids::{LocationId, ReplenishmentOrderId};
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::replenishment::{ReplenishmentCycle, ReplenishmentOrder, ReplenishmentState};

use super::DynamoStock;
use crate::dynamodb::attributes::{Item, item, key_of, number, string, value};
use crate::dynamodb::cause_attributes::CauseAttributes;
use crate::dynamodb::paging::query_page;
use crate::dynamodb::transaction::{TransactionResult, classify_error, write_transaction};
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::replenishment::{
    OrderWriteOutcome, ReplenishmentStatus, ReplenishmentStore,
};
use stockline_application::store_error::StoreError;

/// A change of `incoming`, by 0 or more.
#[derive(Debug, Clone, Copy)]
enum IncomingChange {
    /// By a new order. The stored value has to be the one that the order was decided on.
    Raise(i64),
    /// By the end of an order. At least as much has to be incoming.
    Lower(i64),
}

const READ_ORDER: &str = "read a replenishment order";
const WRITE_ORDER: &str = "write a replenishment order";

impl ReplenishmentStore for DynamoStock {
    async fn status(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Option<ReplenishmentStatus>, StoreError> {
        let cycle = self.get(&keys::replenishment_cycle(key)).await?;
        let cycle = cycle.map(value::<ReplenishmentCycle>).transpose()?;
        let mut attempts = deadline.attempts();
        loop {
            let Some(snapshot) = self.levels.read(key, deadline).await? else {
                return Ok(None);
            };
            if snapshot.is_consistent {
                return Ok(Some(ReplenishmentStatus {
                    level: snapshot.level.total(),
                    cycle: cycle.unwrap_or_default(),
                }));
            }
            // Stock that moved between buckets during the read may be missing or counted twice. A decision against an order
            // is final for its alert, so it needs a snapshot.
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    async fn place(
        &self,
        order: &ReplenishmentOrder,
        deadline: Deadline,
    ) -> Result<OrderWriteOutcome, StoreError> {
        let items = vec![
            self.put_order(order, None)?,
            self.open_cycle(order)?,
            self.add_incoming(order, IncomingChange::Raise(order.expected()))?,
        ];
        self.write_order(items, deadline).await
    }

    /// Bucket 0 has all that is incoming of a split level.
    async fn incoming(&self, key: &LevelKey) -> Result<i64, StoreError> {
        let level = self.get(&keys::level(key)).await?;
        let level = level.map(value::<Level>).transpose()?;
        Ok(level.map_or(0, |level| level.incoming))
    }

    async fn close(
        &self,
        before: &ReplenishmentOrder,
        after: &ReplenishmentOrder,
        released: i64,
        deadline: Deadline,
    ) -> Result<OrderWriteOutcome, StoreError> {
        let mut items = self.order_items(before, after)?;
        items.push(self.add_incoming(after, IncomingChange::Lower(released))?);
        self.write_order(items, deadline).await
    }

    async fn find_order(
        &self,
        id: ReplenishmentOrderId,
    ) -> Result<Option<ReplenishmentOrder>, StoreError> {
        let found = self.get(&keys::replenishment_order(id)).await?;
        found.map(value).transpose()
    }

    async fn list_orders(
        &self,
        location: &LocationId,
        state: Option<ReplenishmentState>,
        page: Page,
    ) -> Result<Listing<ReplenishmentOrder>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.levels.table())
            .index_name("by_replenishment")
            .limit(i32::from(page.limit))
            .expression_attribute_values(":location", string(location.as_str()));
        let query = match state {
            None => query.key_condition_expression("replenishment_location = :location"),
            Some(state) => query
                .key_condition_expression(
                    "replenishment_location = :location AND begins_with(replenishment_key, :state)",
                )
                .expression_attribute_values(":state", string(keys::replenishment_prefix(state))),
        };
        query_page(query, page.after, "list replenishment orders", value).await
    }
}

impl DynamoStock {
    /// Returns the transaction items that replace `before` by `after`, and end the cycle of an order that `after` closes. The
    /// caller adds the write of the level.
    pub(super) fn order_items(
        &self,
        before: &ReplenishmentOrder,
        after: &ReplenishmentOrder,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut items = vec![self.put_order(after, Some(before.version))?];
        if !after.state.is_open() {
            items.push(self.end_cycle(after)?);
        }
        Ok(items)
    }

    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error(READ_ORDER))?;
        Ok(output.item)
    }

    async fn write_order(
        &self,
        items: Vec<TransactWriteItem>,
        deadline: Deadline,
    ) -> Result<OrderWriteOutcome, StoreError> {
        let result = write_transaction(&self.client, items, deadline).await?;
        Ok(match result {
            TransactionResult::Committed => OrderWriteOutcome::Written,
            TransactionResult::ConditionFailed(_) => OrderWriteOutcome::Conflict,
        })
    }

    /// Returns the transaction item that puts `order` if the stored one has version `before`, or if there is none.
    fn put_order(
        &self,
        order: &ReplenishmentOrder,
        before: Option<u64>,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(self.levels.table())
            .set_item(Some(order_item(order)?));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(version)),
        };
        let put = put.build().map_err(StoreError::failed(WRITE_ORDER))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns the transaction item that makes `order` the open order of its level, if the level has none and the cycle of
    /// `order` is the next one.
    fn open_cycle(&self, order: &ReplenishmentOrder) -> Result<TransactWriteItem, StoreError> {
        let key = keys::replenishment_cycle(&order.level_key());
        let put = Put::builder()
            .table_name(self.levels.table())
            .set_item(Some(item(&key, &order.as_cycle())?));
        let put = if order.cycle == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("last_cycle = :last AND attribute_not_exists(open_order)")
                .expression_attribute_values(":last", number(order.cycle - 1))
        };
        let put = put.build().map_err(StoreError::failed(WRITE_ORDER))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns the transaction item that ends the cycle of `order`, if it is the open order of its level.
    fn end_cycle(&self, order: &ReplenishmentOrder) -> Result<TransactWriteItem, StoreError> {
        let key = keys::replenishment_cycle(&order.level_key());
        let id = order.replenishment_order_id.to_string();
        let update = Update::builder()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&key)))
            .update_expression("SET is_canceled = :is_canceled REMOVE open_order")
            .condition_expression("open_order = :order")
            .expression_attribute_values(":order", string(id))
            .expression_attribute_values(
                ":is_canceled",
                AttributeValue::Bool(order.as_cycle().is_canceled),
            )
            .build()
            .map_err(StoreError::failed(WRITE_ORDER))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Returns the transaction item that changes `incoming` of the level of `order`, which bucket 0 holds.
    ///
    /// It does not compare the version, so it does not fail because the SKU sells. It raises the version, so a writer that
    /// read the level before does not write an older `incoming`.
    fn add_incoming(
        &self,
        order: &ReplenishmentOrder,
        change: IncomingChange,
    ) -> Result<TransactWriteItem, StoreError> {
        let (delta, condition, compared) = match change {
            // The quantity was decided on this `incoming`.
            IncomingChange::Raise(quantity) => {
                (quantity, "incoming = :compared", order.reasons.incoming)
            }
            IncomingChange::Lower(quantity) => (-quantity, "incoming >= :compared", quantity),
        };
        let cause = CauseAttributes::current();
        let assignments = ["incoming = incoming + :delta", "version = version + :one"];
        let mut update = Update::builder()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::level(&order.level_key()))))
            .update_expression(cause.update_expression(&assignments, &[]))
            .condition_expression(condition)
            .expression_attribute_values(":delta", number(delta))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":compared", number(compared));
        for (name, value) in cause.values() {
            update = update.expression_attribute_values(name, value);
        }
        let update = update.build().map_err(StoreError::failed(WRITE_ORDER))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// Returns the item of an order, with the key attributes of index `by_replenishment`.
fn order_item(order: &ReplenishmentOrder) -> Result<Item, StoreError> {
    let id = order.replenishment_order_id;
    let mut stored = item(&keys::replenishment_order(id), order)?;
    stored.insert(
        "replenishment_location".to_owned(),
        string(order.location_id.as_str()),
    );
    stored.insert(
        "replenishment_key".to_owned(),
        string(keys::replenishment_key(order.state, order.placed_at, id)),
    );
    Ok(stored)
}
