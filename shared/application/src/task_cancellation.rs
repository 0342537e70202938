//! Cancels the tasks of order lines of which nothing is open any more.

use jiff::Timestamp;
use stockline_domain::ids::{OrderId, TaskId};
use stockline_domain::task::{Task, TaskState};

use crate::deadline::Deadline;
use crate::ports::tasks::{ControllerCommand, ControllerQueues, TaskStore};
use crate::store_error::StoreError;

/// The order lines whose tasks to cancel.
#[derive(Debug, Clone, Copy)]
pub struct ClosedLines<'a> {
    /// The order.
    pub order: OrderId,
    /// The numbers of the lines.
    pub lines: &'a [u16],
    /// When they are canceled.
    pub at: Timestamp,
    /// Until when conflicts are retried.
    pub deadline: Deadline,
}

/// Cancels the tasks of `closed`, and sends a cancel command to each controller that holds one.
///
/// The command is sent after the write, and again in every repeated call: an earlier call may have ended between the two.
pub async fn cancel_tasks<Tasks: TaskStore, Queues: ControllerQueues>(
    tasks: &Tasks,
    controllers: &Queues,
    closed: ClosedLines<'_>,
) -> Result<(), StoreError> {
    for line in closed.lines {
        let id = TaskId::for_order_line(closed.order, *line);
        let Some(task) = cancel_task(tasks, id, closed.deadline).await? else {
            continue;
        };
        if task.state == TaskState::Canceling
            && let Some(controller) = &task.controller_id
        {
            controllers
                .send(controller, ControllerCommand::Cancel, &task, closed.at)
                .await?;
        }
    }
    Ok(())
}

/// The task after the cancellation; `None` if the line has no task.
async fn cancel_task<Tasks: TaskStore>(
    tasks: &Tasks,
    id: TaskId,
    deadline: Deadline,
) -> Result<Option<Task>, StoreError> {
    let mut attempts = deadline.attempts();
    while let Some(before) = tasks.find(id).await? {
        let Some(after) = before.cancel_with_order() else {
            return Ok(Some(before));
        };
        if tasks.replace(&before, &after).await? {
            return Ok(Some(after));
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
    Ok(None)
}
