//! Posts the alerts of one batch to a chat, as one message.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use uuid::Uuid;

use crate::deadline::Deadline;
use crate::metrics::{Metric, count};
use crate::ports::alerts::{AlertFormat, AlertMessage, Chat, ChatError};
use crate::record_outcome::RecordOutcome;

/// The deadline of the posts of a batch. A batch function has 30 s; after the deadline the alerts return to the queue.
const POST_TIMEOUT: Duration = Duration::from_secs(20);

/// Posts `alerts` as one message and returns one outcome for each of them, in their order. Without alerts nothing is posted.
///
/// A duplicate within them is shown once: SNS and SQS deliver at least once. If the chat rejects the message, each alert is
/// posted as a message of its own, so that only the alerts that are the reason are rejected.
pub async fn post_alerts<Channel: Chat, Format: AlertFormat>(
    chat: &Channel,
    format: &Format,
    alerts: &[&AlertMessage],
) -> Vec<RecordOutcome> {
    let mut seen = HashSet::new();
    let unique: Vec<&AlertMessage> = alerts
        .iter()
        .copied()
        .filter(|alert| seen.insert(alert.id))
        .collect();
    let outcomes = post_unique(chat, format, &unique).await;
    let retry = || RecordOutcome::Retry("the alert was not posted".to_owned());
    alerts
        .iter()
        .map(|alert| outcomes.get(&alert.id).cloned().unwrap_or_else(retry))
        .collect()
}

/// Returns the outcome of each alert by its id.
async fn post_unique<Channel: Chat, Format: AlertFormat>(
    chat: &Channel,
    format: &Format,
    alerts: &[&AlertMessage],
) -> HashMap<Uuid, RecordOutcome> {
    if alerts.is_empty() {
        return HashMap::new();
    }
    let deadline = Deadline::within(POST_TIMEOUT);
    let posted = chat.post(&format.message(alerts), deadline).await;
    if matches!(posted, Err(ChatError::Rejected(_))) && alerts.len() > 1 {
        let mut outcomes = HashMap::new();
        for alert in alerts {
            let posted = chat.post(&format.message(&[alert]), deadline).await;
            outcomes.insert(alert.id, outcome(alert, &posted));
        }
        return outcomes;
    }
    alerts
        .iter()
        .map(|alert| (alert.id, outcome(alert, &posted)))
        .collect()
}

/// Counts and logs the result of posting `alert`.
fn outcome(alert: &AlertMessage, posted: &Result<(), ChatError>) -> RecordOutcome {
    match posted {
        Ok(()) => {
            count(Metric::SlackDelivered, 1);
            tracing::info!(alert_id = %alert.id, correlation_id = alert.correlation_id, "alert posted");
            RecordOutcome::Done
        }
        Err(error) => {
            count(Metric::SlackFailed, 1);
            match error {
                ChatError::Unavailable(reason) => RecordOutcome::Retry(reason.clone()),
                ChatError::Rejected(reason) => RecordOutcome::Reject(reason.clone()),
            }
        }
    }
}
