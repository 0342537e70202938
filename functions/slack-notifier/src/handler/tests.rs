//! Batches of alerts and the Slack messages they become.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use stockline_application::ports::alerts::{ChatError, alert_message};
use stockline_application::ports::queue::QueueSource;
use stockline_application::store_error::StoreError;
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_platform::batch::{BatchFailures, process_queue_batch, queue_records};
use stockline_testkit::memory::alerts::MemoryChat;

use super::*;
use crate::card::SlackFormat;

/// A queue that keeps the messages sent to its dead-letter queue, by id with the reason.
#[derive(Default)]
struct Source(Mutex<Vec<(String, String)>>);

impl QueueSource for Source {
    async fn delay(&self, messages: &[(String, Duration)]) -> Result<(), StoreError> {
        assert!(messages.is_empty());
        Ok(())
    }

    async fn dead_letter(&self, record: &QueueRecord, reason: &str) -> Result<(), StoreError> {
        let rejected = (record.message_id.clone(), reason.to_owned());
        self.0.lock().unwrap().push(rejected);
        Ok(())
    }
}

/// Posts `records`, of which none may be rejected.
async fn notify(chat: &MemoryChat, records: Vec<QueueRecord>) -> BatchFailures {
    let (failures, rejected) = notify_or_reject(chat, records).await;
    assert!(rejected.is_empty(), "{rejected:?}");
    failures
}

/// Returns the failures, and the rejected messages by id with the reason.
async fn notify_or_reject(
    chat: &MemoryChat,
    records: Vec<QueueRecord>,
) -> (BatchFailures, Vec<(String, String)>) {
    let format = SlackFormat {
        dashboard_url: "https://stock.example/board?a=1&b=2".to_owned(),
    };
    let notifier = SlackNotifier::new(chat.clone(), format);
    let notifier = &notifier;
    let source = Source::default();
    let handle = |records: Vec<QueueRecord>| async move { notifier.handle(&records).await };
    let failures = process_queue_batch(records, &source, handle).await;
    (failures, source.0.into_inner().unwrap())
}

fn ids(rejected: &[(String, String)]) -> Vec<&str> {
    rejected.iter().map(|(id, _)| id.as_str()).collect()
}

fn sample(text: &str) -> Vec<QueueRecord> {
    queue_records(serde_json::from_str(text).unwrap())
}

fn digest_event() -> Vec<QueueRecord> {
    sample(include_str!(
        "../../../../events/slack-notifier.digest.json"
    ))
}

fn record(id: &str, body: String) -> QueueRecord {
    QueueRecord {
        message_id: id.to_owned(),
        group: None,
        receipt: String::new(),
        body,
        receive_count: 1,
    }
}

fn alert(number: u64, kind: AlertKind) -> QueueRecord {
    let alert = StockAlert {
        location_id: "store-1".parse().unwrap(),
        sku: format!("sku-{number}").parse().unwrap(),
        kind,
        severity: kind.severity(),
        available: 3,
        reorder_point: Some(5),
        level_version: number,
    };
    let message = alert_message(
        alert,
        "2026-03-01T12:00:00Z".parse().unwrap(),
        "cause".to_owned(),
    );
    record(
        &number.to_string(),
        serde_json::to_string(&message).unwrap(),
    )
}

fn texts(message: &Value) -> Vec<&str> {
    let blocks = message["blocks"].as_array().unwrap().iter();
    blocks
        .map(|block| {
            block["text"]["text"]
                .as_str()
                .or(block["elements"][0]["text"].as_str())
                .unwrap()
        })
        .collect()
}

#[tokio::test]
async fn single_alert_is_posted_as_a_card() {
    let chat = MemoryChat::default();
    let event = sample(include_str!("../../../../events/slack-notifier.json"));
    assert!(notify(&chat, event).await.failures().is_empty());
    assert_eq!(
        chat.posted(),
        [json!({
            "text": "🟠 *Low stock* · `milk` at `store-1` · 9 available, reorder point 10",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "🟠 Low stock", "emoji": true}},
                {"type": "section", "text": {"type": "mrkdwn", "text":
                    "`milk` at `store-1`\n9 available, reorder point 10\n\
                     <!date^1772366401^{date_short_pretty} {time}|2026-03-01 12:00 UTC>"}},
                {"type": "context", "elements": [{"type": "mrkdwn", "text":
                    "<https://stock.example/board?a=1&amp;b=2|Open the dashboard>"}]},
            ],
        })]
    );
}

