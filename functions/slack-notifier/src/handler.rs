//! The alerts of one batch -> one message.

use std::collections::HashSet;
use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::alerts::{AlertMessage, Chat, ChatError, read_alert};
use stockline_application::ports::queue::QueueRecord;
use stockline_application::record_outcome::RecordOutcome;

use crate::card;

/// Well within the function's timeout of 30 s: what Slack does not take by then is the queue's to deliver again.
const TIME_TO_POST: Duration = Duration::from_secs(20);

/// Posts alerts where people read.
pub struct SlackNotifier<C> {
    chat: C,
    dashboard_url: String,
}

impl<C: Chat> SlackNotifier<C> {
    /// Posts on `chat`, with a link to `dashboard_url`.
    pub fn new(chat: C, dashboard_url: String) -> Self {
        Self {
            chat,
            dashboard_url,
        }
    }

    /// Posts the alerts of `records` as one message; what became of it became of each of them.
    pub async fn handle(&self, records: &[QueueRecord]) -> Vec<RecordOutcome> {
        let read: Vec<_> = records
            .iter()
            .map(|record| read_alert(&record.body))
            .collect();
        let alerts = once_each(read.iter().flatten());
        let posted = match card::message(&alerts, &self.dashboard_url) {
            Some(message) => self.post(&message, &alerts).await,
            None => RecordOutcome::Done,
        };
        read.into_iter()
            .map(|alert| match alert {
                Ok(_) => posted.clone(),
                Err(error) => RecordOutcome::Reject(error.to_string()),
            })
            .collect()
    }

    async fn post(&self, message: &serde_json::Value, alerts: &[&AlertMessage]) -> RecordOutcome {
        let posted = self
            .chat
            .post(message, Deadline::within(TIME_TO_POST))
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

/// Topic and queue may deliver an alert twice; within a batch it is shown once.
fn once_each<'a>(alerts: impl Iterator<Item = &'a AlertMessage>) -> Vec<&'a AlertMessage> {
    let mut seen = HashSet::new();
    alerts.filter(|alert| seen.insert(alert.id)).collect()
}

#[cfg(test)]
mod tests;
