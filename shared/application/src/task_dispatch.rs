//! Leases a queued task to a live controller and sends the controller its command.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stockline_domain::ids::{LocationId, TaskId, ZoneId};
use stockline_domain::task::{Task, TaskState, pick_controller};

use crate::deadline::Deadline;
use crate::metrics::{Metric, count};
use crate::ports::clock::Clock;
use crate::ports::tasks::{ControllerCommand, ControllerQueues, ControllerStore, TaskStore};
use crate::store_error::StoreError;

/// How long write conflicts are retried before the message is left to its next delivery.
const CONFLICT_TIMEOUT: Duration = Duration::from_secs(2);

/// The outcome of dispatching a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DispatchOutcome {
    /// The task is leased, and its controller has the command.
    Dispatched,
    /// The task does not wait for a controller any more.
    NotQueued,
    /// The task does not exist.
    UnknownTask,
    /// No live controller of the zone has free capacity.
    NoController {
        /// The location of the zone.
        location: LocationId,
        /// The zone of the task.
        zone: ZoneId,
        /// When to try again; `None` once the task has been queued for too long.
        retry_after: Option<Duration>,
    },
}

/// Dispatches tasks to controllers.
#[derive(Debug)]
pub struct TaskDispatcher<Tasks, Queues, Time> {
    /// The store of tasks and controllers.
    pub tasks: Tasks,
    /// The queues of the controllers.
    pub queues: Queues,
    /// The current time.
    pub clock: Time,
}

impl<Tasks: TaskStore + ControllerStore, Queues: ControllerQueues, Time: Clock>
    TaskDispatcher<Tasks, Queues, Time>
{
    /// Leases the task `id` to a controller of its zone. `receive_count` is the number of deliveries of its message, which
    /// sets the delay of the next. Repeated and concurrent calls take one lease.
    pub async fn dispatch(
        &self,
        id: TaskId,
        receive_count: u32,
    ) -> Result<DispatchOutcome, StoreError> {
        let mut attempts = Deadline::within(CONFLICT_TIMEOUT).attempts();
        loop {
            let now = self.clock.now();
            let Some(task) = self.tasks.find(id).await? else {
                return Ok(DispatchOutcome::UnknownTask);
            };
            if task.state == TaskState::Leased {
                // An earlier call took the lease and may have failed before it sent the command. The queue drops a duplicate.
                self.send_command(&task, now).await?;
            }
            if task.state != TaskState::Queued {
                return Ok(DispatchOutcome::NotQueued);
            }
            let (location, zone) = (&task.location_id, &task.zone_id);
            let controllers = self.tasks.controllers(location, zone).await?;
            let held = self.tasks.leased_tasks(location, zone).await?;
            let Some(controller) = pick_controller(&controllers, &held, now) else {
                let delay = task.retry_delay(receive_count, now);
                return Ok(DispatchOutcome::NoController {
                    location: location.clone(),
                    zone: zone.clone(),
                    retry_after: delay.map(SignedDuration::unsigned_abs),
                });
            };
            let leased = task
                .lease(&controller, now)
                .map_err(StoreError::failed("lease a task"))?;
            if self.tasks.replace(&task, &leased).await? {
                count(Metric::TasksLeased, 1);
                self.send_command(&leased, now).await?;
                return Ok(DispatchOutcome::Dispatched);
            }
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    async fn send_command(&self, task: &Task, now: Timestamp) -> Result<(), StoreError> {
        match &task.controller_id {
            Some(controller) => {
                self.queues
                    .send(controller, ControllerCommand::Execute, task, now)
                    .await
            }
            None => Ok(()),
        }
    }
}
