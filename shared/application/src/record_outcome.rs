//! The result of handling one record of a batch.

use std::time::Duration;

use crate::error_chain::error_chain;
use crate::store_error::StoreError;

/// The result of handling one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The record is handled, now or by an earlier delivery.
    Done,
    /// The record failed for the moment. The event source delivers it again, and after its last attempt sends it to the
    /// dead-letter queue.
    Retry(String),
    /// The record cannot be handled yet. A queue delivers it again after this delay, in whole seconds; a stream treats it
    /// like [`RecordOutcome::Retry`].
    RetryAfter(Duration, String),
    /// The record can never be handled. The reason is logged, and the record goes to the dead-letter queue: at once where the
    /// function can send it there, else after the source's last attempt.
    Reject(String),
}

impl From<Result<(), StoreError>> for RecordOutcome {
    /// A failed store or gateway may work again, so its record is retried.
    fn from(result: Result<(), StoreError>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(error) => Self::Retry(error_chain(&error)),
        }
    }
}
