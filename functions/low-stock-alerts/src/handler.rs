//! One change of a level -> at most one alert, published before the record is done.

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

/// How often a record that another writer overtook is decided anew.
const TRIES: usize = 3;

/// Watches levels and publishes what is news.
pub struct LowStockAlerts<L, S, P, C> {
    levels: L,
    alerts: S,
    topic: P,
    clock: C,
}

impl<L: LevelReader, S: AlertStore, P: AlertPublisher, C: Clock> LowStockAlerts<L, S, P, C> {
    /// Reads split levels whole from `levels`, keeps what was said in `alerts`, and says it on `topic`.
    pub fn new(levels: L, alerts: S, topic: P, clock: C) -> Self {
        Self {
            levels,
            alerts,
            topic,
            clock,
        }
    }

    /// Handles one change of the stock table.
    pub async fn handle(&self, record: &StreamRecord) -> RecordOutcome {
        let (before, level) = match (record.old_as::<Level>(), record.new_as::<Level>()) {
            _ if record.key.sk != "LEVEL" => return RecordOutcome::Done,
            (Ok(before), Ok(Some(level))) => (before, level),
            (_, Ok(None)) => return RecordOutcome::Done,
            (Err(error), _) | (_, Err(error)) => {
                return RecordOutcome::Reject(format!("the level cannot be read: {error}"));
            }
        };
        if record.key != keys::level_bucket(&level.key(), level.bucket) {
            return RecordOutcome::Reject("the level is not the one its key names".to_owned());
        }
        match self.watch(before.as_ref(), &level).await {
            Ok(()) => RecordOutcome::Done,
            Err(error) => RecordOutcome::Retry(reason(&error)),
        }
    }

    async fn watch(&self, before: Option<&Level>, image: &Level) -> Result<(), StoreError> {
        let key = image.key();
        // One item of a split level says nothing of the level: that is read as it is now.
        let whole = if image.split_over > 1 {
            self.levels.read_level(&key).await?
        } else {
            None
        };
        let level = whole.as_ref().unwrap_or(image);
        for _ in 0..TRIES {
            let said = self.alerts.find(&key).await?;
            if let Some(said) = &said {
                // Also of an earlier version, whose own record may have run out of tries.
                if let Some(pending) = &said.pending {
                    self.publish(&key, said.version, pending).await?;
                }
                if said.version >= level.version {
                    return Ok(());
                }
            }
            let state = said.as_ref().map(|said| said.state).unwrap_or_default();
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
                .replace(&key, said.map(|said| said.version), &next)
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

    /// A movement is followed by its id; a change of the policy alone has none, and happens now.
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

fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Busy => error.to_string(),
        StoreError::Unanswered { context, source } | StoreError::Failed { context, source } => {
            format!("{context}: {source}")
        }
    }
}

#[cfg(test)]
mod tests;
