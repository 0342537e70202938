//! Raises at most one alert for a change of a level, and publishes it before the change is done.

use stockline_domain::alert::StockAlert;
use stockline_domain::level::{Level, LevelKey};

use crate::metrics::{Metric, count};
use crate::ports::alerts::{
    AlertMessage, AlertPublisher, AlertRecord, AlertStore, AlertWriteOutcome, alert_message,
};
use crate::ports::clock::Clock;
use crate::ports::stock::LevelReader;
use crate::store_error::StoreError;
use crate::stream_change::StreamChange;

/// Attempts to write the alert record when other writers change it meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// Publishes an alert when a level crosses a threshold.
#[derive(Debug)]
pub struct StockAlerter<Levels, Alerts, Topic, Time> {
    /// Reads split levels as a whole.
    pub levels: Levels,
    /// Stores the last alert of each level.
    pub alerts: Alerts,
    /// The topic to publish to.
    pub topic: Topic,
    /// The current time.
    pub clock: Time,
}

impl<Levels: LevelReader, Alerts: AlertStore, Topic: AlertPublisher, Time: Clock>
    StockAlerter<Levels, Alerts, Topic, Time>
{
    /// Raises the alert of a change of a level, if the change crosses a threshold. A deleted level raises none.
    ///
    /// A repeated call publishes only an alert that is not known to be published.
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
        for _ in 0..MAX_ATTEMPTS {
            let known = self.alerts.find(&key).await?;
            if let Some(known) = &known {
                // A pending alert of an earlier version is published too: its own change may have used up its retries.
                if let Some(pending) = &known.pending {
                    self.publish(&key, known.version, pending).await?;
                }
                if known.version >= level.version {
                    return Ok(());
                }
            }
            let state = known.as_ref().map(|known| known.state).unwrap_or_default();
            let Some(alert) = StockAlert::raised_by(level, state) else {
                return Ok(());
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
                    return self.publish(&key, level.version, &message).await;
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
        if let Some(movement) = after.movement_since(before) {
            let cause = movement.change.movement_id.to_string();
            alert_message(alert, movement.change.recorded_at, cause)
        } else {
            let cause = alert.id().to_string();
            alert_message(alert, self.clock.now(), cause)
        }
    }
}
