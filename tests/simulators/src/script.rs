//! How a simulated controller behaves: what it reports of a command, in which order, and what gets lost.

use std::time::Duration;

/// A controller's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Script {
    /// Accepts, works, completes.
    #[default]
    Faithful,
    /// Sends every report twice, as after a lost answer.
    Repeats,
    /// Its report of having begun never arrives.
    Loses,
    /// Its second report overtakes its first.
    Reorders,
    /// Hangs for this long before it completes, its heartbeats too: longer than those are missed, and it comes too late.
    Late(Duration),
    /// Fails, and says whether another try may help.
    Fails {
        /// Whether another try may help.
        retriable: bool,
    },
    /// Works, and does not complete before it is told to cancel.
    Holds,
    /// Takes its first command and says nothing from then on, not even that it lives.
    Silent,
}

/// The state that a report tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Taken on.
    Accepted,
    /// Begun.
    InProgress,
    /// Done.
    Completed,
    /// Not done.
    Failed {
        /// Whether another try may help.
        retriable: bool,
    },
    /// Given up as asked.
    Canceled,
}

impl Stage {
    /// Its name in a report.
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
    /// Its number, from 1 within the command.
    pub seq: u64,
    /// What it says.
    pub stage: Stage,
    /// How long the controller works before it sends it.
    pub after: Duration,
}

impl Script {
    /// The reports of one command, in the order they are sent.
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

    /// For how long it sends no heartbeats from its first command on, an hour being for ever; none if it always does.
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
