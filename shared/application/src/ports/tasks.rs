//! Where tasks and controllers are kept, how tasks reach controllers, and how a report is settled.

use std::future::Future;

use jiff::Timestamp;
use stockline_domain::ids::{ControllerId, LocationId, TaskId, ZoneId};
use stockline_domain::task::{Controller, Task};

use crate::deadline::Deadline;
use crate::store_error::StoreError;

/// Keeps tasks.
pub trait TaskStore: Send + Sync {
    /// Adds `task`, unless one of its id is there.
    fn add(&self, task: &Task) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The task, as it is now.
    fn find(&self, id: TaskId) -> impl Future<Output = Result<Option<Task>, StoreError>> + Send;

    /// Replaces `before` by `after`; false when another write came first.
    fn replace(
        &self,
        before: &Task,
        after: &Task,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Who could take a task.
pub trait ControllerStore: Send + Sync {
    /// Keeps the heartbeat, unless a later one is known.
    fn beat(&self, heartbeat: &Controller) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The controllers that were last heard of in the zone. One heard of just now may be missing for a moment.
    fn controllers(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> impl Future<Output = Result<Vec<Controller>, StoreError>> + Send;

    /// The controller as its last heartbeat told, as it is now; none that was never heard of.
    fn controller(
        &self,
        id: &ControllerId,
    ) -> impl Future<Output = Result<Option<Controller>, StoreError>> + Send;

    /// The tasks of the zone that wait for a controller. One queued just now may be missing for a moment.
    fn waiting(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> impl Future<Output = Result<Vec<Task>, StoreError>> + Send;

    /// The tasks of the zone that controllers hold. One leased just now may be missing for a moment.
    fn held(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> impl Future<Output = Result<Vec<Task>, StoreError>> + Send;
}

/// What became of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// The task is completed, its goods have left stock and its order has gone on, all in one.
    Done,
    /// Nothing changed: the order takes nothing more of this line, because it was canceled, or all of it handed over by hand.
    OrderCanceled,
    /// Nothing changed: the level holds less than the task says it fetched.
    LevelRefused,
    /// Nothing changed: another write of the task or the order came first.
    Overtaken,
}

/// Completes tasks.
pub trait CompletionStore: Send + Sync {
    /// Replaces `before` by the completed `after`, moves its stock and fulfils its order's line, all or nothing.
    ///
    /// Where a part of the line was handed over by hand, what is still open of it leaves.
    fn complete(
        &self,
        before: &Task,
        after: &Task,
        occurred_at: Timestamp,
        now: Timestamp,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Completion, StoreError>> + Send;
}

/// What a controller is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Do the task.
    Execute,
    /// Stop, and put back what was taken.
    Cancel,
}

/// The queue that tells the dispatch of queued tasks.
pub trait TaskQueue: Send + Sync {
    /// Tells of `task`; telling again of the same attempt is harmless.
    fn queued(
        &self,
        task: &Task,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The controllers' own queues.
pub trait ControllerQueues: Send + Sync {
    /// Tells the controller that holds `task`; telling again under the same lease is harmless.
    fn tell(
        &self,
        controller: &ControllerId,
        command: Command,
        task: &Task,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
