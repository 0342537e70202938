//! What the reader of a queue does with its messages, beside letting them be deleted.

use std::future::Future;
use std::time::Duration;

use crate::store_error::StoreError;

/// One message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRecord {
    /// The message.
    pub message_id: String,
    /// Its group in a FIFO queue.
    pub group: Option<String>,
    /// What this delivery of it is called.
    pub receipt: String,
    /// What it says.
    pub body: String,
    /// How often it has been delivered, from 1.
    pub receive_count: u32,
}

/// A queue, for its reader.
pub trait QueueSource: Send + Sync {
    /// Lets each message, by its receipt, be delivered again once its time is over, in whole seconds.
    fn give_back(
        &self,
        later: &[(String, Duration)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Puts the message into the dead-letter queue, with the reason: the reader may then call it done.
    fn put_aside(
        &self,
        record: &QueueRecord,
        reason: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
