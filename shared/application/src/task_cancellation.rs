//! Cancels the tasks of order lines that were canceled.

use jiff::Timestamp;
use stockline_domain::ids::{OrderId, TaskId};
use stockline_domain::task::{Task, TaskState};

use crate::deadline::Deadline;
use crate::ports::tasks::{Command, ControllerQueues, TaskStore};
use crate::store_error::StoreError;

/// Cancels what is planned for `lines` of an order, and tells each controller that holds some of it.
///
/// A controller is told after the write, and again whenever this is done again: it may have ended in between.
pub async fn cancel_tasks<S: TaskStore, Q: ControllerQueues>(
    store: &S,
    controllers: &Q,
    order: OrderId,
    lines: &[u16],
    now: Timestamp,
    deadline: Deadline,
) -> Result<(), StoreError> {
    for line in lines {
        let id = TaskId::for_order_line(order, *line);
        let Some(task) = cancel_task(store, id, deadline).await? else {
            continue;
        };
        if task.state == TaskState::Canceling
            && let Some(controller) = &task.controller_id
        {
            controllers
                .tell(controller, Command::Cancel, &task, now)
                .await?;
        }
    }
    Ok(())
}

/// The task after its order was canceled.
async fn cancel_task<S: TaskStore>(
    store: &S,
    id: TaskId,
    deadline: Deadline,
) -> Result<Option<Task>, StoreError> {
    let mut tries = deadline.tries();
    while let Some(before) = store.find(id).await? {
        let Some(after) = before.order_canceled() else {
            return Ok(Some(before));
        };
        if store.replace(&before, &after).await? {
            return Ok(Some(after));
        }
        if !tries.another().await {
            return Err(StoreError::Busy);
        }
    }
    Ok(None)
}
