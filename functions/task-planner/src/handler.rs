//! Handles one change of an order.

use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::tasks::{ControllerQueues, TaskQueue, TaskStore};
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::stream_change::StreamChange;
use stockline_application::task_planning::TaskPlanner;
use stockline_domain::order::Order;

/// Plans or cancels the tasks of the order. A failed change is retried.
pub async fn handle<Tasks, Queue, Controllers, Catalog, Time>(
    planner: &TaskPlanner<Tasks, Queue, Controllers, Catalog, Time>,
    change: StreamChange<Order>,
) -> RecordOutcome
where
    Tasks: TaskStore,
    Queue: TaskQueue,
    Controllers: ControllerQueues,
    Catalog: CatalogStore,
    Time: Clock,
{
    planner.follow(&change).await.into()
}

#[cfg(test)]
mod tests;
