//! One alert places at most one replenishment order.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::alerts::{AlertMessage, read_alert};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::replenishment::{ReplenishOutcome, replenish};

/// For how long conflicts on one level are retried. The function's timeout is 30 s for a batch of up to 10 alerts; an alert
/// that gives up is delivered again.
const CONFLICT_TIMEOUT: Duration = Duration::from_millis(2500);

/// Places replenishment orders for low levels.
pub struct Replenishment<Store, Time> {
    store: Store,
    clock: Time,
}

impl<Store: ReplenishmentStore, Time: Clock> Replenishment<Store, Time> {
    /// Creates the handler.
    pub fn new(store: Store, clock: Time) -> Self {
        Self { store, clock }
    }

    /// Handles one message of the queue.
    pub async fn record(&self, record: QueueRecord) -> RecordOutcome {
        let alert = match read_alert(&record.body) {
            Ok(alert) => alert,
            Err(error) => return RecordOutcome::Reject(error.to_string()),
        };
        let deadline = Deadline::within(CONFLICT_TIMEOUT);
        match replenish(&self.store, &alert.data, self.clock.now(), deadline).await {
            Ok(outcome) => {
                report(&alert, &outcome);
                RecordOutcome::Done
            }
            Err(error) => RecordOutcome::Retry(error_chain(&error)),
        }
    }
}

fn report(alert: &AlertMessage, outcome: &ReplenishOutcome) {
    let reason = match outcome {
        ReplenishOutcome::Placed(order) => {
            count(Metric::ReplenishmentOrdersPlaced, 1);
            tracing::info!(
                alert_id = %alert.id,
                replenishment_order_id = %order.replenishment_order_id,
                location_id = %order.location_id,
                sku = %order.sku,
                quantity = order.quantity,
                available = order.reasons.available,
                incoming = order.reasons.incoming,
                "replenishment order placed"
            );
            return;
        }
        ReplenishOutcome::NotNeeded(reason) => reason.to_string(),
        ReplenishOutcome::Recovered => "the level has recovered".to_owned(),
        ReplenishOutcome::UnknownLevel => "the level does not exist".to_owned(),
    };
    tracing::info!(
        alert_id = %alert.id,
        location_id = %alert.data.location_id,
        sku = %alert.data.sku,
        reason,
        "no replenishment order placed"
    );
}

#[cfg(test)]
mod tests;
