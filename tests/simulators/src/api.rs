//! A caller of the HTTPS API.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;

/// How often one request is sent before its caller gives up.
const MOST_TRIES: u32 = 8;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A call that got no answer, or one that nobody can read.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer came, however often it was tried.
    #[error("{method} {path} got no answer in {tries} tries: {source}")]
    Unreachable {
        /// The verb.
        method: Method,
        /// The path.
        path: String,
        /// How often it was sent.
        tries: u32,
        /// What the last try met.
        source: reqwest::Error,
    },
    /// The answer's body is not JSON.
    #[error("{method} {path} answered {status} with a body that is no JSON: {body}")]
    NotJson {
        /// The verb.
        method: Method,
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// The body's beginning.
        body: String,
    },
    /// The answer is not the one that was hoped for.
    #[error("{path} answered {status} where {expected} was expected: {body}")]
    Unexpected {
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// The statuses that would have done.
        expected: String,
        /// The body.
        body: Value,
    },
    /// The answer's body lacks something.
    #[error("{path} answered {status} with a body that does not read as it should: {source}")]
    Unreadable {
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What came back, and what it took.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The path that was called.
    pub path: String,
    /// The HTTP status of the last try.
    pub status: u16,
    /// Whether the answer is that of an earlier request with the same idempotency key.
    pub replayed: bool,
    /// `x-request-id`.
    pub request_id: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
    /// The body; null where there is none.
    pub body: Value,
    /// How many tries were answered with a 5xx status.
    pub server_errors: u32,
}

impl Answer {
    /// The answer, if its status is among these.
    pub fn expect_status(self, expected: &[u16]) -> Result<Self, ApiError> {
        if expected.contains(&self.status) {
            return Ok(self);
        }
        Err(ApiError::Unexpected {
            path: self.path,
            status: self.status,
            expected: expected
                .iter()
                .map(u16::to_string)
                .collect::<Vec<_>>()
                .join(" or "),
            body: self.body,
        })
    }

    /// The body as a type.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        serde_json::from_value(self.body).map_err(|source| ApiError::Unreadable {
            path: self.path,
            status: self.status,
            source,
        })
    }

    /// The kind of problem it tells of: the last part of the problem's `type`.
    pub fn problem(&self) -> Option<&str> {
        self.body["type"]
            .as_str()
            .and_then(|kind| kind.rsplit('/').next())
    }
}

/// A caller with one token. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    token: String,
}

impl Api {
    /// A caller of the API at `base` (stage included), whose bearer token is `token`.
    pub fn new(base: &str, token: impl Into<String>) -> Result<Self, reqwest::Error> {
        // Whoever came first has chosen a provider; any of them will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            http: Client::builder().no_proxy().timeout(PATIENCE).build()?,
            base: base.trim_end_matches('/').to_owned(),
            token: token.into(),
        })
    }

    /// The same connections with another token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            ..self.clone()
        }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Answer, ApiError> {
        self.call(Method::GET, path, None, None).await
    }

    /// Writes what is there afterwards.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer, ApiError> {
        self.call(Method::PUT, path, Some(body), None).await
    }

    /// Asks for an effect; with a key, for the same effect however often it is asked.
    pub async fn post(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<Answer, ApiError> {
        self.call(Method::POST, path, Some(body), idempotency_key)
            .await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let mut server_errors = 0;
        let mut tries = 0;
        loop {
            tries += 1;
            let response = self.request(&method, path, body, key).send().await;
            let response = match response {
                Ok(response) => response,
                Err(source) if tries < MOST_TRIES => {
                    // An answer that was lost says nothing about its effect: the same request is sent again.
                    drop(source);
                    sleep(back_off(tries, None)).await;
                    continue;
                }
                Err(source) => {
                    return Err(ApiError::Unreachable {
                        method,
                        path: path.to_owned(),
                        tries,
                        source,
                    });
                }
            };
            let status = response.status().as_u16();
            server_errors += u32::from(status >= 500);
            if matches!(status, 429 | 502 | 503 | 504) && tries < MOST_TRIES {
                sleep(back_off(tries, retry_after(&response))).await;
                continue;
            }
            return answer(method, path, response, server_errors).await;
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> RequestBuilder {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request
    }
}

async fn answer(
    method: Method,
    path: &str,
    response: Response,
    server_errors: u32,
) -> Result<Answer, ApiError> {
    let status = response.status().as_u16();
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let replayed = header("idempotent-replayed").as_deref() == Some("true");
    let (request_id, content_type) = (header("x-request-id"), header("content-type"));
    let text = response
        .text()
        .await
        .map_err(|source| ApiError::Unreachable {
            method: method.clone(),
            path: path.to_owned(),
            tries: 1,
            source,
        })?;
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).map_err(|_| ApiError::NotJson {
            method,
            path: path.to_owned(),
            status,
            body: text.chars().take(300).collect(),
        })?
    };
    Ok(Answer {
        path: path.to_owned(),
        status,
        replayed,
        request_id,
        content_type,
        body,
        server_errors,
    })
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get("retry-after")?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// What the server asks for, and jitter on top, so that tills that failed together do not come back together.
fn back_off(tries: u32, asked: Option<Duration>) -> Duration {
    let most = 100_u64 << tries.min(6);
    asked.unwrap_or_default().min(Duration::from_secs(10))
        + Duration::from_millis(fastrand::u64(20..=most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_waits_at_least_as_long_as_it_is_asked_to_and_not_for_ever() {
        let asked = Some(Duration::from_secs(2));
        assert!(back_off(1, asked) >= Duration::from_secs(2));
        assert!(back_off(30, None) <= Duration::from_millis(6400));
        assert!(back_off(1, Some(Duration::from_hours(1))) < Duration::from_secs(11));
    }

    #[test]
    fn a_problem_is_known_by_the_end_of_its_type() {
        let answer = Answer {
            path: "/v1/orders".into(),
            status: 409,
            replayed: false,
            request_id: None,
            content_type: None,
            body: serde_json::json!({"type": "https://stockline.dev/problems/insufficient-stock"}),
            server_errors: 0,
        };
        assert_eq!(answer.problem(), Some("insufficient-stock"));
        assert!(
            answer
                .expect_status(&[201])
                .unwrap_err()
                .to_string()
                .contains("201 was expected")
        );
    }
}
