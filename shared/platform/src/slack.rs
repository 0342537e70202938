//! Posts messages to a Slack incoming webhook, at most one a second and not before the time in `Retry-After`.
//!
//! Slack's documentation of incoming webhooks and of rate limits describes the statuses and the limit.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

use stockline_application::deadline::Deadline;
use stockline_application::error_chain::error_chain;
use stockline_application::ports::alerts::{Chat, ChatError};

use crate::http_client::{self, HttpClientError};

/// The time between two messages. Slack accepts about one message a second per webhook, with short bursts above it.
pub const PACE: Duration = Duration::from_secs(1);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest time for one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The characters of a response body that an error quotes. Slack's error bodies are one word, such as `invalid_blocks`.
const MAX_QUOTED_BODY: usize = 200;

/// One incoming webhook. Its URL is a secret and appears in no log line and no error.
#[derive(Clone)]
pub struct SlackWebhook {
    client: Client,
    url: String,
    pace: Arc<Mutex<Interval>>,
}

/// The result of one attempt to post a message.
enum Attempt {
    Delivered,
    /// Temporary: the reason, and the time in `Retry-After`.
    Retry(String, Option<Duration>),
    /// Permanent: the reason.
    Rejected(String),
}

impl SlackWebhook {
    /// Posts to the webhook at `url`, with `pace` between two messages. Call it within a Tokio runtime.
    pub fn new(url: String, pace: Duration) -> Result<Self, HttpClientError> {
        let client = http_client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()?;
        let mut pace = tokio::time::interval(pace.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            client,
            url,
            pace: Arc::new(Mutex::new(pace)),
        })
    }

    async fn attempt(&self, message: &Value, timeout: Duration) -> Attempt {
        let sent = self
            .client
            .post(&self.url)
            .json(message)
            .timeout(timeout)
            .send()
            .await;
        match sent {
            Ok(response) => classify(response).await,
            Err(error) => Attempt::Retry(error_chain(&error.without_url()), None),
        }
    }
}

impl Chat for SlackWebhook {
    async fn post(&self, message: &Value, deadline: Deadline) -> Result<(), ChatError> {
        let mut failed = 0;
        let mut reason = "no time was left for an attempt".to_owned();
        loop {
            let turn = async { self.pace.lock().await.tick().await };
            if tokio::time::timeout(deadline.remaining(), turn)
                .await
                .is_err()
                || deadline.remaining().is_zero()
            {
                return Err(ChatError::Unavailable(reason));
            }
            let timeout = deadline.remaining().min(ATTEMPT_TIMEOUT);
            let retry_after = match self.attempt(message, timeout).await {
                Attempt::Delivered => return Ok(()),
                Attempt::Rejected(reason) => return Err(ChatError::Rejected(reason)),
                Attempt::Retry(why, retry_after) => {
                    reason = why;
                    retry_after
                }
            };
            failed += 1;
            tracing::warn!(reason, failed, "the attempt to post to Slack failed");
            let has_time = match retry_after {
                Some(pause) => deadline.pause(pause).await,
                None => deadline.back_off(failed).await,
            };
            if !has_time {
                return Err(ChatError::Unavailable(reason));
            }
        }
    }
}

async fn classify(response: Response) -> Attempt {
    let status = response.status();
    if status.is_success() {
        return Attempt::Delivered;
    }
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let body: String = response
        .text()
        .await
        .unwrap_or_default()
        .chars()
        .take(MAX_QUOTED_BODY)
        .collect();
    let reason = format!("Slack answered {}: {body}", status.as_u16());
    let is_temporary = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    if is_temporary {
        Attempt::Retry(reason, retry_after)
    } else {
        Attempt::Rejected(reason)
    }
}
