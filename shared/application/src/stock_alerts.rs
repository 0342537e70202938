//! Follows the changes of levels: raises at most one alert for a change and publishes it before the change is done, or asks
//! for an order if the change leaves the level due without a new alert.

use jiff::Timestamp;
use stockline_domain::alert::StockAlert;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::replenishment::is_order_due;

use crate::metrics::{Metric, count};
use crate::ports::alerts::{
    AlertMessage, AlertPublisher, AlertRecord, AlertStore, AlertWriteOutcome, alert_message,
};
use crate::ports::clock::Clock;
use crate::ports::replenishment::ReorderQueue;
use crate::ports::stock::LevelReader;
use crate::reorder_messages::reorder_message;
use crate::store_error::StoreError;
use crate::stream_change::StreamChange;

/// Attempts to write the alert record when other writers change it meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// Publishes an alert when a level crosses a threshold, and asks for an order when a level becomes due otherwise.
#[derive(Debug)]
pub struct StockAlerter<Levels, Alerts, Topic, Reorders, Time> {
    /// Reads split levels as a whole.
    pub levels: Levels,
    /// Stores the last alert of each level.
    pub alerts: Alerts,
    /// The topic to publish to.
    pub topic: Topic,
    /// The queue of requests to order.
    pub reorders: Reorders,
    /// The current time.
    pub clock: Time,
}

impl<
    Levels: LevelReader,
    Alerts: AlertStore,
    Topic: AlertPublisher,
    Reorders: ReorderQueue,
    Time: Clock,
> StockAlerter<Levels, Alerts, Topic, Reorders, Time>
{
    /// Raises the alert of a change of a level if the change crosses a threshold, else asks for an order if the change leaves
    /// the level due. A deleted level does neither.
    ///
    /// A repeated call publishes only an alert that is not known to be published. It may ask for an order again, which places
    /// no second one.
    pub async fn follow(&self, change: &StreamChange<Level>) -> Result<(), StoreError> {
        let Some(image) = &change.after else {
            return Ok(());
        };
        let key = image.key();
        // The change of a split level is that of one bucket, so the total is read from the store.
        let whole = if image.split_over > 1 {
            self.levels.read_level(&key).await?
        } else {
            None
        };
        let level = whole.as_ref().unwrap_or(image);
        let is_alerted = self.alert(change, image, level).await?;
        // The state of a split level before the change of one bucket is not known, so every change asks while the level is due.
        let was_due = image.split_over <= 1 && change.before.as_ref().is_some_and(is_order_due);
        if is_alerted || was_due || !is_order_due(level) {
            return Ok(());
        }
        let (occurred_at, cause) = self.occurrence(change.before.as_ref(), image);
        let fallback_id = cause.unwrap_or_else(|| format!("{}/{}", key.location_id, key.sku));
        let message = reorder_message(level, occurred_at, fallback_id);
        self.reorders.request(&message).await
    }

    /// Raises the alert of a change. Returns whether it raised one.
    async fn alert(
        &self,
        change: &StreamChange<Level>,
        image: &Level,
        level: &Level,
    ) -> Result<bool, StoreError> {
        let key = level.key();
        for _ in 0..MAX_ATTEMPTS {
            let known = self.alerts.find(&key).await?;
            if let Some(known) = &known {
                // A pending alert of an earlier version is published too: its own change may have used up its retries.
                if let Some(pending) = &known.pending {
                    self.publish(&key, known.version, pending).await?;
                }
                if known.version >= level.version {
                    return Ok(false);
                }
            }
            let state = known.as_ref().map(|known| known.state).unwrap_or_default();
            let Some(alert) = StockAlert::raised_by(level, state) else {
                return Ok(false);
            };
            let message = self.message(change.before.as_ref(), image, alert);
            let next = AlertRecord {
                state: message.data.kind,
                version: level.version,
                pending: Some(message.clone()),
            };
            let before = known.map(|known| known.version);
            match self.alerts.replace(&key, before, &next).await? {
                AlertWriteOutcome::Written => {
                    self.publish(&key, level.version, &message).await?;
                    return Ok(true);
                }
                AlertWriteOutcome::Conflict => {}
            }
        }
        Err(StoreError::Busy)
    }

    async fn publish(
        &self,
        key: &LevelKey,
        version: u64,
        alert: &AlertMessage,
    ) -> Result<(), StoreError> {
        self.topic.publish(alert).await?;
        count(Metric::AlertsRaised, 1);
        tracing::info!(
            alert_id = %alert.id,
            location_id = %key.location_id,
            sku = %key.sku,
            kind = alert.data.kind.as_str(),
            "alert published"
        );
        self.alerts.mark_published(key, version).await
    }

    /// Without a known request, the correlation id is the id of the movement. A policy change has no movement: it uses the
    /// id of the alert and the current time.
    fn message(&self, before: Option<&Level>, after: &Level, alert: StockAlert) -> AlertMessage {
        let (occurred_at, cause) = self.occurrence(before, after);
        let cause = cause.unwrap_or_else(|| alert.id().to_string());
        alert_message(alert, occurred_at, cause)
    }

    /// When the change happened, and the id of its movement. A change without a movement happened now.
    fn occurrence(&self, before: Option<&Level>, after: &Level) -> (Timestamp, Option<String>) {
        match after.movement_since(before) {
            Some(movement) => (
                movement.change.recorded_at,
                Some(movement.change.movement_id.to_string()),
            ),
            None => (self.clock.now(), None),
        }
    }
}
