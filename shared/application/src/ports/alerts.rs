//! The alert state of each level, and the topic and chat that alerts are sent to.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::level::LevelKey;

use crate::deadline::Deadline;
use crate::message::{Envelope, UnreadableMessage};
use crate::store_error::StoreError;
use crate::trace::Cause;

/// The message that carries an alert.
pub type AlertMessage = Envelope<StockAlert>;

/// The message type of an alert.
pub const STOCK_ALERT: &str = "stock.alert";

/// The version of an alert.
pub const STOCK_ALERT_VERSION: u32 = 1;

/// Wraps an alert in its envelope. Its cause is the request that changed the level.
///
/// `fallback_id` is its correlation id if no request is known, for example because the ledger was repaired.
pub fn alert_message(
    alert: StockAlert,
    occurred_at: Timestamp,
    fallback_id: String,
) -> AlertMessage {
    let cause = Cause::current();
    Envelope {
        type_: STOCK_ALERT.to_owned(),
        version: STOCK_ALERT_VERSION,
        id: alert.id().as_uuid(),
        occurred_at,
        correlation_id: cause.correlation_id().map_or(fallback_id, str::to_owned),
        traceparent: cause.traceparent().cloned(),
        data: alert,
    }
}

/// Parses the message of an alert.
pub fn read_alert(text: &str) -> Result<AlertMessage, UnreadableMessage> {
    Envelope::read(text, STOCK_ALERT, STOCK_ALERT_VERSION)
}

/// The last alert of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRecord {
    /// Its kind.
    pub state: AlertKind,
    /// The version of the level that caused it.
    pub version: u64,
    /// The message, until it is known to be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<AlertMessage>,
}

/// The outcome of writing an alert record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertWriteOutcome {
    /// The record is written.
    Written,
    /// Nothing changed: the record was written since it was read.
    Conflict,
}

/// The store of alert records.
pub trait AlertStore: Send + Sync {
    /// Reads the alert record of a level, strongly consistent.
    fn find(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Option<AlertRecord>, StoreError>> + Send;

    /// Writes `next` if the record still has version `before`, or does not exist if `before` is `None`.
    fn replace(
        &self,
        key: &LevelKey,
        before: Option<u64>,
        next: &AlertRecord,
    ) -> impl Future<Output = Result<AlertWriteOutcome, StoreError>> + Send;

    /// Removes the pending message if the record still has `version`.
    fn mark_published(
        &self,
        key: &LevelKey,
        version: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The topic that alerts are published to.
pub trait AlertPublisher: Send + Sync {
    /// Publishes `alert`.
    fn publish(&self, alert: &AlertMessage) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Why a chat message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// The chat is unavailable or limits the rate, and the deadline leaves no time to wait.
    #[error("not delivered yet: {0}")]
    Unavailable(String),
    /// The chat rejects this message, or the credentials.
    #[error("rejected: {0}")]
    Rejected(String),
}

/// Formats alerts for a chat.
pub trait AlertFormat: Send + Sync {
    /// Formats `alerts`, one or more, as one message in the JSON of the chat.
    fn message(&self, alerts: &[&AlertMessage]) -> serde_json::Value;
}

/// A chat channel.
pub trait Chat: Send + Sync {
    /// Posts `message`.
    fn post(
        &self,
        message: &serde_json::Value,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), ChatError>> + Send;
}

#[cfg(test)]
mod tests {
    use stockline_domain::alert::AlertKind;

    use super::*;

    fn message() -> AlertMessage {
        let alert = StockAlert {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
            kind: AlertKind::Low,
            severity: AlertKind::Low.severity(),
            available: 3,
            reorder_point: Some(5),
            level_version: 7,
        };
        let occurred_at = "2026-03-01T12:00:00Z".parse().unwrap();
        alert_message(alert, occurred_at, "movement-1".to_owned())
    }

    #[tokio::test]
    async fn alert_carries_the_cause_of_its_change() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let cause = Cause::new("till-1-basket-7".to_owned(), trace.parse().ok());
        let caused = cause.scope(async { message() }).await;
        assert_eq!(caused.correlation_id, "till-1-basket-7");
        assert_eq!(caused.traceparent, trace.parse().ok());
    }

    #[tokio::test]
    async fn alert_without_a_request_has_the_fallback_id() {
        let caused_by_none = message();
        assert_eq!(caused_by_none.correlation_id, "movement-1");
        assert_eq!(caused_by_none.traceparent, None);
        let unnamed = Cause::default().scope(async { message() }).await;
        assert_eq!(unnamed.correlation_id, "movement-1");
    }
}
