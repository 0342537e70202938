//! One alert or request places at most one replenishment order.

use stockline_application::ports::clock::Clock;
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::replenishment::{ReplenishmentMessage, answer_message};

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
        match ReplenishmentMessage::read(&record.body) {
            Ok(message) => answer_message(&self.store, &message, self.clock.now())
                .await
                .into(),
            Err(error) => RecordOutcome::Reject(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
