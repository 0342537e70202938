//! Reports of controllers on the tasks that they hold, and the effect of a report on its task.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LEASE, Task, TaskState, TransitionRefused};
use crate::invalid::{Checks, Invalid};
use crate::reported_time::{self, CLOCK_TOLERANCE};
use crate::text;

/// The state that a controller reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedState {
    /// The controller will execute the task.
    Accepted,
    /// The controller executes the task.
    InProgress,
    /// The controller has paused the task.
    Paused,
    /// The transport is done.
    Completed,
    /// The controller cannot execute the task.
    Failed,
    /// The controller has put the goods back after a cancel command.
    Canceled,
}

/// Why a controller failed to execute a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportError {
    /// An error code of the controller, 1 to 64 characters.
    pub code: String,
    /// A text for people, 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether another attempt may succeed.
    pub retriable: bool,
}

/// A report of a controller on a task that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The fencing number of the lease.
    pub lease_id: u64,
    /// The number of the report within its lease, rising from 1.
    pub report_seq: u64,
    /// The reported state.
    pub state: ReportedState,
    /// The error; present if and only if the state is `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReportError>,
    /// When it happened: at most [`CLOCK_TOLERANCE`] before the task was created, and as much ahead of the server.
    pub occurred_at: Timestamp,
}

/// Why a report is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportRefused {
    /// The lease is not the task's current lease, or was given up.
    #[error("the lease was given up or replaced; the task's last lease is {current}")]
    Fenced {
        /// The fencing number of the task's last lease.
        current: u64,
    },
    /// A report with a higher number was processed already.
    #[error("report {last}, which is newer, was received already")]
    Outdated {
        /// The number of the last processed report.
        last: u64,
    },
    /// A different report with this number was processed already.
    #[error("a different report with number {seq} was received already")]
    Conflict {
        /// The number.
        seq: u64,
    },
    /// `occurred_at` is before the task was created, by more than a slow clock explains.
    #[error("the report is of a time more than 5 minutes before the task was created")]
    BeforeTask,
    /// The state machine does not allow the transition.
    #[error(transparent)]
    Transition(#[from] TransitionRefused),
}

/// The effect of a report on its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportEffect {
    /// The task does not change: the report is a duplicate, or reports a canceled task as canceled.
    NoChange,
    /// The task becomes this one.
    Update(Box<Task>),
    /// The transport is done. Which task is written depends on the order.
    Complete {
        /// The completed task, if the order can still be fulfilled; to be written in one transaction with the stock change.
        completed: Box<Task>,
        /// The canceled task, if the order can no longer be fulfilled.
        canceled: Box<Task>,
    },
}

impl Report {
    /// Checks the report, received at `now`.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn check(self, now: Timestamp) -> Result<Self, Invalid> {
        // The numbers are limited to 32 bits, so that every reader of the stored item can represent them.
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
            "must be present if and only if the state is failed",
        );
        reported_time::check_clock_skew(self.occurred_at, now, "/occurred_at", &mut checks);
        if let Some(error) = &self.error {
            let length = |text: &str| text.chars().count();
            let violation = text::violation(&error.code, 64);
            checks.require(
                violation.is_none(),
                "/error/code",
                violation.unwrap_or_default(),
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
    /// Returns the effect of `report`, received at `now`, on this task.
    ///
    /// # Errors
    /// The report is stale, conflicts with another one, or reports a state that the task cannot take.
    pub fn report(&self, report: &Report, now: Timestamp) -> Result<ReportEffect, ReportRefused> {
        if report.lease_id != self.lease_id {
            return Err(ReportRefused::Fenced {
                current: self.lease_id,
            });
        }
        let earliest = self.created_at.saturating_sub(CLOCK_TOLERANCE);
        if report.occurred_at < earliest.unwrap_or(self.created_at) {
            return Err(ReportRefused::BeforeTask);
        }
        if let Some(last) = &self.last_report {
            if last == report {
                return Ok(ReportEffect::NoChange);
            }
            let last_seq = last.report_seq;
            match report.report_seq.cmp(&last_seq) {
                Ordering::Less => return Err(ReportRefused::Outdated { last: last_seq }),
                Ordering::Equal => return Err(ReportRefused::Conflict { seq: last_seq }),
                Ordering::Greater => {}
            }
        }
        if self.state == TaskState::Queued {
            return Err(ReportRefused::Fenced {
                current: self.lease_id,
            });
        }
        self.effect_of(report, now)
    }

    fn effect_of(&self, report: &Report, now: Timestamp) -> Result<ReportEffect, ReportRefused> {
        let to = |state| self.transition_by(state, report, now);
        let is_canceling = self.state == TaskState::Canceling;
        let task = match report.state {
            ReportedState::Completed => {
                return Ok(ReportEffect::Complete {
                    completed: Box::new(to(TaskState::Completed)?),
                    canceled: Box::new(to(TaskState::Canceled)?),
                });
            }
            ReportedState::Canceled | ReportedState::Failed if is_canceling => {
                to(TaskState::Canceled)?
            }
            // The controller obeyed a cancel command for a task that was canceled meanwhile.
            ReportedState::Canceled if self.state == TaskState::Canceled => {
                return Ok(ReportEffect::NoChange);
            }
            // A controller may not cancel a task by itself; it has to report a failure.
            ReportedState::Canceled => {
                return Err(TransitionRefused {
                    from: self.state,
                    to: TaskState::Canceled,
                }
                .into());
            }
            ReportedState::Failed => self.fail_by(report, now)?,
            // The controller does not know of the cancellation yet: the task stays in state canceling.
            ReportedState::Accepted | ReportedState::InProgress | ReportedState::Paused
                if is_canceling =>
            {
                self.with_report(report, now)
            }
            ReportedState::Accepted => to(TaskState::Accepted)?,
            ReportedState::InProgress => to(TaskState::InProgress)?,
            ReportedState::Paused => to(TaskState::Paused)?,
        };
        Ok(ReportEffect::Update(Box::new(task)))
    }

    fn fail_by(&self, report: &Report, now: Timestamp) -> Result<Self, TransitionRefused> {
        let retriable = report.error.as_ref().is_some_and(|error| error.retriable);
        if !retriable {
            return self.transition_by(TaskState::Failed, report, now);
        }
        let mut task = self.with_report(report, now).requeue(now)?;
        task.version = self.version + 1;
        task.lease_expires_at = None;
        Ok(task)
    }

    fn transition_by(
        &self,
        to: TaskState,
        report: &Report,
        now: Timestamp,
    ) -> Result<Self, TransitionRefused> {
        self.state.check_transition(to)?;
        let mut task = self.with_report(report, now);
        task.state = to;
        if !TaskState::HELD.contains(&to) {
            task.lease_expires_at = None;
        }
        Ok(task)
    }

    fn with_report(&self, report: &Report, now: Timestamp) -> Self {
        Self {
            last_report: Some(report.clone()),
            lease_expires_at: now.checked_add(LEASE).ok(),
            version: self.version + 1,
            ..self.clone()
        }
    }
}
