//! Applies a controller's report to its task. A completion also moves the stock and the order, in one transaction.

use jiff::Timestamp;
use stockline_domain::caller::{Action, Caller};
use stockline_domain::ids::TaskId;
use stockline_domain::task::{Report, ReportEffect, ReportRefused, Task, TaskState};

use crate::deadline::Deadline;
use crate::metrics::{Metric, count};
use crate::ports::tasks::{
    CompletionOutcome, CompletionStore, TaskCompletion, TaskQueue, TaskStore,
};
use crate::store_error::StoreError;

/// The outcome of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportOutcome {
    /// The report is applied, now or by an earlier request. This is the task.
    Applied(Box<Task>),
    /// The report is refused.
    Refused(ReportRefused),
    /// The report is refused: the level holds less than the task reports.
    InsufficientStock,
    /// The task does not exist, or the caller may not run it.
    NotFound,
}

/// One report of a controller.
#[derive(Debug, Clone, Copy)]
pub struct ReportRequest<'a> {
    /// The task.
    pub task: TaskId,
    /// The controller.
    pub caller: &'a Caller,
    /// The report.
    pub report: &'a Report,
    /// When the request arrived.
    pub at: Timestamp,
    /// When the response is due.
    pub deadline: Deadline,
}

/// Applies the report like [`settle_report`], and sends the queue message of a task that waits for a controller again.
///
/// The message is sent for a repeated report too: the first attempt may have failed before this send. The queue drops a
/// duplicate.
pub async fn receive_report<Tasks: TaskStore, Completions: CompletionStore, Queue: TaskQueue>(
    tasks: &Tasks,
    completions: &Completions,
    queue: &Queue,
    request: ReportRequest<'_>,
) -> Result<ReportOutcome, StoreError> {
    let outcome = settle_report(tasks, completions, request).await?;
    if let ReportOutcome::Applied(task) = &outcome
        && task.state == TaskState::Queued
    {
        queue.enqueue(task, request.at).await?;
    }
    Ok(outcome)
}

/// Applies the report. Concurrent reports are serialized: each is decided on the task as the one before it left it.
pub async fn settle_report<Tasks: TaskStore, Completions: CompletionStore>(
    tasks: &Tasks,
    completions: &Completions,
    request: ReportRequest<'_>,
) -> Result<ReportOutcome, StoreError> {
    let mut attempts = request.deadline.attempts();
    loop {
        let Some(before) = tasks.find(request.task).await? else {
            return Ok(ReportOutcome::NotFound);
        };
        if before.authorize(Action::RunTasks, request.caller).is_err() {
            return Ok(ReportOutcome::NotFound);
        }
        let after = match before.report(request.report, request.at) {
            Err(refused) => return Ok(ReportOutcome::Refused(refused)),
            Ok(ReportEffect::NoChange) => return Ok(ReportOutcome::Applied(Box::new(before))),
            Ok(ReportEffect::Update(after)) => {
                tasks.replace(&before, &after).await?.then_some(after)
            }
            Ok(ReportEffect::Complete {
                completed: done,
                canceled: dropped,
            }) => {
                let completion = TaskCompletion {
                    before: &before,
                    after: &done,
                    occurred_at: request.report.occurred_at,
                    at: request.at,
                };
                match completions.complete(completion, request.deadline).await? {
                    CompletionOutcome::Completed => Some(done),
                    CompletionOutcome::NothingOpen => {
                        tasks.replace(&before, &dropped).await?.then_some(dropped)
                    }
                    CompletionOutcome::InsufficientStock => {
                        return Ok(ReportOutcome::InsufficientStock);
                    }
                    CompletionOutcome::Conflict => None,
                }
            }
        };
        if let Some(after) = after {
            count_end_of_task(&after);
            return Ok(ReportOutcome::Applied(after));
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}

fn count_end_of_task(task: &Task) {
    match task.state {
        TaskState::Completed => count(Metric::TasksCompleted, 1),
        TaskState::DeadLettered => {
            let (task_id, attempts) = (task.task_id, task.attempt);
            tracing::error!(%task_id, attempts, "the task failed in every attempt");
            count(Metric::TasksDeadLettered, 1);
        }
        _ => {}
    }
}
