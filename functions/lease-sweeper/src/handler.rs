//! Takes back the tasks of lost controllers, in every zone of every warehouse.

use std::collections::HashMap;

use serde::Serialize;
use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::tasks::{ControllerStore, TaskQueue, TaskStore};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{ControllerId, LocationId, ZoneId};
use stockline_domain::task::{Controller, Task, TaskState};

/// Sweeps all zones for tasks whose controller is lost.
pub struct LeaseSweeper<Tasks, Catalog, Queue, Time> {
    tasks: Tasks,
    catalog: Catalog,
    queue: Queue,
    clock: Time,
}

/// The result of a sweep: tasks taken back, by their new state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepResult {
    /// Requeued for another controller.
    pub queued: u32,
    /// Canceled: their state was `canceling`.
    pub canceled: u32,
    /// Given up after the last attempt; a person has to look at them.
    pub dead_lettered: u32,
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

/// The last heartbeat of each controller, read once per sweep; none for a controller that never sent one.
type Heartbeats = HashMap<ControllerId, Option<Controller>>;

impl<Tasks: TaskStore + ControllerStore, Catalog: CatalogStore, Queue: TaskQueue, Time: Clock>
    LeaseSweeper<Tasks, Catalog, Queue, Time>
{
    /// Creates the sweeper.
    pub fn new(tasks: Tasks, catalog: Catalog, queue: Queue, clock: Time) -> Self {
        Self {
            tasks,
            catalog,
            queue,
            clock,
        }
    }

    /// Sweeps every zone once.
    ///
    /// # Errors
    /// The first error of any zone, after all other zones are result. The next sweep covers what this one missed.
    pub async fn sweep(&self) -> Result<SweepResult, StoreError> {
        let mut result = SweepResult::default();
        let mut heartbeats = Heartbeats::new();
        let mut first_error = None;
        for location in self.catalog.list_locations().await? {
            for zone in &location.zones {
                let place = (&location.location_id, &zone.zone_id);
                if let Err(error) = self.sweep_zone(place, &mut heartbeats, &mut result).await {
                    let (location_id, zone_id) = place;
                    tracing::error!(%location_id, %zone_id, error = %error_chain(&error), "zone sweep failed");
                    first_error.get_or_insert(error);
                }
            }
        }
        let SweepResult {
            queued,
            canceled,
            dead_lettered,
        } = result;
        tracing::info!(queued, canceled, dead_lettered, "sweep finished");
        first_error.map_or(Ok(result), Err)
    }

    async fn sweep_zone(
        &self,
        (location, zone): (&LocationId, &ZoneId),
        heartbeats: &mut Heartbeats,
        result: &mut SweepResult,
    ) -> Result<(), StoreError> {
        for task in self.tasks.leased_tasks(location, zone).await? {
            if let Some(task) = self.take_back(&task, heartbeats).await? {
                result.count(&task);
                self.send_if_recent(&task).await?;
            }
        }
        for task in self.tasks.queued_tasks(location, zone).await? {
            self.send_if_recent(&task).await?;
        }
        Ok(())
    }

    /// Takes `listed` back and returns the new task; none if its controller is not lost or another write came first.
    async fn take_back(
        &self,
        listed: &Task,
        heartbeats: &mut Heartbeats,
    ) -> Result<Option<Task>, StoreError> {
        let Some(id) = &listed.controller_id else {
            return Ok(None);
        };
        if !heartbeats.contains_key(id) {
            heartbeats.insert(id.clone(), self.tasks.controller(id).await?);
        }
        let last_heartbeat = |task: &Task| {
            let id = task.controller_id.as_ref()?;
            heartbeats.get(id)?.as_ref()
        };
        let now = self.clock.now();
        if listed.reclaimed(last_heartbeat(listed), now).is_none() {
            return Ok(None);
        }
        // The index is eventually consistent: decide on the task itself, and only if it still has the listed lease.
        let current = self.tasks.find(listed.task_id).await?;
        let Some(before) = current.filter(|task| task.lease_id == listed.lease_id) else {
            return Ok(None);
        };
        let Some(after) = before.reclaimed(last_heartbeat(&before), now) else {
            return Ok(None);
        };
        Ok(self.tasks.replace(&before, &after).await?.then_some(after))
    }

    /// Sends the queue message of a task that was queued in the last minutes: whoever queued it may have failed before sending.
    /// SQS drops the message if it was sent.
    async fn send_if_recent(&self, task: &Task) -> Result<(), StoreError> {
        let now = self.clock.now();
        if task.needs_queue_message(now) {
            self.queue.enqueue(task, now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
