//! Posts the alerts of one batch to a chat, as one message.

use std::collections::HashSet;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::metrics::{Metric, count};
use crate::ports::alerts::{AlertFormat, AlertMessage, Chat, ChatError};
use crate::record_outcome::RecordOutcome;

/// The deadline of a post. A batch function has 30 s; after the deadline the alerts return to the queue.
const POST_TIMEOUT: Duration = Duration::from_secs(20);

/// Posts `alerts` as one message. A duplicate within them is shown once: SNS and SQS deliver at least once.
///
/// The outcome is that of every alert. Without alerts nothing is posted.
pub async fn post_alerts<Channel: Chat, Format: AlertFormat>(
    chat: &Channel,
    format: &Format,
    alerts: impl Iterator<Item = &AlertMessage>,
) -> RecordOutcome {
    let mut seen = HashSet::new();
    let alerts: Vec<&AlertMessage> = alerts.filter(|alert| seen.insert(alert.id)).collect();
    if alerts.is_empty() {
        return RecordOutcome::Done;
    }
    let message = format.message(&alerts);
    let posted = chat.post(&message, Deadline::within(POST_TIMEOUT)).await;
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
