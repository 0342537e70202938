//! Takes back the tasks of lost controllers, in every zone of every warehouse.

use std::collections::HashSet;

use serde::Serialize;
use stockline_domain::ids::{ControllerId, LocationId, ZoneId};
use stockline_domain::task::{Task, TaskState};

use crate::error_chain::error_chain;
use crate::metrics::{Metric, count};
use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::ports::tasks::{ControllerStore, TaskQueue, TaskStore};
use crate::store_error::StoreError;

/// Sweeps all zones for tasks whose controller is lost.
#[derive(Debug)]
pub struct LeaseSweeper<Tasks, Catalog, Queue, Time> {
    /// The store of tasks and controllers.
    pub tasks: Tasks,
    /// Lists the zones.
    pub catalog: Catalog,
    /// The queue of tasks that wait for a controller.
    pub queue: Queue,
    /// The current time.
    pub clock: Time,
}

/// The result of a sweep: the tasks taken back, by their new state, and the zones that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepResult {
    /// Tasks requeued for another controller.
    pub queued: u32,
    /// Canceled tasks. Their state was `canceling`.
    pub canceled: u32,
    /// Tasks given up after their last attempt. A person has to look at them.
    pub dead_lettered: u32,
    /// Zones that could not be swept completely. Each is logged. The next sweep covers what this one missed.
    pub failed_zones: u32,
}

impl SweepResult {
    fn count(&mut self, task: &Task) {
        match task.state {
            TaskState::Queued => self.queued += 1,
            TaskState::Canceled => self.canceled += 1,
            _ => {
                let task_id = task.task_id;
                tracing::error!(%task_id, attempts = task.attempt, "task dead-lettered after its last attempt");
                self.dead_lettered += 1;
                count(Metric::TasksDeadLettered, 1);
            }
        }
    }
}

/// The controllers that were live when their heartbeat was read. Each is read once per sweep: a sweep of many tasks can take
/// longer than a heartbeat is valid, so a live controller would look dead later in the same sweep. The heartbeat of a dead
/// controller is read again for each of its tasks, because it may have come back.
type LiveControllers = HashSet<ControllerId>;

impl<Tasks: TaskStore + ControllerStore, Catalog: CatalogStore, Queue: TaskQueue, Time: Clock>
    LeaseSweeper<Tasks, Catalog, Queue, Time>
{
    /// Sweeps every zone once. A zone that fails does not block the others.
    ///
    /// # Errors
    /// [`StoreError`] if the zones cannot be listed.
    pub async fn sweep(&self) -> Result<SweepResult, StoreError> {
        let mut result = SweepResult::default();
        let mut live = LiveControllers::new();
        for location in self.catalog.list_locations().await? {
            let location_id = &location.location_id;
            for zone in &location.zones {
                let zone_id = &zone.zone_id;
                let swept = self
                    .sweep_zone(location_id, zone_id, &mut live, &mut result)
                    .await;
                if let Err(error) = swept {
                    tracing::error!(%location_id, %zone_id, error = %error_chain(&error), "zone sweep failed");
                    result.failed_zones += 1;
                }
            }
        }
        Ok(result)
    }

    async fn sweep_zone(
        &self,
        location: &LocationId,
        zone: &ZoneId,
        live: &mut LiveControllers,
        result: &mut SweepResult,
    ) -> Result<(), StoreError> {
        // A broken queue does not keep the other tasks with their lost controllers: a later sweep sends what this one does not.
        let mut sent = Ok(());
        for task in self.tasks.leased_tasks(location, zone).await? {
            if let Some(task) = self.take_back(&task, live).await? {
                result.count(&task);
                if sent.is_ok() {
                    sent = self.send_if_due(&task).await;
                }
            }
        }
        sent?;
        for task in self.tasks.queued_tasks(location, zone).await? {
            self.send_if_due(&task).await?;
        }
        Ok(())
    }

    /// Takes `listed` back and returns the new task. Returns `None` if its controller is not lost or another write came first.
    async fn take_back(
        &self,
        listed: &Task,
        live: &mut LiveControllers,
    ) -> Result<Option<Task>, StoreError> {
        let Some(id) = &listed.controller_id else {
            return Ok(None);
        };
        let is_holder_live = self.is_live(id, live).await?;
        if listed.reclaimed(is_holder_live, self.clock.now()).is_none() {
            return Ok(None);
        }
        // The index is eventually consistent: decide on the task itself, and only if it still has the listed lease.
        let current = self.tasks.find(listed.task_id).await?;
        let Some(before) = current.filter(|task| task.lease_id == listed.lease_id) else {
            return Ok(None);
        };
        let Some(after) = before.reclaimed(is_holder_live, self.clock.now()) else {
            return Ok(None);
        };
        Ok(self.tasks.replace(&before, &after).await?.then_some(after))
    }

    /// Whether the controller was live when its heartbeat was read, now or earlier in this sweep.
    async fn is_live(
        &self,
        id: &ControllerId,
        live: &mut LiveControllers,
    ) -> Result<bool, StoreError> {
        if live.contains(id) {
            return Ok(true);
        }
        let now = self.clock.now();
        let heartbeat = self.tasks.controller(id).await?;
        let is_live = heartbeat.is_some_and(|heartbeat| heartbeat.is_live(now));
        if is_live {
            live.insert(id.clone());
        }
        Ok(is_live)
    }

    /// Sends the queue message of a task that waits in its first minutes and at the start of each later send round: whoever
    /// queued the task may have failed before sending. The queue drops the message if it was sent in this round.
    async fn send_if_due(&self, task: &Task) -> Result<(), StoreError> {
        let now = self.clock.now();
        if task.needs_queue_message(now) {
            self.queue.enqueue(task, now).await?;
        }
        Ok(())
    }
}
