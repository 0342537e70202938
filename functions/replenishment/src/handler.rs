//! One alert or request places at most one replenishment order.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::error_chain::error_chain;
use stockline_application::message::UnreadableMessage;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::alerts::{AlertMessage, read_alert};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::reorder_messages::{ReorderMessage, read_reorder};
use stockline_application::replenishment::{ReplenishOutcome, replenish, replenish_due};
use stockline_domain::level::LevelKey;
use uuid::Uuid;

/// For how long conflicts on one level are retried. The function's timeout is 30 s for a batch of up to 10 alerts; an alert
/// that gives up is delivered again.
const CONFLICT_TIMEOUT: Duration = Duration::from_millis(2500);

/// A message of the queue.
enum Message {
    /// A level crossed a threshold.
    Alert(AlertMessage),
    /// A level is due without a new alert.
    Due(ReorderMessage),
}

impl Message {
    fn read(text: &str) -> Result<Self, UnreadableMessage> {
        match read_alert(text) {
            Err(UnreadableMessage::Other { .. }) => read_reorder(text).map(Self::Due),
            alert => alert.map(Self::Alert),
        }
    }

    fn id(&self) -> Uuid {
        match self {
            Self::Alert(message) => message.id,
            Self::Due(message) => message.id,
        }
    }

    fn level_key(&self) -> LevelKey {
        match self {
            Self::Alert(message) => message.data.level_key(),
            Self::Due(message) => message.data.level_key(),
        }
    }
}

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
        let message = match Message::read(&record.body) {
            Ok(message) => message,
            Err(error) => return RecordOutcome::Reject(error.to_string()),
        };
        let (now, deadline) = (self.clock.now(), Deadline::within(CONFLICT_TIMEOUT));
        let outcome = match &message {
            Message::Alert(alert) => replenish(&self.store, &alert.data, now, deadline).await,
            Message::Due(due) => replenish_due(&self.store, &due.data, now, deadline).await,
        };
        match outcome {
            Ok(outcome) => {
                report(&message, &outcome);
                RecordOutcome::Done
            }
            Err(error) => RecordOutcome::Retry(error_chain(&error)),
        }
    }
}

fn report(message: &Message, outcome: &ReplenishOutcome) {
    let reason = match outcome {
        ReplenishOutcome::Placed(order) => {
            count(Metric::ReplenishmentOrdersPlaced, 1);
            tracing::info!(
                message_id = %message.id(),
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
    let level = message.level_key();
    tracing::info!(
        message_id = %message.id(),
        location_id = %level.location_id,
        sku = %level.sku,
        reason,
        "no replenishment order placed"
    );
}

#[cfg(test)]
mod tests;
