//! The states of a task and the transitions between them.

use serde::{Deserialize, Serialize};

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Planned, not queued yet.
    Created,
    /// Waiting for a controller.
    Queued,
    /// Leased to a controller that has not accepted it yet.
    Leased,
    /// Accepted by the controller.
    Accepted,
    /// Being executed by the controller.
    InProgress,
    /// Paused by the controller.
    Paused,
    /// Completed; the goods have left stock.
    Completed,
    /// Failed; another attempt cannot succeed.
    Failed,
    /// Its order was canceled while a controller held the task.
    Canceling,
    /// Canceled; no goods have left stock by this task.
    Canceled,
    /// Expired before a controller held it.
    Expired,
    /// Failed too often; a person must handle it.
    DeadLettered,
}

/// Every allowed transition; all others are refused.
///
/// A leased task may go to `in_progress` directly, because the report `accepted` may be lost. A task in progress may go to
/// `canceled` directly, because its completion may be reported before the cancellation of the order reaches the task.
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

/// A transition that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {} cannot become {}", .from.as_str(), .to.as_str())]
pub struct TransitionRefused {
    /// The current state.
    pub from: TaskState,
    /// The requested state.
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

    /// The name as it is stored and sent.
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

    /// Returns the states that may follow.
    pub fn next(self) -> &'static [Self] {
        TRANSITIONS
            .iter()
            .find(|(from, _)| *from == self)
            .map_or(&[], |(_, to)| *to)
    }

    /// Checks that a task may go from this state to `to`.
    pub fn check_transition(self, to: Self) -> Result<(), TransitionRefused> {
        if self.next().contains(&to) {
            Ok(())
        } else {
            Err(TransitionRefused { from: self, to })
        }
    }

    /// Whether no state may follow.
    pub fn is_final(self) -> bool {
        self.next().is_empty()
    }
}
