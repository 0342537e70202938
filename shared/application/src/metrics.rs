//! Business metrics. A count is a log event; `platform` writes it in CloudWatch's embedded metric format, so that counting
//! needs no call. Namespace `stockline-<environment>`, dimension `function`.

/// The target of counting events. The log level does not suppress it.
pub const TARGET: &str = "stockline_metric";

/// The metrics. The list is closed, so that no input of a caller becomes a metric's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Orders placed, without replays.
    OrdersPlaced,
    /// Orders refused for lack of stock.
    OrdersShort,
    /// Repeated requests that got the response of the first.
    OrdersReplayed,
    /// Stock changes applied, replays included.
    ChangesApplied,
    /// Stock changes refused.
    ChangesRefused,
    /// Movements written to the ledger for the first time.
    MovementsRecorded,
    /// Alerts published.
    AlertsRaised,
    /// Alerts that Slack accepted.
    SlackDelivered,
    /// Replenishment orders placed.
    ReplenishmentOrdersPlaced,
    /// Attempts to post alerts that Slack did not accept.
    SlackFailed,
    /// Messages sent to the dispatch queue, repeats included.
    TasksQueued,
    /// Leases given to controllers.
    TasksLeased,
    /// Tasks completed.
    TasksCompleted,
    /// Tasks that failed in every attempt.
    TasksDeadLettered,
    /// Rows in exported files.
    ExportRows,
    /// Export runs that exported every requested day.
    ExportsCompleted,
    /// SKUs at a location whose level, ledger and orders contradict each other.
    StockDifferences,
    /// SKUs at a location that an audit could not decide on.
    StockUndecided,
    /// Audits that reached the end of every requested location.
    AuditsCompleted,
}

impl Metric {
    /// The name in CloudWatch.
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
            Self::ReplenishmentOrdersPlaced => "replenishment_orders_placed",
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

/// Adds `count` to `metric`. Zero writes no log line.
pub fn count(metric: Metric, count: u64) {
    if count > 0 {
        tracing::info!(target: TARGET, metric = metric.name(), count);
    }
}
