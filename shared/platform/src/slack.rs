//! Messages to Slack through an incoming webhook: about one a second, and no sooner than Slack asks.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

use stockline_application::deadline::Deadline;
use stockline_application::ports::alerts::{Chat, ChatError};

/// Slack takes about one message a second per webhook, with short bursts above it.
pub const PACE: Duration = Duration::from_secs(1);

/// The longest that one try waits for Slack.
const TRY: Duration = Duration::from_secs(5);

/// How much of Slack's answer goes into a reason; it answers in a word such as `invalid_blocks`.
const ANSWER: usize = 200;

/// One incoming webhook. Its address is a secret: it is in no log line and no error.
#[derive(Clone)]
pub struct SlackWebhook {
    client: Client,
    url: String,
    pace: Arc<Mutex<Interval>>,
}

/// The webhook's client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the connection to Slack cannot be set up")]
pub struct Unusable(#[source] reqwest::Error);

/// What one try came to.
enum Try {
    Delivered,
    /// Worth another try, no sooner than Slack asks.
    Again(String, Option<Duration>),
    Refused(String),
}

impl SlackWebhook {
    /// The webhook at `url`, one message per `pace`. To be made within a Tokio runtime.
    pub fn new(url: String, pace: Duration) -> Result<Self, Unusable> {
        // A provider that is installed already is as good: it is the only one in the build.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .redirect(Policy::none())
            .build()
            .map_err(Unusable)?;
        let mut pace = tokio::time::interval(pace.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            client,
            url,
            pace: Arc::new(Mutex::new(pace)),
        })
    }

    async fn attempt(&self, message: &Value, time: Duration) -> Try {
        let sent = self
            .client
            .post(&self.url)
            .json(message)
            .timeout(time)
            .send()
            .await;
        match sent {
            Ok(response) => sort(response).await,
            Err(error) => Try::Again(error_chain(&error.without_url()), None),
        }
    }
}

impl Chat for SlackWebhook {
    async fn post(&self, message: &Value, deadline: Deadline) -> Result<(), ChatError> {
        let mut tries = 0;
        let mut reason = "there was no time for a try".to_owned();
        loop {
            let paced = async { self.pace.lock().await.tick().await };
            if tokio::time::timeout(deadline.remaining(), paced)
                .await
                .is_err()
                || deadline.remaining().is_zero()
            {
                return Err(ChatError::Unavailable(reason));
            }
            let wait = match self.attempt(message, deadline.remaining().min(TRY)).await {
                Try::Delivered => return Ok(()),
                Try::Refused(answer) => return Err(ChatError::Rejected(answer)),
                Try::Again(answer, wait) => {
                    reason = answer;
                    wait
                }
            };
            tries += 1;
            tracing::warn!(reason, tries, "Slack did not take the message");
            let goes_on = match wait {
                Some(wait) if wait >= deadline.remaining() => false,
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    true
                }
                None => deadline.back_off(tries).await,
            };
            if !goes_on {
                return Err(ChatError::Unavailable(reason));
            }
        }
    }
}

async fn sort(response: Response) -> Try {
    let status = response.status();
    if status.is_success() {
        return Try::Delivered;
    }
    let wait = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let answer: String = response
        .text()
        .await
        .unwrap_or_default()
        .chars()
        .take(ANSWER)
        .collect();
    let reason = format!("Slack answered {}: {answer}", status.as_u16());
    let may_pass = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    if may_pass {
        Try::Again(reason, wait)
    } else {
        Try::Refused(reason)
    }
}

/// The error and what caused it: `reqwest` alone says only that sending failed.
fn error_chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
