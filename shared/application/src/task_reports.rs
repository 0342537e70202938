//! Settles a controller's report: the task, and on completion its stock and order, change together.

use jiff::Timestamp;
use stockline_domain::caller::{Action, Caller};
use stockline_domain::ids::TaskId;
use stockline_domain::task::{Report, ReportRefused, Step, Task, TaskState};

use crate::deadline::Deadline;
use crate::metrics::{Metric, count};
use crate::ports::tasks::{Completion, CompletionStore, TaskStore};
use crate::store_error::StoreError;

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It counts, now or before; this is the task.
    Counted(Box<Task>),
    /// It does not count.
    Refused(ReportRefused),
    /// It does not count: the level holds less than the task says it fetched.
    LevelRefused,
    /// There is no such task among those that the caller may run.
    Unknown,
}

/// Settles `report`, which came from `caller` at `now`.
///
/// However many reports come at once, each is decided on the task as the one before left it.
pub async fn settle<S: TaskStore, C: CompletionStore>(
    store: &S,
    completions: &C,
    id: TaskId,
    caller: &Caller,
    report: &Report,
    now: Timestamp,
    deadline: Deadline,
) -> Result<ReportOutcome, StoreError> {
    let mut tries = deadline.tries();
    loop {
        let Some(before) = store.find(id).await? else {
            return Ok(ReportOutcome::Unknown);
        };
        if before.allow(Action::RunTasks, caller).is_err() {
            return Ok(ReportOutcome::Unknown);
        }
        let after = match before.report(report, now) {
            Err(refused) => return Ok(ReportOutcome::Refused(refused)),
            Ok(Step::Known) => return Ok(ReportOutcome::Counted(Box::new(before))),
            Ok(Step::Moves(after)) => store.replace(&before, &after).await?.then_some(after),
            Ok(Step::Completes { done, dropped }) => {
                match completions
                    .complete(&before, &done, report.occurred_at, now, deadline)
                    .await?
                {
                    Completion::Done => Some(done),
                    Completion::OrderCanceled => {
                        store.replace(&before, &dropped).await?.then_some(dropped)
                    }
                    Completion::LevelRefused => return Ok(ReportOutcome::LevelRefused),
                    Completion::Overtaken => None,
                }
            }
        };
        if let Some(after) = after {
            match after.state {
                TaskState::Completed => count(Metric::TasksCompleted, 1),
                TaskState::DeadLettered => {
                    tracing::error!(task_id = %id, attempts = after.attempt, "the task failed too often");
                    count(Metric::TasksDeadLettered, 1);
                }
                _ => {}
            }
            return Ok(ReportOutcome::Counted(after));
        }
        if !tries.another().await {
            return Err(StoreError::Busy);
        }
    }
}
