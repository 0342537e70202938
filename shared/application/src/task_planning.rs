//! Plans the tasks of a new order and cancels those of its closed lines.

use std::time::Duration;

use stockline_domain::order::{Order, OrderStatus};
use stockline_domain::task::Task;

use crate::deadline::Deadline;
use crate::location_cache::LocationCache;
use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::ports::tasks::{ControllerQueues, TaskQueue, TaskStore};
use crate::store_error::StoreError;
use crate::stream_change::StreamChange;
use crate::task_cancellation::{ClosedLines, cancel_tasks};

/// The deadline for canceling the tasks of one order. A batch has at most 50 changes and 30 s.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Plans and cancels the tasks of orders at automated locations.
#[derive(Debug)]
pub struct TaskPlanner<Tasks, Queue, Controllers, Catalog, Time> {
    /// The store of tasks.
    pub tasks: Tasks,
    /// The queue of tasks that wait for a controller.
    pub queue: Queue,
    /// The queues of the controllers.
    pub controllers: Controllers,
    /// Tells the zones of a location.
    pub locations: LocationCache<Catalog, Time>,
    /// The current time.
    pub clock: Time,
}

impl<
    Tasks: TaskStore,
    Queue: TaskQueue,
    Controllers: ControllerQueues,
    Catalog: CatalogStore,
    Time: Clock,
> TaskPlanner<Tasks, Queue, Controllers, Catalog, Time>
{
    /// Updates the tasks of an order after a change of it. Repeated calls have one effect.
    pub async fn follow(&self, change: &StreamChange<Order>) -> Result<(), StoreError> {
        match (&change.before, &change.after) {
            (None, Some(placed)) if placed.status == OrderStatus::Allocated => {
                self.plan(placed).await
            }
            (Some(before), Some(after)) => self.cancel(after, &closed_lines(before, after)).await,
            (None, Some(_)) | (_, None) => Ok(()),
        }
    }

    async fn plan(&self, order: &Order) -> Result<(), StoreError> {
        let Some(location) = self.locations.find(&order.location_id).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        for task in Task::plan(order, &location.location.zones, now) {
            self.tasks.add(&task).await?;
            // The message is sent after the write, so that its receiver finds the task.
            self.queue.enqueue(&task, now).await?;
        }
        Ok(())
    }

    async fn cancel(&self, order: &Order, lines: &[u16]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let location = self.locations.find(&order.location_id).await?;
        if !location.is_some_and(|known| known.location.is_automated()) {
            return Ok(());
        }
        let closed = ClosedLines {
            order: order.order_id,
            lines,
            at: self.clock.now(),
            deadline: Deadline::within(CANCEL_TIMEOUT),
        };
        cancel_tasks(&self.tasks, &self.controllers, closed).await
    }
}

/// The lines whose open quantity became 0: fulfilled or canceled. If the task itself fulfilled the line, it is already
/// completed and canceling it has no effect.
fn closed_lines(before: &Order, after: &Order) -> Vec<u16> {
    before
        .lines
        .iter()
        .zip(&after.lines)
        .filter(|(before, after)| before.open_quantity() > 0 && after.open_quantity() == 0)
        .map(|(_, after)| after.line)
        .collect()
}
