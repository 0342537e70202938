//! What a consumer does with messages of a queue, besides deleting them.

use std::future::Future;
use std::time::Duration;

use crate::store_error::StoreError;

/// One message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRecord {
    /// The id of the message.
    pub message_id: String,
    /// The message group, in a FIFO queue.
    pub group: Option<String>,
    /// The receipt handle of this delivery.
    pub receipt: String,
    /// The body.
    pub body: String,
    /// The number of deliveries, this one included.
    pub receive_count: u32,
}

/// A queue, as its consumer uses it.
pub trait QueueSource: Send + Sync {
    /// Delivers each message, given by its receipt handle, again after its delay in whole seconds.
    fn delay(
        &self,
        messages: &[(String, Duration)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Copies the message with the reason to the dead-letter queue. The consumer then acknowledges it.
    fn dead_letter(
        &self,
        record: &QueueRecord,
        reason: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
