//! Where a task is in its life, and where it may go from there.

use serde::{Deserialize, Serialize};

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Known, not yet to be done.
    Created,
    /// Waits for a controller.
    Queued,
    /// Given to a controller that has not answered yet.
    Leased,
    /// The controller will do it.
    Accepted,
    /// The controller does it.
    InProgress,
    /// The controller has stopped for a while.
    Paused,
    /// Done; its goods have left stock.
    Completed,
    /// It cannot be done.
    Failed,
    /// Its order was canceled while a controller had it.
    Canceling,
    /// It will not be done, and its goods have not left stock.
    Canceled,
    /// Its time passed before a controller had it.
    Expired,
    /// It failed too often; a person must look at it.
    DeadLettered,
}

/// Every step that a task may take; all else is refused.
///
/// A controller that does a task has accepted it, so a lost `accepted` holds nothing up. A task in progress may become
/// canceled at once: its completion may be the first that Stockline hears since the order was canceled.
const TRANSITIONS: [(TaskState, &[TaskState]); 12] = {
    use TaskState as S;
    [
        (S::Created, &[S::Queued, S::Canceled, S::Expired]),
        (S::Queued, &[S::Leased, S::Canceled, S::Expired]),
        (
            S::Leased,
            &[
                S::Accepted,
                S::InProgress,
                S::Queued,
                S::Failed,
                S::DeadLettered,
                S::Canceling,
            ],
        ),
        (
            S::Accepted,
            &[
                S::InProgress,
                S::Queued,
                S::Failed,
                S::DeadLettered,
                S::Canceling,
            ],
        ),
        (
            S::InProgress,
            &[
                S::Paused,
                S::Completed,
                S::Queued,
                S::Failed,
                S::DeadLettered,
                S::Canceling,
                S::Canceled,
            ],
        ),
        (
            S::Paused,
            &[
                S::InProgress,
                S::Queued,
                S::Failed,
                S::DeadLettered,
                S::Canceling,
            ],
        ),
        (S::Canceling, &[S::Canceled, S::Completed]),
        (S::Completed, &[]),
        (S::Failed, &[]),
        (S::Canceled, &[]),
        (S::Expired, &[]),
        (S::DeadLettered, &[]),
    ]
};

/// A task cannot go from where it is to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {} cannot become {}", .from.as_str(), .to.as_str())]
pub struct TransitionRefused {
    /// Where it is.
    pub from: TaskState,
    /// Where it was to go.
    pub to: TaskState,
}

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Queued,
        Self::Leased,
        Self::Accepted,
        Self::InProgress,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Canceling,
        Self::Canceled,
        Self::Expired,
        Self::DeadLettered,
    ];

    /// The states in which a controller holds the task.
    pub const HELD: [Self; 5] = [
        Self::Leased,
        Self::Accepted,
        Self::InProgress,
        Self::Paused,
        Self::Canceling,
    ];

    /// The state as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Accepted => "accepted",
            Self::InProgress => "in_progress",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::DeadLettered => "dead_lettered",
        }
    }

    /// Where a task may go from here.
    pub fn next(self) -> &'static [Self] {
        TRANSITIONS
            .iter()
            .find(|(from, _)| *from == self)
            .map_or(&[], |(_, to)| *to)
    }

    /// Whether a task may go from here to `to`.
    pub fn go(self, to: Self) -> Result<(), TransitionRefused> {
        if self.next().contains(&to) {
            Ok(())
        } else {
            Err(TransitionRefused { from: self, to })
        }
    }

    /// Whether nothing comes after.
    pub fn is_final(self) -> bool {
        self.next().is_empty()
    }
}
