//! The alerts of one batch become one Slack message.

use std::collections::HashSet;
use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::alerts::{AlertMessage, Chat, ChatError, read_alert};
use stockline_application::ports::queue::QueueRecord;
use stockline_application::record_outcome::RecordOutcome;

use crate::card;

/// The deadline of a post, below the function's timeout of 30 s. After it the messages return to the queue.
const POST_TIMEOUT: Duration = Duration::from_secs(20);

/// Posts alerts to a chat.
pub struct SlackNotifier<Channel> {
    chat: Channel,
    dashboard_url: String,
}

impl<Channel: Chat> SlackNotifier<Channel> {
    /// Creates the notifier; every message links to `dashboard_url`.
    pub fn new(chat: Channel, dashboard_url: String) -> Self {
        Self {
            chat,
            dashboard_url,
        }
    }

    /// Posts the alerts of `records` as one message. Its outcome is the outcome of every readable record; an unreadable record
    /// is rejected alone.
    pub async fn handle(&self, records: &[QueueRecord]) -> Vec<RecordOutcome> {
        let parsed: Vec<_> = records
            .iter()
            .map(|record| read_alert(&record.body))
            .collect();
        let alerts = deduplicated(parsed.iter().flatten());
        let posted = match card::message(&alerts, &self.dashboard_url) {
            Some(message) => self.post(&message, &alerts).await,
            None => RecordOutcome::Done,
        };
        parsed
            .into_iter()
            .map(|alert| match alert {
                Ok(_) => posted.clone(),
                Err(error) => RecordOutcome::Reject(error.to_string()),
            })
            .collect()
    }

    async fn post(&self, message: &serde_json::Value, alerts: &[&AlertMessage]) -> RecordOutcome {
        let posted = self
            .chat
            .post(message, Deadline::within(POST_TIMEOUT))
            .await;
        let metric = match posted {
            Ok(()) => Metric::SlackDelivered,
            Err(_) => Metric::SlackFailed,
        };
        count(metric, alerts.len() as u64);
        match posted {
            Ok(()) => {
                for alert in alerts {
                    tracing::info!(alert_id = %alert.id, correlation_id = alert.correlation_id, "alert posted");
                }
                RecordOutcome::Done
            }
            Err(ChatError::Unavailable(reason)) => RecordOutcome::Retry(reason),
            Err(ChatError::Rejected(reason)) => RecordOutcome::Reject(reason),
        }
    }
}

/// SNS and SQS deliver at least once: drops duplicates of an alert within the batch.
fn deduplicated<'a>(alerts: impl Iterator<Item = &'a AlertMessage>) -> Vec<&'a AlertMessage> {
    let mut seen = HashSet::new();
    alerts.filter(|alert| seen.insert(alert.id)).collect()
}

#[cfg(test)]
mod tests;
