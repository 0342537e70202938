//! The envelope of every message. `events/schemas/` has the JSON Schema of each message type.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::millis;
use uuid::Uuid;

use crate::trace::Traceparent;

/// One message with its type, its id and its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// The type of `data`, such as `stock.alert`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The version of `data`. It rises with every change that breaks existing readers.
    pub version: u32,
    /// Derived from the content, so that every delivery of one message has the same id.
    pub id: Uuid,
    /// When the reported event happened.
    #[serde(serialize_with = "millis::serialize")]
    pub occurred_at: Timestamp,
    /// The id of the request that caused the message.
    pub correlation_id: String,
    /// The W3C trace of the request that caused the message, if it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
    /// The payload.
    pub data: T,
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    /// It is not valid JSON, or lacks a field.
    #[error("the message cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It has another type or version.
    #[error("the message is {type_} version {version}")]
    Other {
        /// Its type.
        type_: String,
        /// Its version.
        version: u32,
    },
}

/// The type and version of a message, read first so that a message of another type is not reported as malformed.
#[derive(Deserialize)]
struct TypeAndVersion {
    #[serde(rename = "type")]
    type_: String,
    version: u32,
}

impl<T> Envelope<T> {
    /// Parses a message of this type and version.
    pub fn read<'a>(text: &'a str, type_: &str, version: u32) -> Result<Self, UnreadableMessage>
    where
        T: Deserialize<'a>,
    {
        let label: TypeAndVersion = serde_json::from_str(text)?;
        if label.type_ != type_ || label.version != version {
            return Err(UnreadableMessage::Other {
                type_: label.type_,
                version: label.version,
            });
        }
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_round_trips_with_millisecond_times() {
        let sent = Envelope {
            type_: "stock.alert".to_owned(),
            version: 1,
            id: Uuid::nil(),
            occurred_at: "2026-03-01T12:00:00Z".parse().unwrap(),
            correlation_id: "c-1".to_owned(),
            traceparent: None,
            data: 7_u8,
        };
        let text = serde_json::to_string(&sent).unwrap();
        assert!(text.contains("\"2026-03-01T12:00:00.000Z\""), "{text}");
        assert_eq!(Envelope::read(&text, "stock.alert", 1).unwrap(), sent);
    }

    #[test]
    fn message_of_another_type_is_named() {
        let text = r#"{"type":"task.queued","version":2,"data":{}}"#;
        let error = Envelope::<u8>::read(text, "stock.alert", 1).unwrap_err();
        assert_eq!(error.to_string(), "the message is task.queued version 2");
        assert!(matches!(
            Envelope::<u8>::read("{}", "stock.alert", 1),
            Err(UnreadableMessage::Malformed(_))
        ));
    }
}
