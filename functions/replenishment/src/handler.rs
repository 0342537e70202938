//! One alert places at most one replenishment order.

use stockline_application::ports::alerts::read_alert;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::replenishment::answer_alert;

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
        match read_alert(&record.body) {
            Ok(alert) => answer_alert(&self.store, &alert, self.clock.now())
                .await
                .into(),
            Err(error) => RecordOutcome::Reject(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
