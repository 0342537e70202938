//! One stream record of a level raises at most one alert, which is published before the record is done.

use stockline_application::metrics::{Metric, count};
use stockline_application::ports::alerts::{
    AlertMessage, AlertPublisher, AlertRecord, AlertStore, AlertWriteOutcome, alert_message,
};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::stock::LevelReader;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::store_error::StoreError;
use stockline_domain::alert::StockAlert;
use stockline_domain::level::{Level, LevelKey};
use stockline_platform::batch::StreamRecord;
use stockline_platform::keys;

/// Attempts to write the alert record when other writers change it meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// Publishes an alert when a level crosses a threshold.
pub struct LowStockAlerts<Levels, Alerts, Topic, Time> {
    levels: Levels,
    alerts: Alerts,
    topic: Topic,
    clock: Time,
}

impl<Levels: LevelReader, Alerts: AlertStore, Topic: AlertPublisher, Time: Clock>
    LowStockAlerts<Levels, Alerts, Topic, Time>
{
    /// Reads split levels from `levels`, keeps the last alert of each level in `alerts`, and publishes to `topic`.
    pub fn new(levels: Levels, alerts: Alerts, topic: Topic, clock: Time) -> Self {
        Self {
            levels,
            alerts,
            topic,
            clock,
        }
    }

    /// Handles one stream record of the stock table. Records of other items than levels are done at once.
    pub async fn handle(&self, record: &StreamRecord) -> RecordOutcome {
        let (before, level) = match (record.old_as::<Level>(), record.new_as::<Level>()) {
            _ if record.key.sk != "LEVEL" => return RecordOutcome::Done,
            (Ok(before), Ok(Some(level))) => (before, level),
            (_, Ok(None)) => return RecordOutcome::Done,
            (Err(error), _) | (_, Err(error)) => {
                return RecordOutcome::Reject(format!("level image cannot be parsed: {error}"));
            }
        };
        if record.key != keys::level_bucket(&level.key(), level.bucket) {
            return RecordOutcome::Reject("level image does not match its key".to_owned());
        }
        match self.raise_alert(before.as_ref(), &level).await {
            Ok(()) => RecordOutcome::Done,
            Err(error) => RecordOutcome::Retry(retry_reason(&error)),
        }
    }

    async fn raise_alert(&self, before: Option<&Level>, image: &Level) -> Result<(), StoreError> {
        let key = image.key();
        // The image of a split level is one bucket of it, so the total is read from the table.
        let whole = if image.split_over > 1 {
            self.levels.read_level(&key).await?
        } else {
            None
        };
        let level = whole.as_ref().unwrap_or(image);
        for _ in 0..MAX_ATTEMPTS {
            let known = self.alerts.find(&key).await?;
            if let Some(known) = &known {
                // A pending alert of an earlier version is published too: its own record may have used up its retries.
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
            let message = self.message(before, image, alert);
            let next = AlertRecord {
                state: message.data.kind,
                version: level.version,
                pending: Some(message.clone()),
            };
            match self
                .alerts
                .replace(&key, known.map(|known| known.version), &next)
                .await?
            {
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

    /// Without a known request, the correlation id is the movement's id. A policy change has no movement: it uses the alert's
    /// id and the current time.
    fn message(&self, before: Option<&Level>, level: &Level, alert: StockAlert) -> AlertMessage {
        if let Some(movement) = level.movement_since(before) {
            let cause = movement.change.movement_id.to_string();
            alert_message(alert, movement.change.recorded_at, cause)
        } else {
            let cause = alert.id().to_string();
            alert_message(alert, self.clock.now(), cause)
        }
    }
}

fn retry_reason(error: &StoreError) -> String {
    match error {
        StoreError::Busy => error.to_string(),
        StoreError::Unanswered { context, source } | StoreError::Failed { context, source } => {
            format!("{context}: {source}")
        }
    }
}

#[cfg(test)]
mod tests;
