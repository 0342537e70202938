//! What an operator counts. Each count is a log line that CloudWatch reads a metric from (embedded metric format), so that
//! counting costs no call and loses nothing that the log has; namespace `stockline-<environment>`, dimension `function`.

/// The target of the log events that are counts; the log level does not silence it.
pub const TARGET: &str = "stockline_metric";

/// What is counted. A closed list: what a caller sends never names a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Orders that were placed, replays left out.
    OrdersPlaced,
    /// Orders refused because less is available.
    OrdersShort,
    /// Orders answered as they had been before.
    OrdersReplayed,
    /// Changes of stock that were applied, now or before.
    ChangesApplied,
    /// Changes of stock that were refused.
    ChangesRefused,
    /// Movements written into the ledger for the first time.
    MovementsRecorded,
    /// Alerts published.
    AlertsRaised,
    /// Alerts that Slack took.
    SlackDelivered,
    /// Alerts that Slack did not take at this try.
    SlackFailed,
    /// Messages that a task waits; a task that is tried again, or of which one may not have heard, is told again.
    TasksQueued,
    /// Leases given.
    TasksLeased,
    /// Tasks completed.
    TasksCompleted,
    /// Tasks that failed too often.
    TasksDeadLettered,
    /// Rows of the files that a run exported.
    ExportRows,
    /// Runs that exported every day they were asked for.
    ExportsCompleted,
    /// SKUs at a location whose books do not add up, found by an audit.
    StockDifferences,
    /// SKUs at a location that an audit could not decide on.
    StockUndecided,
    /// Audits that came to the end of every location they were asked for.
    AuditsCompleted,
}

impl Metric {
    /// Its name in CloudWatch.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrdersPlaced => "orders_placed",
            Self::OrdersShort => "orders_short",
            Self::OrdersReplayed => "orders_replayed",
            Self::ChangesApplied => "changes_applied",
            Self::ChangesRefused => "changes_refused",
            Self::MovementsRecorded => "movements_recorded",
            Self::AlertsRaised => "alerts_raised",
            Self::SlackDelivered => "slack_delivered",
            Self::SlackFailed => "slack_failed",
            Self::TasksQueued => "tasks_queued",
            Self::TasksLeased => "tasks_leased",
            Self::TasksCompleted => "tasks_completed",
            Self::TasksDeadLettered => "tasks_dead_lettered",
            Self::ExportRows => "export_rows",
            Self::ExportsCompleted => "exports_completed",
            Self::StockDifferences => "stock_differences",
            Self::StockUndecided => "stock_undecided",
            Self::AuditsCompleted => "audits_completed",
        }
    }
}

/// Counts `count` more of `metric`; nothing is said of none.
pub fn count(metric: Metric, count: u64) {
    if count > 0 {
        tracing::info!(target: TARGET, metric = metric.name(), count);
    }
}
