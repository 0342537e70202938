//! Tasks, controllers and their queues, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::ports::tasks::{
    CompletionOutcome, CompletionStore, ControllerCommand, ControllerQueues, ControllerStore,
    TaskCompletion, TaskQueue, TaskStore,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{ControllerId, LocationId, TaskId, ZoneId};
use stockline_domain::level::LevelKey;
use stockline_domain::order::NotFulfillable;
use stockline_domain::task::{Controller, Task, TaskState};
use stockline_platform::sqs::FifoMessage;

use super::shop::MemoryShop;

/// Tasks and controllers in memory, over the orders and levels of a shop. A clone is the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryTasks {
    shop: MemoryShop,
    data: Arc<Mutex<TaskData>>,
}

/// The tasks and controllers of every warehouse.
#[derive(Debug, Default)]
pub struct TaskData {
    /// The tasks.
    pub tasks: BTreeMap<TaskId, Task>,
    /// The controllers.
    pub controllers: BTreeMap<ControllerId, Controller>,
}

impl TaskData {
    fn of_zone(&self, location: &LocationId, zone: &ZoneId, states: &[TaskState]) -> Vec<Task> {
        let here = self.tasks.values().filter(|task| {
            task.location_id == *location && task.zone_id == *zone && states.contains(&task.state)
        });
        here.cloned().collect()
    }
}

impl MemoryTasks {
    /// No tasks yet, over the orders and levels of `shop`.
    pub fn over(shop: MemoryShop) -> Self {
        Self {
            shop,
            data: Arc::default(),
        }
    }

    /// Locks the data for one reader or writer.
    pub fn lock(&self) -> MutexGuard<'_, TaskData> {
        self.data.lock().unwrap()
    }

    /// The only task. Panics unless there is exactly one.
    pub fn only_task(&self) -> Task {
        let data = self.lock();
        assert_eq!(data.tasks.len(), 1);
        data.tasks.values().next().unwrap().clone()
    }
}

impl TaskStore for MemoryTasks {
    async fn add(&self, task: &Task) -> Result<(), StoreError> {
        self.lock()
            .tasks
            .entry(task.task_id)
            .or_insert_with(|| task.clone());
        Ok(())
    }

    async fn find(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        let found = self.lock().tasks.get(&id).cloned();
        // Yields between a read and the write after it, so that concurrent callers read the same version, as over a network.
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn replace(&self, before: &Task, after: &Task) -> Result<bool, StoreError> {
        let mut data = self.lock();
        let stored = data.tasks.get(&before.task_id);
        if stored == Some(after) {
            return Ok(true);
        }
        let is_current = stored.is_some_and(|task| task.version == before.version);
        if is_current {
            data.tasks.insert(after.task_id, after.clone());
        }
        Ok(is_current)
    }
}

impl ControllerStore for MemoryTasks {
    async fn record_heartbeat(&self, heartbeat: &Controller) -> Result<(), StoreError> {
        let mut data = self.lock();
        let known = data.controllers.get(&heartbeat.controller_id);
        if known.is_none_or(|known| known.received_at <= heartbeat.received_at) {
            data.controllers
                .insert(heartbeat.controller_id.clone(), heartbeat.clone());
        }
        Ok(())
    }

    async fn controllers(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Controller>, StoreError> {
        let data = self.lock();
        let here = data.controllers.values().filter(|controller| {
            controller.location_id == *location && controller.zone_id == *zone
        });
        Ok(here.cloned().collect())
    }

    async fn controller(&self, id: &ControllerId) -> Result<Option<Controller>, StoreError> {
        Ok(self.lock().controllers.get(id).cloned())
    }

    async fn queued_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        Ok(self.lock().of_zone(location, zone, &[TaskState::Queued]))
    }

    async fn leased_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        Ok(self.lock().of_zone(location, zone, &TaskState::HELD))
    }
}

impl CompletionStore for MemoryTasks {
    async fn complete(
        &self,
        completion: TaskCompletion<'_>,
        _deadline: Deadline,
    ) -> Result<CompletionOutcome, StoreError> {
        let TaskCompletion {
            before,
            after,
            occurred_at,
            at,
        } = completion;
        let (mut tasks, mut shop) = (self.lock(), self.shop.lock());
        if tasks.tasks[&before.task_id].version != before.version {
            return Ok(CompletionOutcome::Conflict);
        }
        let (order, fingerprint) = shop.orders[&before.order_id].clone();
        let (order, quantity) = match before.fulfil(&order) {
            Ok(fulfilled) => fulfilled,
            Err(error @ NotFulfillable::NoSuchLine) => {
                return Err(StoreError::failed("fulfil a task's order")(error));
            }
            Err(_) => return Ok(CompletionOutcome::NothingOpen),
        };
        let key = LevelKey {
            location_id: after.location_id.clone(),
            sku: after.sku.clone(),
        };
        let Ok(level) = shop.levels[&key].after(after.movement(quantity, occurred_at, at)) else {
            return Ok(CompletionOutcome::InsufficientStock);
        };
        shop.write(level);
        shop.write_order(order, fingerprint, at);
        tasks.tasks.insert(after.task_id, after.clone());
        Ok(CompletionOutcome::Completed)
    }
}

/// The queues of tasks and controllers, in memory. As in SQS FIFO queues, a deduplication id is delivered once per queue.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueues(Arc<Mutex<Sent>>);

#[derive(Debug, Default)]
struct Sent {
    messages: Vec<(String, FifoMessage)>,
    deduplication_ids: BTreeSet<String>,
    is_broken: bool,
}

impl MemoryQueues {
    /// Sets whether every send fails.
    pub fn set_broken(&self, broken: bool) {
        self.0.lock().unwrap().is_broken = broken;
    }

    /// Takes what was sent since the last call: the queue (`tasks`, or the controller's id) and the message body.
    pub fn take(&self) -> Vec<(String, Value)> {
        let sent = std::mem::take(&mut self.0.lock().unwrap().messages);
        sent.into_iter()
            .map(|(queue, message)| (queue, serde_json::from_str(&message.body).unwrap()))
            .collect()
    }

    fn send(&self, queue: &str, message: FifoMessage) -> Result<(), StoreError> {
        let mut sent = self.0.lock().unwrap();
        if sent.is_broken {
            return Err(StoreError::failed("send a message to a queue")(
                "the queue is broken",
            ));
        }
        if sent
            .deduplication_ids
            .insert(format!("{queue} {}", message.deduplication_id))
        {
            sent.messages.push((queue.to_owned(), message));
        }
        Ok(())
    }
}

impl TaskQueue for MemoryQueues {
    async fn enqueue(&self, task: &Task, now: Timestamp) -> Result<(), StoreError> {
        self.send("tasks", FifoMessage::queued(task, now)?)
    }
}

impl ControllerQueues for MemoryQueues {
    async fn send(
        &self,
        controller: &ControllerId,
        command: ControllerCommand,
        task: &Task,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.send(
            controller.as_str(),
            FifoMessage::command(command, task, now)?,
        )
    }
}
