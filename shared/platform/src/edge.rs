//! The HTTP edge: decodes an API Gateway event to a [`Call`], and encodes the result of a handler as a response.

mod answer;
mod call;
mod media_type;
mod page;

use serde::Serialize;
use serde_json::{Value, json};

use crate::cursor::CursorKey;
use crate::problem::Problem;
use stockline_application::paging::Position;

pub use answer::{answer, serve};
pub use call::{Call, MAX_BODY};
pub use media_type::MediaType;
pub use page::{Form, PageReply, PageRequest, answer_page, serve_pages};

/// A successful response.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    status: u16,
    body: Value,
    /// The text of a CSV response, in place of `body`.
    csv: Option<String>,
    replayed: bool,
}

impl Reply {
    /// Creates a 200 with `body`.
    pub fn ok<T: Serialize>(body: &T) -> Result<Self, Problem> {
        Self::with_status(200, body)
    }

    /// Creates a 201 with `body`.
    pub fn created<T: Serialize>(body: &T) -> Result<Self, Problem> {
        Self::with_status(201, body)
    }

    fn with_status<T: Serialize>(status: u16, body: &T) -> Result<Self, Problem> {
        let body = serde_json::to_value(body).map_err(|error| {
            tracing::error!(%error, "response could not be serialized");
            Problem::internal()
        })?;
        Ok(Self {
            status,
            body,
            csv: None,
            replayed: false,
        })
    }

    /// Creates a 200 with a CSV text (RFC 4180) that has a header line.
    pub fn csv(text: String) -> Self {
        Self {
            status: 200,
            body: Value::Null,
            csv: Some(text),
            replayed: false,
        }
    }

    /// Marks the response as that of an earlier request with the same idempotency key.
    pub fn replayed(mut self) -> Self {
        self.replayed = true;
        self
    }

    /// Returns the status, for tests.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body of a JSON response, for tests.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// Returns the text of a CSV response, for tests.
    pub fn csv_text(&self) -> Option<&str> {
        self.csv.as_deref()
    }

    /// Returns whether the response is a replay, for tests.
    pub fn is_replayed(&self) -> bool {
        self.replayed
    }
}

/// Creates the response for one page of `list`: `{name: items, "next_cursor": ..}`.
pub fn listing<T: Serialize>(
    name: &str,
    items: &[T],
    next: Option<&Position>,
    key: &CursorKey,
    list: &str,
) -> Result<Reply, Problem> {
    let mut body = json!({ name: items });
    if let Some(position) = next {
        body["next_cursor"] = key.seal(list, position).into();
    }
    Reply::ok(&body)
}
