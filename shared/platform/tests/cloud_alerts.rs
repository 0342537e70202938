//! The alert store on DynamoDB conforms, and alerts on SNS reach the queues that their filters select.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};
use stockline_application::ports::alerts::{
    AlertPublisher, AlertRecord, AlertStore, AlertWriteOutcome, alert_message, read_alert,
};
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::level::LevelKey;
use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::sns::SnsAlerts;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance_tests;
use stockline_testkit::lossy_connection::LossyConnection;

conformance_tests!(alerts, dynamodb, alert_store().await);

async fn alert_store() -> Option<DynamoAlerts> {
    let cloud = TestCloud::find()?;
    let table = cloud.table("alerts", Table::Stock).await;
    Some(DynamoAlerts::new(cloud.aws().dynamodb(), table))
}

/// A record with a pending alert that milk is short.
fn short_milk(version: u64) -> AlertRecord {
    let alert = StockAlert {
        location_id: "store-1".parse().unwrap(),
        sku: "milk".parse().unwrap(),
        kind: AlertKind::Short,
        severity: AlertKind::Short.severity(),
        available: -2,
        reorder_point: None,
        level_version: version,
    };
    let at = "2026-03-01T12:00:00Z".parse().unwrap();
    AlertRecord {
        state: AlertKind::Short,
        version,
        pending: Some(alert_message(alert, at, "cause".to_owned())),
    }
}

#[tokio::test]
async fn record_with_lost_responses_is_no_conflict() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("alerts-lost", Table::Stock).await;
    let connection = LossyConnection::new();
    let store = DynamoAlerts::new(cloud.aws_over(&connection).dynamodb(), table);
    let key = LevelKey {
        location_id: "store-1".parse().unwrap(),
        sku: "milk".parse().unwrap(),
    };
    connection.lose_next(1);
    assert_eq!(
        store.replace(&key, None, &short_milk(7)).await.unwrap(),
        AlertWriteOutcome::Written
    );
    connection.lose_next(1);
    store.mark_published(&key, 7).await.unwrap();
    assert_eq!(connection.lost_count(), 2);
    let found = store.find(&key).await.unwrap().unwrap();
    assert_eq!(
        found,
        AlertRecord {
            pending: None,
            ..short_milk(7)
        }
    );
}

#[tokio::test]
async fn alert_reaches_only_queues_with_a_matching_filter() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let (sns, sqs) = (cloud.aws().sns(), cloud.aws().sqs());
    let name = format!("test-alerts-{}", std::process::id());
    let topic = sns
        .create_topic()
        .name(&name)
        .send()
        .await
        .unwrap()
        .topic_arn
        .unwrap();
    let mut queues = Vec::new();
    for (suffix, filter) in [
        ("short", r#"{"kind":["short"]}"#),
        ("low", r#"{"kind":["low"]}"#),
    ] {
        let url = sqs
            .create_queue()
            .queue_name(format!("{name}-{suffix}"))
            .send()
            .await
            .unwrap()
            .queue_url
            .unwrap();
        let attributes = sqs
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names("QueueArn".into())
            .send()
            .await
            .unwrap();
        let arn = &attributes.attributes.unwrap()[&"QueueArn".into()];
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": arn,
        }]});
        sqs.set_queue_attributes()
            .queue_url(&url)
            .attributes("Policy".into(), policy.to_string())
            .send()
            .await
            .unwrap();
        sns.subscribe()
            .topic_arn(&topic)
            .protocol("sqs")
            .endpoint(arn)
            .attributes("RawMessageDelivery", "true")
            .attributes("FilterPolicy", filter)
            .send()
            .await
            .unwrap();
        queues.push(url);
    }

    let sent = short_milk(7).pending.unwrap();
    SnsAlerts::new(sns, topic).publish(&sent).await.unwrap();

    let received = sqs
        .receive_message()
        .queue_url(&queues[0])
        .wait_time_seconds(3)
        .message_attribute_names("All")
        .send()
        .await
        .unwrap();
    let message = &received.messages()[0];
    let body = message.body().unwrap();
    assert_eq!(read_alert(body).unwrap(), sent);
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap()["data"]["available"],
        -2
    );
    let attribute = |name: &str| {
        message.message_attributes().unwrap()[name]
            .string_value()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        (
            attribute("location_id"),
            attribute("severity"),
            attribute("kind")
        ),
        (
            "store-1".to_owned(),
            "critical".to_owned(),
            "short".to_owned()
        )
    );
    let filtered = sqs
        .receive_message()
        .queue_url(&queues[1])
        .wait_time_seconds(0)
        .send()
        .await
        .unwrap();
    assert!(filtered.messages().is_empty());
}
