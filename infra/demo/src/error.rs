//! What can stop the demo, each as a sentence.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use stockline_simulators::api::ApiError;

use super::money::BadAmount;

/// A result of the demo.
pub type Result<T> = std::result::Result<T, DemoError>;

/// Why the demo cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Something of the tool itself failed.
    #[error(transparent)]
    Tool(#[from] xtask::Error),
    /// A call of the API failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A value of the real baskets is no amount.
    #[error(transparent)]
    Amount(#[from] BadAmount),
    /// No HTTP client can be made.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
    /// The stand-in for Slack cannot listen.
    #[error(
        "the stand-in for Slack cannot listen at {address}: {source}. Another demo may run; end it and run this again"
    )]
    Slack {
        /// Where it should.
        address: SocketAddr,
        /// Why it cannot.
        source: io::Error,
    },
    /// An AWS API answered with an error.
    #[error("{what} failed: {detail}")]
    Aws {
        /// What was asked.
        what: String,
        /// The whole chain of causes.
        detail: String,
    },
    /// Something did not happen in time.
    #[error("{what} within {} s: {detail}", waited.as_secs())]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How far it got.
        detail: String,
        /// How long.
        waited: Duration,
    },
    /// Something answered, but not as it must.
    #[error("{0}")]
    Unexpected(String),
}

impl DemoError {
    /// For `map_err` on an SDK's error.
    pub fn aws<E: std::error::Error>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |error| {
            let mut detail = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                detail = format!("{detail}: {error}");
                cause = error.source();
            }
            Self::Aws { what, detail }
        }
    }
}
