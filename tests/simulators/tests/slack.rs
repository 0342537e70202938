//! The Slack stand-in, called as `slack-notifier` calls it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use stockline_simulators::api::ApiClient;
use stockline_simulators::slack::Slack;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

async fn post(slack: &Slack, path: &str, body: &Value) -> u16 {
    let http = plain_client();
    let url = format!("http://{}{path}", slack.address());
    http.post(url)
        .json(body)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

fn plain_client() -> reqwest::Client {
    // Creating a client installs the TLS provider that every `reqwest` client needs.
    ApiClient::new("http://127.0.0.1", "none").unwrap();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn alert() -> Value {
    json!({"text": "Low stock", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "milk"}}]})
}

#[tokio::test]
async fn valid_message_is_kept_and_invalid_one_is_rejected() {
    let slack = Slack::listen(ANY_PORT, "/slack", Duration::ZERO)
        .await
        .unwrap();

    assert_eq!(post(&slack, "/slack", &alert()).await, 200);
    assert_eq!(
        post(&slack, "/slack", &json!({"text": "no blocks"})).await,
        400
    );
    assert_eq!(post(&slack, "/elsewhere", &alert()).await, 404);

    let received = slack.received();
    assert_eq!(received.messages, [alert()]);
    assert_eq!(received.refused.len(), 1);
}

#[tokio::test]
async fn message_within_min_interval_is_rate_limited() {
    let slack = Slack::listen(ANY_PORT, "/slack", Duration::from_mins(1))
        .await
        .unwrap();

    assert_eq!(post(&slack, "/slack", &alert()).await, 200);
    assert_eq!(post(&slack, "/slack", &alert()).await, 429);

    let received = slack.received();
    assert_eq!((received.messages.len(), received.throttled), (1, 1));
}
