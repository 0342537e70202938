//! Failures of a store or a gateway.

use std::error::Error;

/// A store or a gateway failed. The operation may or may not have been applied; repeating it is safe.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Concurrent writes or throttling held up the operation until the deadline.
    #[error("the store is busy")]
    Busy,
    /// The response was lost, late, or a server error, so the outcome is unknown.
    #[error("{context}: the outcome is unknown")]
    Unanswered {
        /// The operation.
        context: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service rejected the operation, or its response cannot be read.
    #[error("{context}")]
    Failed {
        /// The operation.
        context: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Wraps the error of the operation `context`, for `map_err`.
    pub fn failed<E: Into<Box<dyn Error + Send + Sync>>>(
        context: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed {
            context,
            source: source.into(),
        }
    }
}
