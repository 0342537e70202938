//! Records of a DynamoDB stream.

use aws_lambda_events::dynamodb::Event as StreamEvent;
use serde::de::DeserializeOwned;
use stockline_application::stream_change::StreamChange;
use stockline_application::trace::Cause;

use crate::keys::Key;

/// One change of one item. The changes of one item arrive in the order in which they were made.
#[derive(Debug, Clone)]
pub struct StreamRecord {
    /// The key of the item.
    pub key: Key,
    /// The record's position in its shard.
    pub sequence: String,
    old: Option<serde_dynamo::Item>,
    new: Option<serde_dynamo::Item>,
}

/// Why a stream record cannot be decoded. The message names the item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableRecord(pub String);

impl StreamRecord {
    /// A record with these images, for tests and the stream simulator.
    pub fn new(
        key: Key,
        sequence: String,
        old: Option<serde_dynamo::Item>,
        new: Option<serde_dynamo::Item>,
    ) -> Self {
        Self {
            key,
            sequence,
            old,
            new,
        }
    }

    /// The request that caused the change, as the item carries it.
    pub fn cause(&self) -> Cause {
        read(self.new.as_ref()).ok().flatten().unwrap_or_default()
    }

    /// The two images of the item. `item` says what it is, for the error.
    pub(crate) fn decode<T: DeserializeOwned>(
        &self,
        item: &str,
    ) -> Result<StreamChange<T>, UnreadableRecord> {
        let unreadable = |error: serde_dynamo::Error| {
            let key = &self.key.pk;
            UnreadableRecord(format!("the {item} image of {key} cannot be read: {error}"))
        };
        Ok(StreamChange {
            before: read(self.old.as_ref()).map_err(unreadable)?,
            after: read(self.new.as_ref()).map_err(unreadable)?,
        })
    }
}

fn read<T: DeserializeOwned>(
    image: Option<&serde_dynamo::Item>,
) -> Result<Option<T>, serde_dynamo::Error> {
    image.cloned().map(serde_dynamo::from_item).transpose()
}

/// The records of a stream event, in order.
pub fn stream_records(event: StreamEvent) -> Vec<StreamRecord> {
    event
        .records
        .into_iter()
        .map(|record| {
            let key = serde_dynamo::from_item(record.change.keys).unwrap_or_else(|_| Key {
                pk: String::new(),
                sk: String::new(),
            });
            let image = |item: serde_dynamo::Item| (!item.is_empty()).then_some(item);
            StreamRecord {
                key,
                sequence: record.change.sequence_number.unwrap_or_default(),
                old: image(record.change.old_image),
                new: image(record.change.new_image),
            }
        })
        .collect()
}
