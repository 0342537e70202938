//! Plans the tasks of new orders and cancels the tasks of closed lines.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::location_cache::LocationCache;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::tasks::{ControllerQueues, TaskQueue, TaskStore};
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::store_error::StoreError;
use stockline_application::task_cancellation::cancel_tasks;
use stockline_domain::order::{Order, OrderStatus};
use stockline_domain::task::Task;
use stockline_platform::batch::StreamRecord;
use stockline_platform::dynamodb::orders::OrderRecord;

/// The deadline for canceling the tasks of one record. A batch has at most 50 records and 30 s.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Plans and cancels tasks.
pub struct TaskPlanner<Tasks, Queue, Controllers, Catalog, Time> {
    tasks: Tasks,
    queue: Queue,
    controllers: Controllers,
    locations: LocationCache<Catalog, Time>,
    clock: Time,
}

impl<
    Tasks: TaskStore,
    Queue: TaskQueue,
    Controllers: ControllerQueues,
    Catalog: CatalogStore,
    Time: Clock,
> TaskPlanner<Tasks, Queue, Controllers, Catalog, Time>
{
    /// Creates the planner; `queue` is the task queue, `controllers` are the controllers' own queues.
    pub fn new(
        tasks: Tasks,
        queue: Queue,
        controllers: Controllers,
        locations: LocationCache<Catalog, Time>,
        clock: Time,
    ) -> Self {
        Self {
            tasks,
            queue,
            controllers,
            locations,
            clock,
        }
    }

    /// Handles one stream record of an order.
    pub async fn record(&self, record: StreamRecord) -> RecordOutcome {
        let images = record
            .old_as::<OrderRecord>()
            .and_then(|old| Ok((old, record.new_as::<OrderRecord>()?)));
        let (old, new) = match images {
            Ok((old, Some(new))) => (old.map(|old| old.order()), new.order()),
            Ok((_, None)) => return RecordOutcome::Done,
            Err(error) => {
                return RecordOutcome::Reject(format!("order image cannot be parsed: {error}"));
            }
        };
        let result = match old {
            None if new.status == OrderStatus::Allocated => self.plan(&new).await,
            None => Ok(()),
            Some(old) => self.cancel(&new, &closed_lines(&old, &new)).await,
        };
        match result {
            Ok(()) => RecordOutcome::Done,
            Err(error) => {
                RecordOutcome::Retry(stockline_application::error_chain::error_chain(&error))
            }
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
        cancel_tasks(
            &self.tasks,
            &self.controllers,
            (order.order_id, lines),
            self.clock.now(),
            Deadline::within(CANCEL_TIMEOUT),
        )
        .await
    }
}

/// The lines whose open quantity became 0: fulfilled or canceled. If the task itself fulfilled the line, it is already
/// completed and canceling it has no effect.
fn closed_lines(old: &Order, new: &Order) -> Vec<u16> {
    old.lines
        .iter()
        .zip(&new.lines)
        .filter(|(old, new)| old.open_quantity() > 0 && new.open_quantity() == 0)
        .map(|(_, new)| new.line)
        .collect()
}

#[cfg(test)]
mod tests;
