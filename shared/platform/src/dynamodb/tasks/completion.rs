//! A completed task, its stock and its order, in one transaction.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use stockline_domain::level::LevelKey;
use stockline_domain::order::{LevelChange, NotFulfillable};
use stockline_domain::task::Task;

use super::task_item;
use crate::dynamodb::attributes::{key_of, number, value};
use crate::dynamodb::level_changes::{Changed, LevelChanges};
use crate::dynamodb::orders::{DynamoOrders, OrderRecord};
use crate::dynamodb::transaction::sort;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::ports::tasks::{CompletionOutcome, CompletionStore};
use stockline_application::store_error::StoreError;

/// Completes tasks over the tables of tasks, orders and stock.
#[derive(Debug, Clone)]
pub struct DynamoCompletions {
    client: Client,
    tasks_table: String,
    orders_table: String,
    levels: LevelChanges,
}

impl DynamoCompletions {
    /// Tasks in `tasks_table`, their orders in `orders_table`, levels in `stock_table`.
    pub fn new(
        client: Client,
        tasks_table: String,
        orders_table: String,
        stock_table: String,
    ) -> Self {
        Self {
            levels: LevelChanges::new(client.clone(), stock_table),
            client,
            tasks_table,
            orders_table,
        }
    }

    async fn order_of(&self, task: &Task) -> Result<OrderRecord, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.orders_table)
            .set_key(Some(key_of(&keys::order(task.order_id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read a task's order"))?;
        let item = found.item.ok_or_else(|| {
            StoreError::failed("read a task's order")(format!("{} is not there", task.order_id))
        })?;
        value(item)
    }

    fn replace_task(&self, before: &Task, after: &Task) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.tasks_table)
            .set_item(Some(task_item(after)?))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(before.version))
            .build()
            .map_err(StoreError::failed("write a task"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

impl CompletionStore for DynamoCompletions {
    async fn complete(
        &self,
        before: &Task,
        after: &Task,
        occurred_at: Timestamp,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<CompletionOutcome, StoreError> {
        let record = self.order_of(before).await?;
        let (order, quantity) = match before.fulfil(&record.order()) {
            Ok(fulfilled) => fulfilled,
            Err(error @ NotFulfillable::NoSuchLine) => {
                return Err(StoreError::failed("fulfil a task's order")(error));
            }
            // Canceled, or all handed over by hand. Where another report of this task has just fulfilled the line,
            // dropping the task fails on its version, and the task, read again, tells.
            Err(_) => return Ok(CompletionOutcome::NothingOpen),
        };
        let goods = LevelChange {
            key: LevelKey {
                location_id: after.location_id.clone(),
                sku: after.sku.clone(),
            },
            change: after.movement(quantity, occurred_at, now),
        };
        let guards = [
            self.replace_task(before, after)?,
            DynamoOrders::replace(&self.orders_table, &record.next(&order, now))?,
        ];
        match self.levels.write(&guards, &[goods], deadline).await? {
            Changed::All => Ok(CompletionOutcome::Completed),
            Changed::Guarded(_) => Ok(CompletionOutcome::Conflict),
            Changed::Refused(_) => Ok(CompletionOutcome::InsufficientStock),
        }
    }
}
