//! Tasks and controllers in DynamoDB.

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
use super::single_write::{PATIENCE, unless_busy};
use super::transaction::sort;
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::ports::tasks::{ControllerStore, TaskStore};
use stockline_application::store_error::StoreError;

pub use completion::DynamoCompletions;

/// The controllers of a zone in `by_zone`, where its tasks stand under their states.
const CONTROLLERS: &str = "controller";

/// Tasks and controllers.
#[derive(Debug, Clone)]
pub struct DynamoTasks {
    client: Client,
    table: String,
}

/// A task as it is stored: with what `by_zone` sorts by.
fn task_item(task: &Task) -> Result<Item, StoreError> {
    let mut stored = item(&keys::task(task.task_id), task)?;
    let zone_key = keys::zone(&task.location_id, &task.zone_id, task.state.as_str());
    let queued_key = keys::queued(task.priority, task.deadline, task.created_at, task.task_id);
    stored.insert("zone_key".to_owned(), string(zone_key));
    stored.insert("queued_key".to_owned(), string(queued_key));
    Ok(stored)
}

impl DynamoTasks {
    /// Tasks and controllers in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Opens the connection ahead of the first event; a failure is left to that event to meet.
    pub async fn warm_up(&self) {
        if let Err(error) = self
            .find(TaskId::for_order_line(OrderId::derive("", ""), 0))
            .await
        {
            tracing::warn!(%error, "the connection could not be opened ahead");
        }
    }

    /// Writes `item` where `condition` holds of what is there (`:given` is `given`); answers what is there instead where
    /// it does not.
    async fn put_where(
        &self,
        item: Item,
        condition: &str,
        given: Option<AttributeValue>,
        doing: &'static str,
    ) -> Result<Result<(), Option<Item>>, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(
                given.map(|given| HashMap::from([(":given".to_owned(), given)])),
            )
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let sent = unless_busy(Deadline::within(PATIENCE), || put.clone().send()).await;
        let Err(error) = sent else {
            return Ok(Ok(()));
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Err(failed.item().cloned()))
            }
            _ => Err(sort(doing)(error)),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        key: &Key,
        doing: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort(doing))?;
        found.item.map(value).transpose()
    }

    async fn in_zone<T: DeserializeOwned>(
        &self,
        location: &LocationId,
        zone: &ZoneId,
        what: &str,
    ) -> Result<Vec<T>, StoreError> {
        let (mut found, mut start) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("by_zone")
                .key_condition_expression("zone_key = :zone")
                .expression_attribute_values(":zone", string(keys::zone(location, zone, what)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(sort("read a zone"))?;
            for item in page.items.unwrap_or_default() {
                found.push(value(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}

impl TaskStore for DynamoTasks {
    async fn add(&self, task: &Task) -> Result<(), StoreError> {
        let added = self
            .put_where(
                task_item(task)?,
                "attribute_not_exists(pk)",
                None,
                "add a task",
            )
            .await?;
        // Whoever was first has added it.
        added.or(Ok(()))
    }

    async fn find(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.get(&keys::task(id), "read a task").await
    }

    async fn replace(&self, before: &Task, after: &Task) -> Result<bool, StoreError> {
        let replaced = self
            .put_where(
                task_item(after)?,
                "version = :given",
                Some(number(before.version)),
                "write a task",
            )
            .await?;
        let Err(there) = replaced else {
            return Ok(true);
        };
        // The SDK sends again what it heard no answer to: the write may be this one's own.
        Ok(there.map(value::<Task>).transpose()?.as_ref() == Some(after))
    }
}

impl ControllerStore for DynamoTasks {
    async fn record_heartbeat(&self, heartbeat: &Controller) -> Result<(), StoreError> {
        let mut stored = item(&keys::controller(&heartbeat.controller_id), heartbeat)?;
        let received_at = heartbeat.received_at.as_millisecond();
        stored.insert(
            "zone_key".to_owned(),
            string(keys::zone(
                &heartbeat.location_id,
                &heartbeat.zone_id,
                CONTROLLERS,
            )),
        );
        stored.insert(
            "queued_key".to_owned(),
            string(heartbeat.controller_id.as_str()),
        );
        stored.insert("received_ms".to_owned(), number(received_at));
        let kept = self
            .put_where(
                stored,
                "attribute_not_exists(pk) OR received_ms <= :given",
                Some(number(received_at)),
                "keep a heartbeat",
            )
            .await?;
        // A later one is known.
        kept.or(Ok(()))
    }

    async fn controllers(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Controller>, StoreError> {
        self.in_zone(location, zone, CONTROLLERS).await
    }

    async fn controller(&self, id: &ControllerId) -> Result<Option<Controller>, StoreError> {
        self.get(&keys::controller(id), "read a controller").await
    }

    async fn queued_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        self.in_zone(location, zone, TaskState::Queued.as_str())
            .await
    }

    async fn leased_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        let queries = TaskState::HELD.map(|state| self.in_zone(location, zone, state.as_str()));
        Ok(try_join_all(queries).await?.into_iter().flatten().collect())
    }
}
