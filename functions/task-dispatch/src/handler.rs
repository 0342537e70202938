//! Leases a queued task to a live controller and sends the controller its command.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stockline_application::deadline::Deadline;
use stockline_application::error_chain::error_chain;
use stockline_application::message::Envelope;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::tasks::{
    ControllerCommand, ControllerQueues, ControllerStore, TaskStore,
};
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::store_error::StoreError;
use stockline_domain::ids::TaskId;
use stockline_domain::task::{Task, TaskState, pick_controller};
use stockline_platform::sqs::{QueuedTask, TASK_QUEUED};

/// How long write conflicts are retried before the message is left to its next delivery.
const CONFLICT_TIMEOUT: Duration = Duration::from_secs(2);

/// Dispatches tasks to controllers.
pub struct TaskDispatch<Tasks, Queues, Time> {
    tasks: Tasks,
    queues: Queues,
    clock: Time,
}

impl<Tasks: TaskStore + ControllerStore, Queues: ControllerQueues, Time: Clock>
    TaskDispatch<Tasks, Queues, Time>
{
    /// Creates the dispatcher; `queues` are the controllers' own queues.
    pub fn new(tasks: Tasks, queues: Queues, clock: Time) -> Self {
        Self {
            tasks,
            queues,
            clock,
        }
    }

    /// Handles one `task.queued` message.
    pub async fn record(&self, record: QueueRecord) -> RecordOutcome {
        let message = match Envelope::<QueuedTask>::read(&record.body, TASK_QUEUED, 1) {
            Ok(message) => message,
            Err(error) => return RecordOutcome::Reject(error.to_string()),
        };
        match self
            .dispatch(message.data.task_id, record.receive_count)
            .await
        {
            Ok(outcome) => outcome,
            Err(error) => RecordOutcome::Retry(error_chain(&error)),
        }
    }

    async fn dispatch(&self, id: TaskId, receive_count: u32) -> Result<RecordOutcome, StoreError> {
        let deadline = Deadline::within(CONFLICT_TIMEOUT);
        let mut attempts = deadline.attempts();
        loop {
            let now = self.clock.now();
            let Some(task) = self.tasks.find(id).await? else {
                return Ok(RecordOutcome::Reject(format!("task {id} does not exist")));
            };
            if task.state == TaskState::Leased {
                // An earlier delivery took the lease and may have failed before it sent the command. SQS drops a duplicate.
                self.send_command(&task, now).await?;
            }
            if task.state != TaskState::Queued {
                return Ok(RecordOutcome::Done);
            }
            let (location, zone) = (&task.location_id, &task.zone_id);
            let controllers = self.tasks.controllers(location, zone).await?;
            let held = self.tasks.leased_tasks(location, zone).await?;
            let Some(controller) = pick_controller(&controllers, &held, now) else {
                let reason =
                    format!("no live controller with free capacity in zone {zone} of {location}");
                let pause = task.retry_delay(receive_count, now);
                return Ok(match pause.map(SignedDuration::unsigned_abs) {
                    Some(pause) => RecordOutcome::RetryAfter(pause, reason),
                    None => RecordOutcome::Reject(reason),
                });
            };
            let leased = task
                .lease(&controller, now)
                .map_err(StoreError::failed("lease a task"))?;
            if self.tasks.replace(&task, &leased).await? {
                count(Metric::TasksLeased, 1);
                self.send_command(&leased, now).await?;
                return Ok(RecordOutcome::Done);
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

#[cfg(test)]
mod tests;
