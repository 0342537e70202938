//! Why a store or a gateway did not answer.

use std::error::Error;

/// A store or a gateway failed; what was asked for may or may not have happened, and asking again is safe.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Others write the same items, or the service throttles; there was no time to wait longer.
    #[error("the store is busy")]
    Busy,
    /// No answer came in time, the connection broke, or the service itself failed: nobody knows whether it was done.
    #[error("{context}: no answer came")]
    Unanswered {
        /// What was being done.
        context: &'static str,
        /// What came instead.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service refused, or answered what cannot be read.
    #[error("{context}")]
    Failed {
        /// What was being done.
        context: &'static str,
        /// What came back.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Wraps what came back while doing `context`.
    pub fn failed<E: Into<Box<dyn Error + Send + Sync>>>(
        context: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed {
            context,
            source: source.into(),
        }
    }
}
