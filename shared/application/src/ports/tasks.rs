//! Stores of tasks and controllers, and the queues by which tasks reach controllers.

use std::future::Future;

use jiff::Timestamp;
use stockline_domain::ids::{ControllerId, LocationId, TaskId, ZoneId};
use stockline_domain::task::{Controller, Task};

use crate::deadline::Deadline;
use crate::store_error::StoreError;

/// The store of tasks.
pub trait TaskStore: Send + Sync {
    /// Adds `task` unless its id exists.
    fn add(&self, task: &Task) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the task, strongly consistent.
    fn find(&self, id: TaskId) -> impl Future<Output = Result<Option<Task>, StoreError>> + Send;

    /// Replaces `before` by `after`. Returns false if the task was written since it was read.
    fn replace(
        &self,
        before: &Task,
        after: &Task,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// The store of controllers, and of the tasks of their zone.
pub trait ControllerStore: Send + Sync {
    /// Records a heartbeat unless a later one is stored.
    fn record_heartbeat(
        &self,
        heartbeat: &Controller,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Lists the controllers whose last heartbeat named the zone. Eventually consistent.
    fn controllers(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> impl Future<Output = Result<Vec<Controller>, StoreError>> + Send;

    /// Reads the last heartbeat of a controller, strongly consistent.
    fn controller(
        &self,
        id: &ControllerId,
    ) -> impl Future<Output = Result<Option<Controller>, StoreError>> + Send;

    /// Lists the queued tasks of the zone. Eventually consistent.
    fn queued_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> impl Future<Output = Result<Vec<Task>, StoreError>> + Send;

    /// Lists the leased tasks of the zone. Eventually consistent.
    fn leased_tasks(
        &self,
        location: &LocationId,
        zone: &ZoneId,
    ) -> impl Future<Output = Result<Vec<Task>, StoreError>> + Send;
}

/// The outcome of completing a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionOutcome {
    /// The task, its stock and its order line are written in one transaction.
    Completed,
    /// Nothing changed: nothing of the order line is open, because it was canceled or fulfilled by hand.
    NothingOpen,
    /// Nothing changed: the level holds less than the task reports.
    InsufficientStock,
    /// Nothing changed: the task or the order was written since it was read.
    Conflict,
}

/// The completion of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskCompletion<'a> {
    /// The task as it was read.
    pub before: &'a Task,
    /// The completed task.
    pub after: &'a Task,
    /// When the goods left, as the controller reports it.
    pub occurred_at: Timestamp,
    /// When the report arrived.
    pub at: Timestamp,
}

/// Completes tasks.
pub trait CompletionStore: Send + Sync {
    /// Replaces the task by the completed one, moves its stock and fulfils its order line, all or nothing.
    ///
    /// If a part of the line was fulfilled by hand, only the open quantity leaves.
    fn complete(
        &self,
        completion: TaskCompletion<'_>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<CompletionOutcome, StoreError>> + Send;
}

/// A command to a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControllerCommand {
    /// Execute the task.
    Execute,
    /// Stop the task and return its goods.
    Cancel,
}

/// The queue that the dispatcher consumes.
pub trait TaskQueue: Send + Sync {
    /// Enqueues `task`. The queue drops duplicates of one attempt and [send round](Task::send_round).
    fn enqueue(
        &self,
        task: &Task,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The queues that controllers poll, one per controller.
pub trait ControllerQueues: Send + Sync {
    /// Sends a command on `task` to a controller. The queue drops duplicates under one lease.
    fn send(
        &self,
        controller: &ControllerId,
        command: ControllerCommand,
        task: &Task,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
