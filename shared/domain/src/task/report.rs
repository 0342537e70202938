//! What a controller says of a task it holds, and what that makes of the task.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LEASE, Task, TaskState, TransitionRefused};
use crate::invalid::{Checks, Invalid};
use crate::told_time;

/// What a controller says the task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedState {
    /// It will do it.
    Accepted,
    /// It does it.
    InProgress,
    /// It has stopped for a while.
    Paused,
    /// It has done it.
    Completed,
    /// It cannot do it.
    Failed,
    /// It has put it back, as it was told to.
    Canceled,
}

/// Why a controller cannot do a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportError {
    /// The controller's own code, 1 to 64 characters.
    pub code: String,
    /// For a person, 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether another try may do.
    pub retriable: bool,
}

/// What a controller says of a task it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The lease it speaks of.
    pub lease_id: u64,
    /// Rises with every report of a lease, from 1.
    pub report_seq: u64,
    /// What it says the task is.
    pub state: ReportedState,
    /// Why it failed; there when it did, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReportError>,
    /// When it happened: since the task was created, and at most [`told_time::CLOCK_TOLERANCE`] ahead.
    pub occurred_at: Timestamp,
}

/// Why a report does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportRefused {
    /// The lease is not the task's, or has been given up.
    #[error("the lease is not the task's any more; its last is {current}")]
    Fenced {
        /// The task's last lease.
        current: u64,
    },
    /// A later report is known.
    #[error("report {last} is known already")]
    Outdated {
        /// The last report that counted.
        last: u64,
    },
    /// The number was used for another report.
    #[error("another report came under the number {seq}")]
    Conflict {
        /// The number.
        seq: u64,
    },
    /// It tells of a time when there was no such task yet.
    #[error("it happened before the task was created")]
    BeforeTask,
    /// The task cannot become that.
    #[error(transparent)]
    Transition(#[from] TransitionRefused),
}

/// What a report makes of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is known, or says of a canceled task that it is.
    Known,
    /// This task.
    Moves(Box<Task>),
    /// The `done` task, if the goods can leave stock for its order with it; the `dropped` one if the order was canceled.
    Completes {
        /// Completed.
        done: Box<Task>,
        /// Canceled, for an order that takes nothing any more.
        dropped: Box<Task>,
    },
}

impl Report {
    /// The report as it came at `now`, or every field that breaks a rule.
    pub fn check(self, now: Timestamp) -> Result<Self, Invalid> {
        // What is stored as a number must be one that every reader of it can hold.
        let numbers = 1..=u64::from(u32::MAX);
        let mut checks = Checks::new();
        for (pointer, number) in [
            ("/lease_id", self.lease_id),
            ("/report_seq", self.report_seq),
        ] {
            checks.require(
                numbers.contains(&number),
                pointer,
                "must be 1 to 4294967295",
            );
        }
        checks.require(
            self.error.is_some() == (self.state == ReportedState::Failed),
            "/error",
            "must be there when the state is failed, and only then",
        );
        told_time::check_clock(self.occurred_at, now, "/occurred_at", &mut checks);
        if let Some(error) = &self.error {
            let length = |text: &str| text.chars().count();
            checks.require(
                (1..=64).contains(&length(&error.code)),
                "/error/code",
                "must be 1 to 64 characters",
            );
            checks.require(
                error
                    .detail
                    .as_deref()
                    .is_none_or(|text| (1..=500).contains(&length(text))),
                "/error/detail",
                "must be 1 to 500 characters",
            );
        }
        checks.finish(self)
    }
}

impl Task {
    /// What `report`, heard at `now`, makes of this task.
    pub fn report(&self, report: &Report, now: Timestamp) -> Result<Step, ReportRefused> {
        if report.lease_id != self.lease_id {
            return Err(ReportRefused::Fenced {
                current: self.lease_id,
            });
        }
        if report.occurred_at < self.created_at {
            return Err(ReportRefused::BeforeTask);
        }
        if let Some(last) = &self.last_report {
            if last == report {
                return Ok(Step::Known);
            }
            let known = last.report_seq;
            match report.report_seq.cmp(&known) {
                Ordering::Less => return Err(ReportRefused::Outdated { last: known }),
                Ordering::Equal => return Err(ReportRefused::Conflict { seq: known }),
                Ordering::Greater => {}
            }
        }
        if self.state == TaskState::Queued {
            return Err(ReportRefused::Fenced {
                current: self.lease_id,
            });
        }
        self.step(report, now)
    }

    fn step(&self, report: &Report, now: Timestamp) -> Result<Step, ReportRefused> {
        let to = |state| self.reported(state, report, now);
        let canceling = self.state == TaskState::Canceling;
        let step = match report.state {
            ReportedState::Completed => {
                return Ok(Step::Completes {
                    done: Box::new(to(TaskState::Completed)?),
                    dropped: Box::new(to(TaskState::Canceled)?),
                });
            }
            ReportedState::Canceled | ReportedState::Failed if canceling => {
                to(TaskState::Canceled)?
            }
            // It was told to put back what had ended by the time it did.
            ReportedState::Canceled if self.state == TaskState::Canceled => {
                return Ok(Step::Known);
            }
            // A controller's own wish ends no task: it reports a failure.
            ReportedState::Canceled => {
                return Err(TransitionRefused {
                    from: self.state,
                    to: TaskState::Canceled,
                }
                .into());
            }
            ReportedState::Failed => self.failed(report, now)?,
            // The controller does not know of the cancellation yet; it stays.
            ReportedState::Accepted | ReportedState::InProgress | ReportedState::Paused
                if canceling =>
            {
                self.heard(report, now)
            }
            ReportedState::Accepted => to(TaskState::Accepted)?,
            ReportedState::InProgress => to(TaskState::InProgress)?,
            ReportedState::Paused => to(TaskState::Paused)?,
        };
        Ok(Step::Moves(Box::new(step)))
    }

    fn failed(&self, report: &Report, now: Timestamp) -> Result<Self, TransitionRefused> {
        let retriable = report.error.as_ref().is_some_and(|error| error.retriable);
        if !retriable {
            return self.reported(TaskState::Failed, report, now);
        }
        let mut task = self.heard(report, now).another_try(now)?;
        task.version = self.version + 1;
        task.lease_expires_at = None;
        Ok(task)
    }

    fn reported(
        &self,
        to: TaskState,
        report: &Report,
        now: Timestamp,
    ) -> Result<Self, TransitionRefused> {
        self.state.go(to)?;
        let mut task = self.heard(report, now);
        task.state = to;
        if !TaskState::HELD.contains(&to) {
            task.lease_expires_at = None;
        }
        Ok(task)
    }

    fn heard(&self, report: &Report, now: Timestamp) -> Self {
        Self {
            last_report: Some(report.clone()),
            lease_expires_at: now.checked_add(LEASE).ok(),
            version: self.version + 1,
            ..self.clone()
        }
    }
}
