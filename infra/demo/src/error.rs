//! The errors of the demo.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use stockline_simulators::api::ApiError;
use stockline_simulators::visitor::VisitError;

use super::money::InvalidAmount;

/// A result of the demo.
pub type Result<T> = std::result::Result<T, DemoError>;

/// An error that ends the demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An error of `xtask`.
    #[error(transparent)]
    Tool(#[from] xtask::Error),
    /// An API call failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A visit of the dashboard failed.
    #[error(transparent)]
    Visit(#[from] VisitError),
    /// A value of the data set is no amount of money.
    #[error(transparent)]
    Amount(#[from] InvalidAmount),
    /// The HTTP client cannot be created.
    #[error("cannot create an HTTP client: {0}")]
    Client(String),
    /// The Slack simulator cannot listen on its port.
    #[error(
        "the Slack simulator cannot listen on {address}: {source}. Another demo may be running; end it and run this again"
    )]
    Slack {
        address: SocketAddr,
        source: io::Error,
    },
    /// An AWS API returned an error.
    #[error("{what} failed: {detail}")]
    Aws {
        what: String,
        /// The chain of causes.
        detail: String,
    },
    /// A time limit has passed.
    #[error("{what} within {} s: {detail}", waited.as_secs())]
    Timeout {
        /// What did not happen.
        what: &'static str,
        /// The state at the time limit.
        detail: String,
        waited: Duration,
    },
    /// A response or a setting is not as expected.
    #[error("{0}")]
    Unexpected(String),
}

impl DemoError {
    /// For `map_err` on an SDK error.
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
