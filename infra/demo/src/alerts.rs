//! The day's alerts, from the queue that they also go to for replenishment.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sqs::Client;
use serde::Deserialize;

use super::audit::rows::{LevelRow, Snapshot};
use super::error::{DemoError, Result};

/// What was alerted, once for each message id: a queue may deliver one twice.
#[derive(Debug, Default)]
pub struct Alerts {
    seen: BTreeMap<String, Alert>,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    id: String,
    data: Alert,
}

#[derive(Debug, Deserialize)]
struct Alert {
    location_id: String,
    sku: String,
    kind: String,
}

impl Alerts {
    /// Takes what is in the queue now.
    pub async fn collect(&mut self, sqs: &Client, queue_url: &str) -> Result<()> {
        loop {
            let received = sqs
                .receive_message()
                .queue_url(queue_url)
                .max_number_of_messages(10)
                .wait_time_seconds(0);
            let messages = received
                .send()
                .await
                .map_err(DemoError::aws("receiving alerts"))?
                .messages
                .unwrap_or_default();
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages {
                let body = message.body.unwrap_or_default();
                let envelope: Envelope = serde_json::from_str(&body).map_err(|error| {
                    DemoError::Unexpected(format!("an alert cannot be read ({error}): {body}"))
                })?;
                self.seen.insert(envelope.id, envelope.data);
                let delete = sqs
                    .delete_message()
                    .queue_url(queue_url)
                    .set_receipt_handle(message.receipt_handle);
                delete
                    .send()
                    .await
                    .map_err(DemoError::aws("deleting an alert"))?;
            }
        }
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// Levels that want attention and have had no alert that says so.
    pub fn missing(&self, snapshot: &Snapshot) -> Vec<String> {
        let told: BTreeSet<(&str, &str, &str)> = self
            .seen
            .values()
            .map(|alert| {
                (
                    alert.location_id.as_str(),
                    alert.sku.as_str(),
                    alert.kind.as_str(),
                )
            })
            .collect();
        let levels = snapshot
            .levels
            .iter()
            .filter_map(|level| Some((level, expected(level)?)));
        levels
            .filter(|(level, kind)| !told.contains(&(&level.location_id, &level.sku, kind)))
            .map(|(level, kind)| format!("{} at {} is {kind}", level.sku, level.location_id))
            .collect()
    }

    /// How many of them `text` does not name.
    pub fn unnamed(&self, text: &str) -> usize {
        self.seen
            .values()
            .filter(|alert| !text.contains(&alert.sku))
            .count()
    }

    /// Crossings that were alerted more than once. Nothing is replenished during the day, so each happens once.
    pub fn repeated(&self) -> Vec<String> {
        let mut told = BTreeSet::new();
        self.seen
            .values()
            .filter(|alert| !told.insert((&alert.location_id, &alert.sku, &alert.kind)))
            .map(|alert| format!("{} at {} is {}", alert.sku, alert.location_id, alert.kind))
            .collect()
    }
}

/// What a level's last alert must have said.
fn expected(level: &LevelRow) -> Option<&'static str> {
    if level.available <= 0 {
        return Some("out_of_stock");
    }
    level
        .reorder_point
        .filter(|point| level.available <= *point)
        .map(|_| "low")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_at_its_reorder_point_wants_an_alert_and_one_above_wants_none() {
        let level = |available, reorder_point| LevelRow {
            available,
            reorder_point,
            ..LevelRow::default()
        };
        assert_eq!(expected(&level(3, Some(3))), Some("low"));
        assert_eq!(expected(&level(4, Some(3))), None);
        assert_eq!(expected(&level(1, None)), None);
        assert_eq!(expected(&level(0, None)), Some("out_of_stock"));
    }
}
