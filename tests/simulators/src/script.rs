//! Scripts of a simulated controller: which reports it sends for a command, in which order, and which are lost.

use std::time::Duration;

/// The behaviour of a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Script {
    /// Accepts, starts and completes.
    #[default]
    Normal,
    /// Sends every report twice, as after a lost response.
    DuplicatesReports,
    /// Loses the report `in_progress`.
    LosesReport,
    /// Sends the second report before the first.
    ReordersReports,
    /// Hangs, heartbeats included, for this long before it completes. If that is longer than the heartbeat timeout,
    /// the completion is too late.
    CompletesLate(Duration),
    /// Reports a failure.
    Fails {
        /// Whether the failure is retriable.
        retriable: bool,
    },
    /// Starts, and waits for a cancel command.
    WaitsForCancel,
    /// Receives a command and sends nothing from then on, heartbeats included.
    Silent,
}

/// The state in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedState {
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

impl ReportedState {
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
pub struct PlannedReport {
    /// The report's number, from 1 per command.
    pub seq: u64,
    /// The reported state.
    pub state: ReportedState,
    /// The delay before the report.
    pub delay: Duration,
}

impl Script {
    /// The reports for one command, in sending order.
    pub fn reports(self) -> Vec<PlannedReport> {
        let immediate = |seq, state| PlannedReport {
            seq,
            state,
            delay: Duration::ZERO,
        };
        let accepted = immediate(1, ReportedState::Accepted);
        let started = immediate(2, ReportedState::InProgress);
        let completed = immediate(3, ReportedState::Completed);
        match self {
            Self::Normal => vec![accepted, started, completed],
            Self::DuplicatesReports => {
                vec![accepted, accepted, started, started, completed, completed]
            }
            Self::LosesReport => vec![accepted, completed],
            Self::ReordersReports => vec![started, accepted, completed],
            Self::CompletesLate(work) => vec![
                accepted,
                started,
                PlannedReport {
                    delay: work,
                    ..completed
                },
            ],
            Self::Fails { retriable } => {
                vec![
                    accepted,
                    started,
                    immediate(3, ReportedState::Failed { retriable }),
                ]
            }
            Self::WaitsForCancel => vec![accepted, started],
            Self::Silent => Vec::new(),
        }
    }

    /// How long heartbeats stop from the first command on (an hour stands for ever); `None` if they never stop.
    pub fn heartbeat_pause(self) -> Option<Duration> {
        match self {
            Self::CompletesLate(work) => Some(work),
            Self::Silent => Some(Duration::from_hours(1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_script_numbers_reports_from_one() {
        let reports = Script::Normal.reports();
        let seqs: Vec<u64> = reports.iter().map(|report| report.seq).collect();
        assert_eq!(seqs, [1, 2, 3]);
        assert_eq!(reports[2].state.as_str(), "completed");
    }

    #[test]
    fn duplicate_report_is_identical() {
        let reports = Script::DuplicatesReports.reports();
        assert_eq!(reports[0], reports[1]);
        assert_eq!(reports.len(), 6);
    }
}
