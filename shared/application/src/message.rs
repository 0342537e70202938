//! The envelope that every message travels in; `events/schemas/` holds the JSON Schema of each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::millis;
use uuid::Uuid;

use crate::trace::Traceparent;

/// One message: what it is, which it is, and what caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// What `data` is, such as `stock.alert`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Rises when a reader of the earlier version could not read `data` any more.
    pub version: u32,
    /// The same for every delivery of one message, and derived from what it says.
    pub id: Uuid,
    /// When what it says happened.
    #[serde(serialize_with = "millis::serialize")]
    pub occurred_at: Timestamp,
    /// Follows what one request causes through every message and log line.
    pub correlation_id: String,
    /// The trace of the request that caused it, where one came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
    /// What it says.
    pub data: T,
}

/// Why a message is not the one its reader waits for.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    /// It is no JSON, or lacks a field.
    #[error("the message cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is a message of another kind.
    #[error("the message is {type_} version {version}")]
    Other {
        /// What it is.
        type_: String,
        /// In which version.
        version: u32,
    },
}

/// Just enough of an envelope to tell what it is, so that another kind is named and not called malformed.
#[derive(Deserialize)]
struct Label {
    #[serde(rename = "type")]
    type_: String,
    version: u32,
}

impl<T> Envelope<T> {
    /// Reads a message of `type_` and `version`.
    pub fn read<'a>(text: &'a str, type_: &str, version: u32) -> Result<Self, UnreadableMessage>
    where
        T: Deserialize<'a>,
    {
        let label: Label = serde_json::from_str(text)?;
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
    fn a_message_reads_back_and_its_time_has_millis_also_on_the_whole_second() {
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
    fn a_message_of_another_kind_is_named() {
        let text = r#"{"type":"task.queued","version":2,"data":{}}"#;
        let error = Envelope::<u8>::read(text, "stock.alert", 1).unwrap_err();
        assert_eq!(error.to_string(), "the message is task.queued version 2");
        assert!(matches!(
            Envelope::<u8>::read("{}", "stock.alert", 1),
            Err(UnreadableMessage::Malformed(_))
        ));
    }
}
