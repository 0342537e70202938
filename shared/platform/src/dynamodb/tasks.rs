//! Stores tasks and controllers in DynamoDB.

mod completion;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure};
use futures::future::try_join_all;
use serde::de::DeserializeOwned;
use stockline_domain::ids::{ControllerId, LocationId, OrderId, TaskId, ZoneId};
use stockline_domain::task::{Controller, Task, TaskState};

use super::attributes::{Item, item, key_of, number, string, value};
use super::paging::query_all;
use super::single_write::{RETRY_TIMEOUT, retry_while_busy};
use super::transaction::classify_error;
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::ports::tasks::{ControllerStore, TaskStore};
use stockline_application::store_error::StoreError;

pub use completion::DynamoCompletions;

/// The group of controllers in a [`keys::zone_partition`]. The groups of tasks are their states.
const CONTROLLER_GROUP: &str = "controller";

/// A store of tasks and controllers.
#[derive(Debug, Clone)]
pub struct DynamoTasks {
    client: Client,
    table: String,
}

/// Returns the item of a task, with the key attributes of index `by_zone`.
fn task_item(task: &Task) -> Result<Item, StoreError> {
    let mut stored = item(&keys::task(task.task_id), task)?;
    let zone_key = keys::zone_partition(&task.location_id, &task.zone_id, task.state.as_str());
    let queued_key = keys::queued_key(task.priority, task.deadline, task.created_at, task.task_id);
    stored.insert("zone_key".to_owned(), string(zone_key));
    stored.insert("queued_key".to_owned(), string(queued_key));
    Ok(stored)
}

impl DynamoTasks {
    /// Creates a store over `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Opens the connection before the first event, by reading a task that does not exist. An error is only logged: the first
    /// event reports it.
    pub async fn warm_up(&self) {
        if let Err(error) = self
            .find(TaskId::for_order_line(OrderId::derive("", ""), 0))
            .await
        {
            tracing::warn!(%error, "failed to open the DynamoDB connection during init");
        }
    }

    /// Puts `item` if `condition` holds for the stored item. `:operand` in the condition stands for `operand`.
    ///
    /// Returns an inner error with the stored item if the condition does not hold.
    async fn put_if(
        &self,
        item: Item,
        condition: &str,
        operand: Option<AttributeValue>,
        context: &'static str,
    ) -> Result<Result<(), Option<Item>>, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(
                operand.map(|operand| HashMap::from([(":operand".to_owned(), operand)])),
            )
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let result = retry_while_busy(Deadline::within(RETRY_TIMEOUT), || put.clone().send()).await;
        let Err(error) = result else {
            return Ok(Ok(()));
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Err(failed.item().cloned()))
            }
            _ => Err(classify_error(context)(error)),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        key: &Key,
        context: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error(context))?;
        output.item.map(value).transpose()
    }

    /// Reads the tasks in one state, or the controllers, of a zone.
    async fn list_group<T: DeserializeOwned>(
        &self,
        location: &LocationId,
        zone: &ZoneId,
        group: &str,
    ) -> Result<Vec<T>, StoreError> {
        let partition = keys::zone_partition(location, zone, group);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_zone")
            .key_condition_expression("zone_key = :zone")
            .expression_attribute_values(":zone", string(partition));
        query_all(query, "read a zone", value).await
    }
}

impl TaskStore for DynamoTasks {
    async fn add(&self, task: &Task) -> Result<(), StoreError> {
        let added = self
            .put_if(
                task_item(task)?,
                "attribute_not_exists(pk)",
                None,
                "add a task",
            )
            .await?;
        // The id is derived from the order line, so an existing task is the same task.
        added.or(Ok(()))
    }

    async fn find(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.get(&keys::task(id), "read a task").await
    }

    async fn replace(&self, before: &Task, after: &Task) -> Result<bool, StoreError> {
        let replaced = self
            .put_if(
                task_item(after)?,
                "version = :operand",
                Some(number(before.version)),
                "write a task",
            )
            .await?;
        let Err(stored) = replaced else {
            return Ok(true);
        };
        // The SDK retries after a lost response. The stored task may then be the one of this write.
        Ok(stored.map(value::<Task>).transpose()?.as_ref() == Some(after))
    }
}

impl ControllerStore for DynamoTasks {
    async fn record_heartbeat(&self, heartbeat: &Controller) -> Result<(), StoreError> {
        let mut stored = item(&keys::controller(&heartbeat.controller_id), heartbeat)?;
        let received_at = heartbeat.received_at.as_millisecond();
        stored.insert(
            "zone_key".to_owned(),
            string(keys::zone_partition(
                &heartbeat.location_id,
                &heartbeat.zone_id,
                CONTROLLER_GROUP,
            )),
        );
        stored.insert(
            "queued_key".to_owned(),
            string(heartbeat.controller_id.as_str()),
        );
        stored.insert("received_ms".to_owned(), number(received_at));
        let result = self
            .put_if(
                stored,
                "attribute_not_exists(pk) OR received_ms <= :operand",
                Some(number(received_at)),
                "keep a heartbeat",
            )
            .await?;
        // A later heartbeat is stored.
        result.or(Ok(()))
    }

    async fn controllers(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Controller>, StoreError> {
        self.list_group(location, zone, CONTROLLER_GROUP).await
    }

    async fn controller(&self, id: &ControllerId) -> Result<Option<Controller>, StoreError> {
        self.get(&keys::controller(id), "read a controller").await
    }

    async fn queued_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        self.list_group(location, zone, TaskState::Queued.as_str())
            .await
    }

    async fn leased_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        let queries = TaskState::HELD.map(|state| self.list_group(location, zone, state.as_str()));
        Ok(try_join_all(queries).await?.into_iter().flatten().collect())
    }
}
