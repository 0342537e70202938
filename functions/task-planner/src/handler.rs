//! A change of an order becomes tasks, or the end of them.

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

/// How long one record may take: a batch of fifty has thirty seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Plans tasks.
pub struct TaskPlanner<T, Q, K, L, C> {
    tasks: T,
    queue: Q,
    controllers: K,
    locations: LocationCache<L, C>,
    clock: C,
}

impl<T: TaskStore, Q: TaskQueue, K: ControllerQueues, L: CatalogStore, C: Clock>
    TaskPlanner<T, Q, K, L, C>
{
    /// Over these stores and queues.
    pub fn new(
        tasks: T,
        queue: Q,
        controllers: K,
        locations: LocationCache<L, C>,
        clock: C,
    ) -> Self {
        Self {
            tasks,
            queue,
            controllers,
            locations,
            clock,
        }
    }

    /// Does what one change of an order asks for.
    pub async fn record(&self, record: StreamRecord) -> RecordOutcome {
        let images = record
            .old_as::<OrderRecord>()
            .and_then(|old| Ok((old, record.new_as::<OrderRecord>()?)));
        let (old, new) = match images {
            Ok((old, Some(new))) => (old.map(|old| old.order()), new.order()),
            Ok((_, None)) => return RecordOutcome::Done,
            Err(error) => {
                return RecordOutcome::Reject(format!("the order cannot be read: {error}"));
            }
        };
        let done = match old {
            None if new.status == OrderStatus::Allocated => self.plan(&new).await,
            None => Ok(()),
            Some(old) => self.cancel(&new, &ended(&old, &new)).await,
        };
        match done {
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
            // Only after the task is there: whoever hears of it finds it.
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
            Deadline::within(PATIENCE),
        )
        .await
    }
}

/// The lines of which nothing is to leave any more, since some of it was canceled or the last of it left. Where that left
/// with its task, the task is completed and stays so.
fn ended(old: &Order, new: &Order) -> Vec<u16> {
    old.lines
        .iter()
        .zip(&new.lines)
        .filter(|(old, new)| old.open_quantity() > 0 && new.open_quantity() == 0)
        .map(|(_, new)| new.line)
        .collect()
}

#[cfg(test)]
mod tests;
