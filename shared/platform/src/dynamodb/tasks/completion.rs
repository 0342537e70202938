//! Completes a task: writes the task, its level change and its order in one transaction.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use stockline_domain::level::LevelKey;
use stockline_domain::order::{KeyedDelta, NotFulfillable};
use stockline_domain::task::Task;

use super::task_item;
use crate::dynamodb::attributes::{key_of, number, value};
use crate::dynamodb::level_changes::{LevelChangeResult, LevelChanges};
use crate::dynamodb::orders::{DynamoOrders, OrderRecord};
use crate::dynamodb::transaction::classify_error;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::ports::tasks::{CompletionOutcome, CompletionStore, TaskCompletion};
use stockline_application::store_error::StoreError;

/// Completes tasks across the tasks, orders and stock tables.
#[derive(Debug, Clone)]
pub struct DynamoCompletions {
    client: Client,
    tasks_table: String,
    orders_table: String,
    levels: LevelChanges,
}

impl DynamoCompletions {
    /// Creates a store over these tables.
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

    async fn read_order(&self, task: &Task) -> Result<OrderRecord, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.orders_table)
            .set_key(Some(key_of(&keys::order(task.order_id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error("read a task's order"))?;
        let item = output.item.ok_or_else(|| {
            StoreError::failed("read a task's order")(format!(
                "order {} does not exist",
                task.order_id
            ))
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
        completion: TaskCompletion<'_>,
        deadline: Deadline,
    ) -> Result<CompletionOutcome, StoreError> {
        let TaskCompletion {
            before,
            after,
            occurred_at,
            at,
        } = completion;
        let record = self.read_order(before).await?;
        let (order, quantity) = match before.fulfil(&record.order()) {
            Ok(fulfilled) => fulfilled,
            Err(error @ NotFulfillable::NoSuchLine) => {
                return Err(StoreError::failed("fulfil a task's order")(error));
            }
            // The line is canceled, or fully fulfilled by hand. If another report of this task fulfilled it concurrently, the
            // caller's write that cancels the task fails on its version; the caller then reads the completed task.
            Err(_) => return Ok(CompletionOutcome::NothingOpen),
        };
        let level_change = KeyedDelta {
            key: LevelKey {
                location_id: after.location_id.clone(),
                sku: after.sku.clone(),
            },
            change: after.movement(quantity, occurred_at, at),
        };
        let guards = [
            self.replace_task(before, after)?,
            DynamoOrders::put_next_revision(&self.orders_table, &record.next(&order, at))?,
        ];
        match self
            .levels
            .write(&guards, &[level_change], deadline)
            .await?
        {
            LevelChangeResult::Written => Ok(CompletionOutcome::Completed),
            LevelChangeResult::GuardFailed(_) => Ok(CompletionOutcome::Conflict),
            LevelChangeResult::LevelsRefused(_) => Ok(CompletionOutcome::InsufficientStock),
        }
    }
}