#[tokio::test]
async fn several_alerts_form_one_digest_by_severity() {
    let chat = MemoryChat::default();
    assert!(notify(&chat, digest_event()).await.failures().is_empty());
    let posted = chat.posted();
    assert_eq!(posted.len(), 1);
    assert_eq!(
        texts(&posted[0]),
        [
            "🔴 4 stock alerts",
            "🔴 2 critical   🟠 1 low   🟢 1 recovered",
            "🔴 *Short: less sellable stock than allocated* · `butter` at `store-1` · -2 available",
            "🔴 *Out of stock* · `bread` at `store-1` · 0 available, reorder point 6",
            "🟠 *Low stock* · `milk` at `store-1` · 9 available, reorder point 10",
            "🟢 *Back in stock* · `eggs` at `store-1` · 48 available, reorder point 12",
            "<https://stock.example/board?a=1&amp;b=2|Open the dashboard>",
        ]
    );
    assert_eq!(
        posted[0]["text"],
        "🔴 4 stock alerts: 🔴 2 critical   🟠 1 low   🟢 1 recovered"
    );
}

#[tokio::test]
async fn large_digest_stays_within_slack_limits() {
    let chat = MemoryChat::default();
    let alerts = (1..=300)
        .map(|number| alert(number, AlertKind::Low))
        .collect();
    assert!(notify(&chat, alerts).await.failures().is_empty());
    let posted = chat.posted();
    assert_eq!(posted.len(), 1);
    let texts = texts(&posted[0]);
    assert!(texts.len() <= 50 && texts.iter().all(|text| text.chars().count() <= 3000));
    assert!(texts[0].chars().count() <= 150);
    assert_eq!(
        texts.iter().filter(|text| text.contains("`sku-")).count(),
        20
    );
    assert!(texts.contains(&"and 280 more"), "{texts:?}");
}

#[tokio::test]
async fn duplicate_alert_in_a_batch_is_shown_once() {
    let chat = MemoryChat::default();
    let batch = vec![alert(1, AlertKind::Low), alert(1, AlertKind::Low)];
    assert!(notify(&chat, batch).await.failures().is_empty());
    assert_eq!(
        chat.posted()[0]["blocks"][0]["text"]["text"],
        "🟠 Low stock"
    );
}

#[tokio::test]
async fn unreadable_messages_fail_alone() {
    let chat = MemoryChat::default();
    let other = r#"{"type":"task.queued","version":1,"id":"5c3f8b2e-91aa-5d0c-8f6e-000000000001","data":{}}"#;
    let batch = vec![
        record("broken", "{".to_owned()),
        alert(1, AlertKind::Low),
        record("other", other.to_owned()),
    ];
    let (failures, rejected) = notify_or_reject(&chat, batch).await;
    assert!(failures.failures().is_empty());
    assert_eq!(ids(&rejected), ["broken", "other"]);
    assert_eq!(chat.posted().len(), 1);
}

#[tokio::test]
async fn batch_without_readable_alerts_posts_nothing() {
    let chat = MemoryChat::default();
    let batch = vec![record("broken", "{}".to_owned())];
    let (failures, rejected) = notify_or_reject(&chat, batch).await;
    assert!(failures.failures().is_empty());
    assert_eq!(ids(&rejected), ["broken"]);
    assert!(chat.posted().is_empty());
}

#[tokio::test]
async fn undelivered_batch_returns_to_the_queue() {
    let chat = MemoryChat::default();
    chat.fail_next_with(ChatError::Unavailable("Slack answered 429".to_owned()));
    let batch = vec![alert(1, AlertKind::Low), alert(2, AlertKind::Short)];
    assert_eq!(notify(&chat, batch.clone()).await.failures(), ["1", "2"]);
    assert!(notify(&chat, batch).await.failures().is_empty());
    assert_eq!(chat.posted().len(), 1);
}

#[tokio::test]
async fn refused_digest_is_posted_alert_by_alert() {
    let chat = MemoryChat::default();
    let refusal = "Slack answered 400: invalid_blocks";
    // The digest and the first of its alerts are refused.
    for _ in 0..2 {
        chat.fail_next_with(ChatError::Rejected(refusal.to_owned()));
    }
    let batch = vec![
        alert(1, AlertKind::Low),
        alert(2, AlertKind::Short),
        alert(1, AlertKind::Low),
        alert(3, AlertKind::Low),
    ];
    let (failures, rejected) = notify_or_reject(&chat, batch).await;
    assert!(failures.failures().is_empty());
    // The duplicate of the refused alert is rejected like the alert itself.
    let refused = ("1".to_owned(), refusal.to_owned());
    assert_eq!(rejected, [refused.clone(), refused]);
    let posted = chat.posted();
    let shown: Vec<&str> = posted.iter().map(|message| texts(message)[1]).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown[0].contains("`sku-2`") && shown[1].contains("`sku-3`"));
}

#[test]
fn sample_alerts_match_the_schema() {
    let text = include_str!("../../../../events/schemas/stock.alert.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
    for record in digest_event() {
        let body: Value = serde_json::from_str(&record.body).unwrap();
        assert!(schema.is_valid(&body), "{body}");
        let again = serde_json::to_value(read_alert(&record.body).unwrap()).unwrap();
        assert_eq!(again, body);
    }
}
