//! One sweep of every zone of every warehouse.

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

/// Takes tasks back.
pub struct LeaseSweeper<T, L, Q, C> {
    tasks: T,
    catalog: L,
    queue: Q,
    clock: C,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Tasks that wait for another controller.
    pub queued: u32,
    /// Tasks that were on their way to it.
    pub canceled: u32,
    /// Tasks that were tried too often.
    pub dead_lettered: u32,
}

impl Swept {
    fn count(&mut self, task: &Task) {
        match task.state {
            TaskState::Queued => self.queued += 1,
            TaskState::Canceled => self.canceled += 1,
            _ => {
                let task_id = task.task_id;
                tracing::error!(%task_id, attempts = task.attempt, "no controller could do this task");
                self.dead_lettered += 1;
                count(Metric::TasksDeadLettered, 1);
            }
        }
    }
}

/// The last heartbeat of each controller, read once a sweep.
type Heartbeats = HashMap<ControllerId, Option<Controller>>;

impl<T: TaskStore + ControllerStore, L: CatalogStore, Q: TaskQueue, C: Clock>
    LeaseSweeper<T, L, Q, C>
{
    /// Over these stores and this queue.
    pub fn new(tasks: T, catalog: L, queue: Q, clock: C) -> Self {
        Self {
            tasks,
            catalog,
            queue,
            clock,
        }
    }

    /// Takes back what lost controllers hold, everywhere.
    ///
    /// # Errors
    /// The first that a zone met; the other zones are swept all the same, and the next sweep does what this one could
    /// not.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let mut heartbeats = Heartbeats::new();
        let mut first = None;
        for location in self.catalog.list_locations().await? {
            for zone in &location.zones {
                let place = (&location.location_id, &zone.zone_id);
                if let Err(error) = self.sweep_zone(place, &mut heartbeats, &mut swept).await {
                    let (location_id, zone_id) = place;
                    tracing::error!(%location_id, %zone_id, error = %error_chain(&error), "a zone could not be swept");
                    first.get_or_insert(error);
                }
            }
        }
        let Swept {
            queued,
            canceled,
            dead_lettered,
        } = swept;
        tracing::info!(queued, canceled, dead_lettered, "swept");
        first.map_or(Ok(swept), Err)
    }

    async fn sweep_zone(
        &self,
        (location, zone): (&LocationId, &ZoneId),
        heartbeats: &mut Heartbeats,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        for task in self.tasks.leased_tasks(location, zone).await? {
            if let Some(task) = self.take_back(&task, heartbeats).await? {
                swept.count(&task);
                self.tell(&task).await?;
            }
        }
        for task in self.tasks.queued_tasks(location, zone).await? {
            self.tell(&task).await?;
        }
        Ok(())
    }

    /// The task as it is after it was taken back; none where its controller is not lost, or someone else came first.
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
        let holder = |task: &Task| {
            let id = task.controller_id.as_ref()?;
            heartbeats.get(id)?.as_ref()
        };
        let now = self.clock.now();
        if listed.taken_back(holder(listed), now).is_none() {
            return Ok(None);
        }
        // The list is a moment behind: what decides is the task as it is, if the same controller still holds it.
        let there = self.tasks.find(listed.task_id).await?;
        let Some(before) = there.filter(|task| task.lease_id == listed.lease_id) else {
            return Ok(None);
        };
        let Some(after) = before.taken_back(holder(&before), now) else {
            return Ok(None);
        };
        Ok(self.tasks.replace(&before, &after).await?.then_some(after))
    }

    async fn tell(&self, task: &Task) -> Result<(), StoreError> {
        let now = self.clock.now();
        if task.may_be_untold(now) {
            self.queue.enqueue(task, now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
