//! A client of the HTTPS API that retries.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;

/// The most attempts per request.
const MAX_ATTEMPTS: u32 = 8;

/// The timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// A call without a usable response.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No response in any attempt.
    #[error("{method} {path} got no response in {attempts} attempts: {source}")]
    NoResponse {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// Number of attempts.
        attempts: u32,
        /// The error of the last attempt.
        source: reqwest::Error,
    },
    /// The response body is not JSON.
    #[error("{method} {path} answered {status} with a body that is not JSON: {body}")]
    NotJson {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// The first 300 characters of the body.
        body: String,
    },
    /// The response has another status than expected.
    #[error("{path} answered {status}, expected {expected}: {body}")]
    UnexpectedStatus {
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// The expected statuses.
        expected: String,
        /// The body.
        body: Value,
    },
    /// The response body does not match the expected type.
    #[error("{path} answered {status} with an unexpected body: {source}")]
    UnexpectedBody {
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// The parse error.
        source: serde_json::Error,
    },
}

/// A response.
#[derive(Debug, Clone)]
pub struct ApiResponse {
    /// The path that was called.
    pub path: String,
    /// The HTTP status of the last attempt.
    pub status: u16,
    /// Whether this replays the response to an earlier request with the same idempotency key (`Idempotent-Replayed`).
    pub is_replayed: bool,
    /// `x-request-id`.
    pub request_id: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
    /// The body; null if empty.
    pub body: Value,
    /// Number of attempts that were answered with a 5xx status.
    pub server_errors: u32,
}

impl ApiResponse {
    /// Returns the response if its status is one of `expected`.
    pub fn expect_status(self, expected: &[u16]) -> Result<Self, ApiError> {
        if expected.contains(&self.status) {
            return Ok(self);
        }
        Err(ApiError::UnexpectedStatus {
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

    /// Deserializes the body.
    pub fn parse_body<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        serde_json::from_value(self.body).map_err(|source| ApiError::UnexpectedBody {
            path: self.path,
            status: self.status,
            source,
        })
    }

    /// The problem type (RFC 9457): the last path segment of the body's `type`.
    pub fn problem_type(&self) -> Option<&str> {
        self.body["type"]
            .as_str()
            .and_then(|kind| kind.rsplit('/').next())
    }
}

/// An API client with one bearer token. Clones share connections.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: Client,
    base: String,
    token: String,
}

impl ApiClient {
    /// A client of the API at `base` (stage included) with the bearer token `token`.
    pub fn new(base: &str, token: impl Into<String>) -> Result<Self, reqwest::Error> {
        // Fails if a crypto provider is installed already; any provider will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            http: Client::builder()
                .no_proxy()
                .timeout(ATTEMPT_TIMEOUT)
                .build()?,
            base: base.trim_end_matches('/').to_owned(),
            token: token.into(),
        })
    }

    /// A client with another token that shares the connections.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            ..self.clone()
        }
    }

    /// Sends a `GET`.
    pub async fn get(&self, path: &str) -> Result<ApiResponse, ApiError> {
        self.call(Method::GET, path, None, None).await
    }

    /// Sends a `PUT`.
    pub async fn put(&self, path: &str, body: &Value) -> Result<ApiResponse, ApiError> {
        self.call(Method::PUT, path, Some(body), None).await
    }

    /// Sends a `DELETE`.
    pub async fn delete(&self, path: &str) -> Result<ApiResponse, ApiError> {
        self.call(Method::DELETE, path, None, None).await
    }

    /// Sends a `POST`, with an `Idempotency-Key` if one is given.
    pub async fn post(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<ApiResponse, ApiError> {
        self.call(Method::POST, path, Some(body), idempotency_key)
            .await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<ApiResponse, ApiError> {
        let mut server_errors = 0;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let response = self.request(&method, path, body, key).send().await;
            let response = match response {
                Ok(response) => response,
                Err(source) if attempts < MAX_ATTEMPTS => {
                    // The outcome is unknown: send the same request again.
                    drop(source);
                    sleep(backoff(attempts, None)).await;
                    continue;
                }
                Err(source) => {
                    return Err(ApiError::NoResponse {
                        method,
                        path: path.to_owned(),
                        attempts,
                        source,
                    });
                }
            };
            let status = response.status().as_u16();
            server_errors += u32::from(status >= 500);
            if matches!(status, 429 | 502 | 503 | 504) && attempts < MAX_ATTEMPTS {
                sleep(backoff(attempts, retry_after(&response))).await;
                continue;
            }
            return parse_response(method, path, response, server_errors).await;
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

async fn parse_response(
    method: Method,
    path: &str,
    response: Response,
    server_errors: u32,
) -> Result<ApiResponse, ApiError> {
    let status = response.status().as_u16();
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let is_replayed = header("idempotent-replayed").as_deref() == Some("true");
    let (request_id, content_type) = (header("x-request-id"), header("content-type"));
    let text = response
        .text()
        .await
        .map_err(|source| ApiError::NoResponse {
            method: method.clone(),
            path: path.to_owned(),
            attempts: 1,
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
    Ok(ApiResponse {
        path: path.to_owned(),
        status,
        is_replayed,
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

/// The server's `Retry-After` (10 s at most) plus jitter, so that clients that failed together do not retry together.
fn backoff(attempts: u32, retry_after: Option<Duration>) -> Duration {
    let max_jitter_ms = 100_u64 << attempts.min(6);
    retry_after.unwrap_or_default().min(Duration::from_secs(10))
        + Duration::from_millis(fastrand::u64(20..=max_jitter_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_honours_retry_after_up_to_ten_seconds() {
        let retry_after = Some(Duration::from_secs(2));
        assert!(backoff(1, retry_after) >= Duration::from_secs(2));
        assert!(backoff(30, None) <= Duration::from_millis(6400));
        assert!(backoff(1, Some(Duration::from_hours(1))) < Duration::from_secs(11));
    }

    #[test]
    fn problem_type_is_the_last_segment() {
        let response = ApiResponse {
            path: "/v1/orders".into(),
            status: 409,
            is_replayed: false,
            request_id: None,
            content_type: None,
            body: serde_json::json!({"type": "https://stockline.dev/problems/insufficient-stock"}),
            server_errors: 0,
        };
        assert_eq!(response.problem_type(), Some("insufficient-stock"));
        assert!(
            response
                .expect_status(&[201])
                .unwrap_err()
                .to_string()
                .contains("expected 201")
        );
    }
}
