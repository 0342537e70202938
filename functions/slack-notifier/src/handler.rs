//! The alerts of one batch become one Slack message.

use stockline_application::chat_alerts::post_alerts;
use stockline_application::ports::alerts::{AlertFormat, Chat, read_alert};
use stockline_application::ports::queue::QueueRecord;
use stockline_application::record_outcome::RecordOutcome;

/// Posts alerts to a chat.
pub struct SlackNotifier<Channel, Format> {
    chat: Channel,
    format: Format,
}

impl<Channel: Chat, Format: AlertFormat> SlackNotifier<Channel, Format> {
    /// Creates the notifier.
    pub fn new(chat: Channel, format: Format) -> Self {
        Self { chat, format }
    }

    /// Posts the alerts of `records` as one message. An unreadable record, and an alert that the chat rejects, is rejected alone.
    pub async fn handle(&self, records: &[QueueRecord]) -> Vec<RecordOutcome> {
        let parsed: Vec<_> = records
            .iter()
            .map(|record| read_alert(&record.body))
            .collect();
        let alerts: Vec<_> = parsed.iter().flatten().collect();
        let mut posted = post_alerts(&self.chat, &self.format, &alerts)
            .await
            .into_iter();
        parsed
            .iter()
            .map(|alert| match alert {
                Ok(_) => posted
                    .next()
                    .unwrap_or_else(|| RecordOutcome::Retry("the alert has no outcome".to_owned())),
                Err(error) => RecordOutcome::Reject(error.to_string()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
