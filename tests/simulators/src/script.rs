//! Scripts of a simulated controller: which reports it sends for a command, in which order, and which are lost.

use std::time::Duration;

/// The behaviour of a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Script {
    /// Accepts, starts and completes.
    #[default]
    Faithful,
    /// Sends every report twice, as after a lost response.
    Repeats,
    /// Loses the report `in_progress`.
    Loses,
    /// Sends the second report before the first.
    Reorders,
    /// Hangs, heartbeats included, for this long before it completes. If that is longer than the heartbeat timeout,
    /// the completion is too late.
    Late(Duration),
    /// Reports a failure.
    Fails {
        /// Whether the failure is retriable.
        retriable: bool,
    },
    /// Starts, and waits for a cancel command.
    Holds,
    /// Receives a command and sends nothing from then on, heartbeats included.
    Silent,
}

/// The state in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The task is accepted.
    Accepted,
    /// The task is started.
    InProgress,
    /// The task is completed.
    Completed,
    /// The task has failed.
    Failed {
        /// Whether the failure is retriable.
        retriable: bool,
    },
    /// The task is canceled on command.
    Canceled,
}

impl Stage {
    /// The wire name of the state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// One report of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The report's number, from 1 per command.
    pub seq: u64,
    /// The reported state.
    pub stage: Stage,
    /// The delay before the report.
    pub after: Duration,
}

impl Script {
    /// The reports for one command, in sending order.
    pub fn reports(self) -> Vec<Planned> {
        let at_once = |seq, stage| Planned {
            seq,
            stage,
            after: Duration::ZERO,
        };
        let accepted = at_once(1, Stage::Accepted);
        let begun = at_once(2, Stage::InProgress);
        let completed = at_once(3, Stage::Completed);
        match self {
            Self::Faithful => vec![accepted, begun, completed],
            Self::Repeats => vec![accepted, accepted, begun, begun, completed, completed],
            Self::Loses => vec![accepted, completed],
            Self::Reorders => vec![begun, accepted, completed],
            Self::Late(work) => vec![
                accepted,
                begun,
                Planned {
                    after: work,
                    ..completed
                },
            ],
            Self::Fails { retriable } => {
                vec![accepted, begun, at_once(3, Stage::Failed { retriable })]
            }
            Self::Holds => vec![accepted, begun],
            Self::Silent => Vec::new(),
        }
    }

    /// How long heartbeats stop from the first command on (an hour stands for ever); `None` if they never stop.
    pub fn hangs(self) -> Option<Duration> {
        match self {
            Self::Late(work) => Some(work),
            Self::Silent => Some(Duration::from_hours(1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faithful_controller_counts_its_reports_from_one() {
        let reports = Script::Faithful.reports();
        let seqs: Vec<u64> = reports.iter().map(|report| report.seq).collect();
        assert_eq!(seqs, [1, 2, 3]);
        assert_eq!(reports[2].stage.as_str(), "completed");
    }

    #[test]
    fn a_repeated_report_is_the_same_report() {
        let reports = Script::Repeats.reports();
        assert_eq!(reports[0], reports[1]);
        assert_eq!(reports.len(), 6);
    }
}
