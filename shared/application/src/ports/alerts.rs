//! What was said of each level, and where alerts go.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::level::LevelKey;

use crate::deadline::Deadline;
use crate::message::{Envelope, UnreadableMessage};
use crate::store_error::StoreError;
use crate::trace::Cause;

/// An alert as it travels.
pub type AlertMessage = Envelope<StockAlert>;

/// What an alert's envelope says it is.
pub const STOCK_ALERT: &str = "stock.alert";

/// The version of an alert's data.
pub const STOCK_ALERT_VERSION: u32 = 1;

/// `alert`, ready to be sent.
pub fn alert_message(
    alert: StockAlert,
    occurred_at: Timestamp,
    correlation_id: String,
) -> AlertMessage {
    Envelope {
        type_: STOCK_ALERT.to_owned(),
        version: STOCK_ALERT_VERSION,
        id: alert.id().as_uuid(),
        occurred_at,
        correlation_id,
        traceparent: Cause::current().traceparent().cloned(),
        data: alert,
    }
}

/// Reads an alert that was sent.
pub fn read_alert(text: &str) -> Result<AlertMessage, UnreadableMessage> {
    Envelope::read(text, STOCK_ALERT, STOCK_ALERT_VERSION)
}

/// What was said of a level last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRecord {
    /// The last thing said.
    pub state: AlertKind,
    /// The version of the level that raised it.
    pub version: u64,
    /// The alert itself, until it is known to be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<AlertMessage>,
}

/// Whether a record was advanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It is as asked for.
    Done,
    /// Another came first; what was read of it is outdated.
    Overtaken,
}

/// Keeps what was said of each level.
pub trait AlertStore: Send + Sync {
    /// What was said of the level last, as it is now; none if nothing ever was.
    fn find(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Option<AlertRecord>, StoreError>> + Send;

    /// Replaces the record that was read at version `before` (none: there was no record) by `next`.
    fn advance(
        &self,
        key: &LevelKey,
        before: Option<u64>,
        next: &AlertRecord,
    ) -> impl Future<Output = Result<Advance, StoreError>> + Send;

    /// Forgets the pending alert of `version`; one of another version stays.
    fn published(
        &self,
        key: &LevelKey,
        version: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Tells everybody who listens.
pub trait AlertPublisher: Send + Sync {
    /// Publishes `alert`.
    fn publish(&self, alert: &AlertMessage) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Why a chat message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDelivered {
    /// The chat is busy or out of reach and there was no time to wait longer.
    #[error("not delivered yet: {0}")]
    Later(String),
    /// The chat refuses this message, or everything from us.
    #[error("refused: {0}")]
    Never(String),
}

/// Where people read.
pub trait Chat: Send + Sync {
    /// Posts `message`.
    fn post(
        &self,
        message: &serde_json::Value,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), NotDelivered>> + Send;
}
