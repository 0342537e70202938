//! Records of a DynamoDB stream.

use aws_lambda_events::dynamodb::Event as StreamEvent;
use serde::de::DeserializeOwned;
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
        self.new_as().ok().flatten().unwrap_or_default()
    }

    /// The item before the change; `None` if the change created it.
    pub fn old_as<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_dynamo::Error> {
        self.old.clone().map(serde_dynamo::from_item).transpose()
    }

    /// The item after the change; `None` if the change deleted it.
    pub fn new_as<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_dynamo::Error> {
        self.new.clone().map(serde_dynamo::from_item).transpose()
    }
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
