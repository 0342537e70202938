//! Handles one change of a level.

use stockline_application::ports::alerts::{AlertPublisher, AlertStore};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::replenishment::ReorderQueue;
use stockline_application::ports::stock::LevelReader;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::stock_alerts::StockAlerter;
use stockline_application::stream_change::StreamChange;
use stockline_domain::level::Level;

/// Raises the alert of the change, or asks for the order that it needs. A failed change is retried.
pub async fn handle<Levels, Alerts, Topic, Reorders, Time>(
    alerter: &StockAlerter<Levels, Alerts, Topic, Reorders, Time>,
    change: StreamChange<Level>,
) -> RecordOutcome
where
    Levels: LevelReader,
    Alerts: AlertStore,
    Topic: AlertPublisher,
    Reorders: ReorderQueue,
    Time: Clock,
{
    alerter.follow(&change).await.into()
}

#[cfg(test)]
mod tests;
