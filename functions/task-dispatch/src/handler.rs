//! Handles one `task.queued` message.

use stockline_application::error_chain::error_chain;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::tasks::{ControllerQueues, ControllerStore, TaskStore};
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::task_dispatch::{DispatchOutcome, TaskDispatcher};
use stockline_application::task_messages::read_queued_task;

/// Dispatches the task of the message. A message that cannot be read, or whose task does not exist, is rejected.
pub async fn handle<Tasks, Queues, Time>(
    dispatcher: &TaskDispatcher<Tasks, Queues, Time>,
    record: QueueRecord,
) -> RecordOutcome
where
    Tasks: TaskStore + ControllerStore,
    Queues: ControllerQueues,
    Time: Clock,
{
    let id = match read_queued_task(&record.body) {
        Ok(message) => message.data.task_id,
        Err(error) => return RecordOutcome::Reject(error.to_string()),
    };
    match dispatcher.dispatch(id, record.receive_count).await {
        Ok(DispatchOutcome::Dispatched | DispatchOutcome::NotQueued) => RecordOutcome::Done,
        Ok(DispatchOutcome::UnknownTask) => {
            RecordOutcome::Reject(format!("task {id} does not exist"))
        }
        Ok(DispatchOutcome::NoController {
            location,
            zone,
            retry_after,
        }) => {
            let reason =
                format!("no live controller with free capacity in zone {zone} of {location}");
            match retry_after {
                Some(delay) => RecordOutcome::RetryAfter(delay, reason),
                None => RecordOutcome::Reject(reason),
            }
        }
        Err(error) => RecordOutcome::Retry(error_chain(&error)),
    }
}

#[cfg(test)]
mod tests;
