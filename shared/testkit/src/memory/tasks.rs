//! Tasks, controllers and their queues in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::ports::tasks::{
    CompletionOutcome, CompletionStore, ControllerCommand, ControllerQueues, ControllerStore,
    TaskQueue, TaskStore,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{ControllerId, LocationId, TaskId, ZoneId};
use stockline_domain::level::LevelKey;
use stockline_domain::order::NotFulfillable;
use stockline_domain::task::{Controller, Task, TaskState};
use stockline_platform::sqs::FifoMessage;

use super::shop::MemoryShop;

/// Tasks and controllers over a shop, in memory. A clone is the same warehouse.
#[derive(Debug, Clone, Default)]
pub struct MemoryTasks {
    shop: MemoryShop,
    floor: Arc<Mutex<Floor>>,
}

/// What a warehouse knows.
#[derive(Debug, Default)]
pub struct Floor {
    /// Each task.
    pub tasks: BTreeMap<TaskId, Task>,
    /// Each controller.
    pub controllers: BTreeMap<ControllerId, Controller>,
}

impl Floor {
    fn of_zone(&self, location: &LocationId, zone: &ZoneId, states: &[TaskState]) -> Vec<Task> {
        let here = self.tasks.values().filter(|task| {
            task.location_id == *location && task.zone_id == *zone && states.contains(&task.state)
        });
        here.cloned().collect()
    }
}

impl MemoryTasks {
    /// Tasks that fetch from `shop`.
    pub fn over(shop: MemoryShop) -> Self {
        Self {
            shop,
            floor: Arc::default(),
        }
    }

    /// What it knows, for one reader or writer at a time.
    pub fn open(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap()
    }

    /// The only task there is.
    pub fn only(&self) -> Task {
        let floor = self.open();
        assert_eq!(floor.tasks.len(), 1);
        floor.tasks.values().next().unwrap().clone()
    }
}

impl TaskStore for MemoryTasks {
    async fn add(&self, task: &Task) -> Result<(), StoreError> {
        self.open()
            .tasks
            .entry(task.task_id)
            .or_insert_with(|| task.clone());
        Ok(())
    }

    async fn find(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        let found = self.open().tasks.get(&id).cloned();
        // Others read the same before this reader writes, as they would over a network.
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn replace(&self, before: &Task, after: &Task) -> Result<bool, StoreError> {
        let mut floor = self.open();
        let there = floor.tasks.get(&before.task_id);
        if there == Some(after) {
            return Ok(true);
        }
        let first = there.is_some_and(|task| task.version == before.version);
        if first {
            floor.tasks.insert(after.task_id, after.clone());
        }
        Ok(first)
    }
}

impl ControllerStore for MemoryTasks {
    async fn record_heartbeat(&self, heartbeat: &Controller) -> Result<(), StoreError> {
        let mut floor = self.open();
        let known = floor.controllers.get(&heartbeat.controller_id);
        if known.is_none_or(|known| known.received_at <= heartbeat.received_at) {
            floor
                .controllers
                .insert(heartbeat.controller_id.clone(), heartbeat.clone());
        }
        Ok(())
    }

    async fn controllers(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Controller>, StoreError> {
        let floor = self.open();
        let here = floor.controllers.values().filter(|controller| {
            controller.location_id == *location && controller.zone_id == *zone
        });
        Ok(here.cloned().collect())
    }

    async fn controller(&self, id: &ControllerId) -> Result<Option<Controller>, StoreError> {
        Ok(self.open().controllers.get(id).cloned())
    }

    async fn queued_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        Ok(self.open().of_zone(location, zone, &[TaskState::Queued]))
    }

    async fn leased_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> Result<Vec<Task>, StoreError> {
        Ok(self.open().of_zone(location, zone, &TaskState::HELD))
    }
}

impl CompletionStore for MemoryTasks {
    async fn complete(
        &self,
        before: &Task,
        after: &Task,
        occurred_at: Timestamp,
        now: Timestamp,
        _deadline: Deadline,
    ) -> Result<CompletionOutcome, StoreError> {
        let (mut floor, mut shelves) = (self.open(), self.shop.open());
        if floor.tasks[&before.task_id].version != before.version {
            return Ok(CompletionOutcome::Conflict);
        }
        let (order, fingerprint) = shelves.orders[&before.order_id].clone();
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
        let Ok(level) = shelves.levels[&key].after(after.movement(quantity, occurred_at, now))
        else {
            return Ok(CompletionOutcome::InsufficientStock);
        };
        shelves.write(level);
        shelves.write_order(order, fingerprint, now);
        floor.tasks.insert(after.task_id, after.clone());
        Ok(CompletionOutcome::Completed)
    }
}

/// The queues of tasks and controllers, in memory: a message under a deduplication id comes once, as in SQS.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueues(Arc<Mutex<Sent>>);

#[derive(Debug, Default)]
struct Sent {
    messages: Vec<(String, FifoMessage)>,
    seen: BTreeSet<String>,
    broken: bool,
}

impl MemoryQueues {
    /// From now on, sending fails; or works again.
    pub fn set_broken(&self, broken: bool) {
        self.0.lock().unwrap().broken = broken;
    }

    /// What was sent since the last look: the queue (`tasks`, or a controller) and the message.
    pub fn take(&self) -> Vec<(String, Value)> {
        let sent = std::mem::take(&mut self.0.lock().unwrap().messages);
        sent.into_iter()
            .map(|(queue, message)| (queue, serde_json::from_str(&message.body).unwrap()))
            .collect()
    }

    fn send(&self, queue: &str, message: FifoMessage) -> Result<(), StoreError> {
        let mut sent = self.0.lock().unwrap();
        if sent.broken {
            return Err(StoreError::failed("send to a queue")("the queue is broken"));
        }
        if sent
            .seen
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
