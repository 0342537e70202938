//! The trace a request belongs to (W3C Trace Context), carried from the request to every message and log line it causes.
//!
//! It goes with the task at hand rather than through every signature: it decides nothing.

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokio::task_local;
use tracing::Instrument;

use crate::batch::StreamRecord;

/// A `traceparent` as it came in, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Traceparent(String);

/// A text that is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a version 00 traceparent")]
pub struct NoTraceparent;

impl Traceparent {
    /// Which trace it is: 32 hexadecimal digits.
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
    static CURRENT: Option<Traceparent>;
}

/// The trace of the work at hand, where it has one.
pub fn current() -> Option<Traceparent> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}

/// Does `work` as a part of `trace`.
pub async fn within<F: Future>(trace: Option<Traceparent>, work: F) -> F::Output {
    CURRENT.scope(trace, work).await
}

/// What a message or an item says of its cause; what cannot be read says nothing, and is its reader's to refuse.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    correlation_id: String,
    #[serde(default)]
    traceparent: Option<Traceparent>,
}

/// Does `work` on a message as a part of what caused it, as its envelope says.
pub async fn of_message<F: Future>(body: &str, work: F) -> F::Output {
    follow(serde_json::from_str(body).unwrap_or_default(), work).await
}

/// Does `work` on a change of an item as a part of what caused it, as the item says.
pub async fn of_change<F: Future>(record: &StreamRecord, work: F) -> F::Output {
    let said: Option<Said> = record.new_as().unwrap_or_default();
    follow(said.unwrap_or_default(), work).await
}

async fn follow<F: Future>(said: Said, work: F) -> F::Output {
    let trace_id = said.traceparent.as_ref().map(Traceparent::trace_id);
    let span = tracing::info_span!("cause", correlation_id = said.correlation_id, trace_id);
    within(said.traceparent, work).instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_traceparent_is_passed_on() {
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
    async fn work_on_a_message_is_a_part_of_the_trace_in_its_envelope() {
        let body =
            format!(r#"{{"type":"task.queued","correlation_id":"c-1","traceparent":"{TRACE}"}}"#);
        assert_eq!(
            of_message(&body, async { current() }).await,
            TRACE.parse().ok()
        );
        for body in ["{}", "no JSON", r#"{"traceparent": "broken"}"#] {
            assert_eq!(of_message(body, async { current() }).await, None);
        }
        assert_eq!(current(), None);
    }
}
