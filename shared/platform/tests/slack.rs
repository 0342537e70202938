//! The Slack gateway against a mock server that responds as Slack documents.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stockline_application::deadline::Deadline;
use stockline_application::ports::alerts::{Chat, ChatError};
use stockline_platform::slack::SlackWebhook;
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The minimum time between two messages.
const PACE: Duration = Duration::from_millis(20);

/// A mock Slack that returns each of `responses` once, in order.
async fn slack(responses: &[ResponseTemplate]) -> MockServer {
    let server = MockServer::start().await;
    for response in responses {
        Mock::given(method("POST"))
            .and(path("/services/secret"))
            .and(header("content-type", "application/json"))
            .and(body_json(message()))
            .respond_with(response.clone())
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    server
}

fn webhook(server: &MockServer) -> SlackWebhook {
    SlackWebhook::new(format!("{}/services/secret", server.uri()), PACE).unwrap()
}

fn message() -> Value {
    json!({"text": "milk is out", "blocks": []})
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string("ok")
}

fn in_five_seconds() -> Deadline {
    Deadline::within(Duration::from_secs(5))
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn message_is_posted_once() {
    let server = slack(&[ok()]).await;
    assert_eq!(
        webhook(&server).post(&message(), in_five_seconds()).await,
        Ok(())
    );
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn server_error_is_retried() {
    let server = slack(&[ResponseTemplate::new(503), ResponseTemplate::new(500), ok()]).await;
    assert_eq!(
        webhook(&server).post(&message(), in_five_seconds()).await,
        Ok(())
    );
    assert_eq!(requests(&server).await, 3);
}

#[tokio::test]
async fn retry_waits_for_retry_after() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "1");
    let server = slack(&[busy, ok()]).await;
    let started = Instant::now();
    assert_eq!(
        webhook(&server).post(&message(), in_five_seconds()).await,
        Ok(())
    );
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn retry_after_beyond_the_deadline_is_left_to_the_queue() {
    let busy = ResponseTemplate::new(429)
        .insert_header("retry-after", "30")
        .set_body_string("rate_limited");
    let server = slack(&[busy]).await;
    let started = Instant::now();
    let result = webhook(&server).post(&message(), in_five_seconds()).await;
    assert_eq!(
        result,
        Err(ChatError::Unavailable(
            "Slack answered 429: rate_limited".to_owned()
        ))
    );
    assert!(started.elapsed() < Duration::from_secs(4));
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn lasting_server_error_is_left_to_the_queue() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(502))
        .mount(&server)
        .await;
    let deadline = Deadline::within(Duration::from_millis(300));
    let result = webhook(&server).post(&message(), deadline).await;
    assert_eq!(
        result,
        Err(ChatError::Unavailable("Slack answered 502: ".to_owned()))
    );
    assert!(requests(&server).await > 1);
}

#[tokio::test]
async fn client_error_is_not_retried() {
    for (status, body) in [
        (400, "invalid_blocks"),
        (403, "action_prohibited"),
        (404, "no_service"),
        (302, ""),
    ] {
        let server = slack(&[ResponseTemplate::new(status).set_body_string(body)]).await;
        let result = webhook(&server).post(&message(), in_five_seconds()).await;
        let reason = format!("Slack answered {status}: {body}");
        assert_eq!(result, Err(ChatError::Rejected(reason)));
        assert_eq!(requests(&server).await, 1);
    }
}

#[tokio::test]
async fn messages_keep_the_minimum_pace() {
    let server = slack(&[ok(), ok(), ok()]).await;
    let webhook = SlackWebhook::new(
        format!("{}/services/secret", server.uri()),
        Duration::from_millis(200),
    )
    .unwrap();
    let started = Instant::now();
    let message = message();
    let posts = (0..3).map(|_| webhook.post(&message, in_five_seconds()));
    assert_eq!(
        futures::future::join_all(posts).await,
        [Ok(()), Ok(()), Ok(())]
    );
    assert!(
        started.elapsed() >= Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn connection_error_hides_the_webhook_url() {
    // Nothing listens on port 9 (discard), and an IP address needs no name resolution.
    let webhook = SlackWebhook::new("http://127.0.0.1:9/services/secret".to_owned(), PACE).unwrap();
    let result = webhook
        .post(&message(), Deadline::within(Duration::from_millis(100)))
        .await;
    let Err(ChatError::Unavailable(reason)) = result else {
        panic!("{result:?}");
    };
    assert!(!reason.contains("secret"), "{reason}");
}
