//! The request that causes a piece of work: its correlation id and its trace (W3C Trace Context).
//!
//! Both travel in a task-local value instead of in every signature, because no decision depends on them.
//!
//! The parser is our own because Stockline forwards the header unchanged and exports no spans: the OpenTelemetry propagator
//! would add its tracing SDK (with a random number generator and an executor) to every function. It also accepts ids of the
//! wrong length, which the W3C format forbids.

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokio::task_local;
use tracing::Instrument;

/// A valid `traceparent` header of version 00, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Traceparent(String);

/// The text is not a valid `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a version 00 traceparent")]
pub struct NoTraceparent;

impl Traceparent {
    /// The trace id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }
}

impl FromStr for Traceparent {
    type Err = NoTraceparent;

    fn from_str(text: &str) -> Result<Self, NoTraceparent> {
        let parts: Vec<&str> = text.split('-').collect();
        let is_hex = |part: &str, length: usize| {
            part.len() == length
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_some = |part: &str| part.bytes().any(|byte| byte != b'0');
        match parts.as_slice() {
            ["00", trace, parent, flags]
                if is_hex(trace, 32)
                    && is_hex(parent, 16)
                    && is_hex(flags, 2)
                    && is_some(trace)
                    && is_some(parent) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NoTraceparent),
        }
    }
}

impl TryFrom<String> for Traceparent {
    type Error = NoTraceparent;

    fn try_from(text: String) -> Result<Self, NoTraceparent> {
        text.parse()
    }
}

impl From<Traceparent> for String {
    fn from(trace: Traceparent) -> Self {
        trace.0
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

task_local! {
    static CURRENT: Cause;
}

/// The request that caused the work at hand. Messages and items carry it along, so that one id finds all log lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Cause {
    #[serde(default)]
    correlation_id: String,
    #[serde(default)]
    traceparent: Option<Traceparent>,
}

impl Cause {
    /// The request with this correlation id and trace.
    pub fn new(correlation_id: String, traceparent: Option<Traceparent>) -> Self {
        Self {
            correlation_id,
            traceparent,
        }
    }

    /// The cause of the work at hand; empty outside of [`Cause::scope`].
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Reads the cause from the envelope of a message. An unreadable envelope has no cause: the handler rejects it.
    pub fn of_message(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_default()
    }

    /// The id that the client chose, or that the API gave the request.
    pub fn correlation_id(&self) -> Option<&str> {
        Some(self.correlation_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The trace of the request.
    pub fn traceparent(&self) -> Option<&Traceparent> {
        self.traceparent.as_ref()
    }

    /// Runs `work` with this cause's ids in its log lines and in the messages it sends.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        let trace_id = self.traceparent.as_ref().map(Traceparent::trace_id);
        let correlation_id = self.correlation_id();
        let span = tracing::info_span!("cause", correlation_id, trace_id);
        CURRENT.scope(self, work).instrument(span).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn invalid_traceparent_is_rejected() {
        let trace: Traceparent = TRACE.parse().unwrap();
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace.to_string(), TRACE);
        for broken in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-and more",
        ] {
            assert_eq!(
                broken.parse::<Traceparent>(),
                Err(NoTraceparent),
                "{broken}"
            );
        }
    }

    #[tokio::test]
    async fn message_is_handled_within_its_trace() {
        let body =
            format!(r#"{{"type":"task.queued","correlation_id":"c-1","traceparent":"{TRACE}"}}"#);
        assert_eq!(
            Cause::of_message(&body)
                .scope(async { Cause::current().traceparent })
                .await,
            TRACE.parse().ok()
        );
        for body in ["{}", "no JSON", r#"{"traceparent": "broken"}"#] {
            assert_eq!(
                Cause::of_message(body)
                    .scope(async { Cause::current().traceparent })
                    .await,
                None
            );
        }
        assert_eq!(Cause::current(), Cause::default());
    }
}
