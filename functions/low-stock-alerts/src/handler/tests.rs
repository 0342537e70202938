//! Stream records of levels and the alerts they raise.

mod conflicts;
mod costs;
mod reorders;

use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};
use stockline_application::ports::alerts::AlertRecord;
use stockline_domain::alert::AlertKind::{self, Low, OutOfStock, Recovered, Short};
use stockline_domain::level::LevelKey;
use stockline_platform::batch::{
    BatchFailures, StreamRecord, process_stream_records, stream_records,
};
use stockline_platform::dynamodb::stock::level_change;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::alerts::{MemoryAlerts, MemoryTopic};
use stockline_testkit::memory::replenishment::MemoryReorders;
use stockline_testkit::memory::shop::MemoryShop;

use super::*;

struct Fixture {
    alerter: StockAlerter<MemoryShop, MemoryAlerts, MemoryTopic, MemoryReorders, FakeClock>,
    shop: MemoryShop,
    alerts: MemoryAlerts,
    topic: MemoryTopic,
    reorders: MemoryReorders,
}

impl Fixture {
    fn new() -> Self {
        let (alerts, topic) = (MemoryAlerts::default(), MemoryTopic::default());
        let clock = FakeClock::at("2026-03-01T18:00:00Z");
        let shop = MemoryShop::default();
        let reorders = MemoryReorders::default();
        Self {
            alerter: StockAlerter {
                levels: shop.clone(),
                alerts: alerts.clone(),
                topic: topic.clone(),
                reorders: reorders.clone(),
                clock,
            },
            shop,
            alerts,
            topic,
            reorders,
        }
    }

    async fn process(&self, records: Vec<StreamRecord>) -> BatchFailures {
        process_stream_records(records, level_change, |change| {
            handle(&self.alerter, change)
        })
        .await
    }

    /// The published alerts: kind and level version.
    fn published_alerts(&self) -> Vec<(AlertKind, u64)> {
        let alerts = self.topic.published();
        alerts
            .iter()
            .map(|alert| (alert.data.kind, alert.data.level_version))
            .collect()
    }

    async fn alert_record(&self, sku: &str) -> Option<AlertRecord> {
        let key = LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: sku.parse().unwrap(),
        };
        self.alerts.find(&key).await.unwrap()
    }
}

/// The image of a level at `store-1`; its policy has the reorder point 10.
fn image(sku: &str, version: u64, on_hand: i64, allocated: i64, has_policy: bool) -> Value {
    let movement = format!("00000000-0000-5000-8000-{version:012}");
    let number = |value: i64| json!({"N": value.to_string()});
    let mut image = json!({
        "pk": {"S": format!("LEVEL#store-1#{sku}#0")}, "sk": {"S": "LEVEL"},
        "location_id": {"S": "store-1"}, "sku": {"S": sku},
        "on_hand": number(on_hand), "allocated": number(allocated), "available": number(on_hand - allocated),
        "version": {"N": version.to_string()},
        "last_change": {"M": {
            "movement_id": {"S": movement}, "kind": {"S": "sale"},
            "on_hand_delta": number(-1), "allocated_delta": number(0),
            "occurred_at": {"S": "2026-03-01T12:00:00.000Z"}, "recorded_at": {"S": "2026-03-01T12:00:01.250Z"},
        }},
    });
    if has_policy {
        image["policy"] = json!({"M": {"reorder_point": {"N": "10"}, "target_level": {"N": "40"}}});
    }
    image
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "callers build the image in the call"
)]
fn stream_record(old: Option<Value>, new: Value) -> StreamRecord {
    let mut record = json!({
        "eventName": "MODIFY", "eventID": "1", "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_772_366_401, "SizeBytes": 640, "SequenceNumber": format!("{}", new["version"]["N"]),
            "Keys": {"pk": new["pk"], "sk": new["sk"]}, "NewImage": new,
        },
    });
    if let Some(old) = old {
        record["dynamodb"]["OldImage"] = old;
    }
    let event: Event = serde_json::from_value(json!({ "Records": [record] })).unwrap();
    stream_records(event).remove(0)
}

/// A record of milk with `available` and the reorder point 10.
fn milk(version: u64, available: i64) -> StreamRecord {
    stream_record(
        None,
        image("milk", version, available.max(0), (-available).max(0), true),
    )
}

fn sample_event() -> Vec<StreamRecord> {
    let text = include_str!("../../../../events/low-stock-alerts.json");
    stream_records(serde_json::from_str(text).unwrap())
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../events/schemas/stock.alert.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

#[tokio::test]
async fn sample_event_raises_one_alert() {
    let fixture = Fixture::new();
    assert!(fixture.process(sample_event()).await.failures().is_empty());
    let published = fixture.topic.published();
    assert_eq!(
        serde_json::to_value(&published).unwrap(),
        json!([{
            "type": "stock.alert", "version": 1, "id": published[0].data.id().to_string(),
            "occurred_at": "2026-03-01T12:00:01.250Z", "correlation_id": "1b1f4f1e-6c0d-5a52-9c7e-2f8f4f0c9a07",
            "data": {
                "location_id": "store-1", "sku": "milk", "kind": "low", "severity": "warning",
                "available": 9, "reorder_point": 10, "level_version": 7,
            },
        }])
    );
}

#[tokio::test]
async fn split_level_is_evaluated_by_its_total() {
    let fixture = Fixture::new();
    let bucket_record = |version: u64| {
        let mut image = image("milk", version, 3, 0, false);
        image["split_over"] = json!({"N": "4"});
        image["bucket"] = json!({"N": "2"});
        image["pk"] = json!({"S": "LEVEL#store-1#milk#2"});
        stream_record(None, image)
    };
    let set_total = |version: u64, on_hand: i64| {
        let policy = json!({"reorder_point": 10, "target_level": 40, "buckets": 4});
        let level = Level {
            on_hand,
            version,
            policy: serde_json::from_value(policy).unwrap(),
            ..Level::empty(&LevelKey {
                location_id: "store-1".parse().unwrap(),
                sku: "milk".parse().unwrap(),
            })
        };
        fixture.shop.lock().levels.insert(level.key(), level);
    };
    set_total(20, 11);
    assert!(
        fixture
            .process(vec![bucket_record(5)])
            .await
            .failures()
            .is_empty()
    );
    assert_eq!(fixture.published_alerts(), []);
    set_total(21, 10);
    assert!(
        fixture
            .process(vec![bucket_record(6), bucket_record(6)])
            .await
            .failures()
            .is_empty()
    );
    assert_eq!(fixture.published_alerts(), [(Low, 21)]);
}

#[tokio::test]
async fn each_crossing_is_alerted_once() {
    let fixture = Fixture::new();
    let quantities = [
        (1, 40),
        (2, 11),
        (3, 10),
        (4, 3),
        (5, 0),
        (6, -1),
        (7, 8),
        (8, 11),
        (9, 40),
        (10, 9),
    ];
    let records = quantities.map(|(version, available)| milk(version, available));
    assert!(
        fixture
            .process(records.to_vec())
            .await
            .failures()
            .is_empty()
    );
    let expected = [
        (Low, 3),
        (OutOfStock, 5),
        (Short, 6),
        (Recovered, 9),
        (Low, 10),
    ];
    assert_eq!(fixture.published_alerts(), expected);
}

#[tokio::test]
async fn redelivered_records_publish_no_second_alert() {
    let fixture = Fixture::new();
    let quantities = [(1, 40), (2, 9), (3, 30), (4, 0), (5, 30), (6, 31)];
    let records: Vec<_> = quantities
        .iter()
        .map(|(version, available)| milk(*version, *available))
        .collect();
    fixture.process(records.clone()).await;
    let published = fixture.published_alerts();
    assert_eq!(
        published,
        [(Low, 2), (Recovered, 3), (OutOfStock, 4), (Recovered, 5)]
    );
    for from in 0..records.len() {
        assert!(
            fixture
                .process(records[from..].to_vec())
                .await
                .failures()
                .is_empty()
        );
    }
    assert_eq!(fixture.published_alerts(), published);
}

#[tokio::test]
async fn failed_publish_is_retried_with_its_record() {
    let fixture = Fixture::new();
    fixture.topic.fail_next(1);
    let records = vec![milk(1, 9)];
    assert_eq!(fixture.process(records.clone()).await.failures().len(), 1);
    let pending = fixture.alert_record("milk").await.unwrap().pending.unwrap();

    assert!(fixture.process(records.clone()).await.failures().is_empty());
    assert_eq!(fixture.topic.published(), [pending]);
    assert_eq!(fixture.alert_record("milk").await.unwrap().pending, None);

    fixture.process(records).await;
    assert_eq!(fixture.published_alerts(), [(Low, 1)]);
}

#[tokio::test]
async fn pending_alert_is_published_before_the_next() {
    let fixture = Fixture::new();
    fixture.topic.fail_next(1);
    fixture.process(vec![milk(1, 9)]).await;
    fixture.process(vec![milk(2, 0)]).await;
    assert_eq!(fixture.published_alerts(), [(Low, 1), (OutOfStock, 2)]);
}

#[tokio::test]
async fn older_level_version_raises_no_alert() {
    let fixture = Fixture::new();
    fixture.process(vec![milk(5, 9), milk(6, 30)]).await;
    assert!(
        fixture
            .process(vec![milk(4, 0)])
            .await
            .failures()
            .is_empty()
    );
    assert_eq!(fixture.published_alerts(), [(Low, 5), (Recovered, 6)]);
}

#[tokio::test]
async fn unchanged_state_writes_no_record() {
    let fixture = Fixture::new();
    fixture.process(vec![milk(1, 40), milk(2, 39)]).await;
    assert_eq!(fixture.alert_record("milk").await, None);
}

#[tokio::test]
async fn policy_change_alert_uses_the_current_time() {
    let fixture = Fixture::new();
    let before = image("milk", 4, 8, 0, false);
    let mut after = image("milk", 5, 8, 0, true);
    after["last_change"] = before["last_change"].clone();
    fixture
        .process(vec![stream_record(Some(before), after)])
        .await;
    let published = fixture.topic.published();
    assert_eq!(published[0].occurred_at.to_string(), "2026-03-01T18:00:00Z");
    assert_eq!(published[0].correlation_id, published[0].id.to_string());
}

#[tokio::test]
async fn unreadable_level_does_not_block_others() {
    let fixture = Fixture::new();
    let mut broken = image("bread", 1, 0, 0, true);
    broken["on_hand"] = json!({"S": "many"});
    let mut mismatched = image("eggs", 2, 0, 0, true);
    mismatched["pk"] = json!({"S": "LEVEL#store-2#eggs#0"});
    let response = fixture
        .process(vec![
            stream_record(None, broken),
            stream_record(None, mismatched),
            milk(3, 9),
        ])
        .await;
    assert_eq!(response.failures().len(), 2);
    assert_eq!(fixture.published_alerts(), [(Low, 3)]);
}

#[tokio::test]
async fn alert_records_in_the_stream_are_ignored() {
    let fixture = Fixture::new();
    let mut own = image("milk", 1, 0, 0, true);
    own["sk"] = json!({"S": "ALERT"});
    assert!(
        fixture
            .process(vec![stream_record(None, own)])
            .await
            .failures()
            .is_empty()
    );
    assert_eq!(fixture.published_alerts(), []);
}

#[tokio::test]
async fn published_alerts_match_the_schema() {
    let fixture = Fixture::new();
    let without_policy = |version, available: i64| {
        stream_record(
            None,
            image(
                "bread",
                version,
                available.max(0),
                (-available).max(0),
                false,
            ),
        )
    };
    let mut records = vec![milk(1, 9), milk(2, 0), milk(3, -1), milk(4, 40)];
    records.extend([
        without_policy(1, 0),
        without_policy(2, -3),
        without_policy(3, 9),
    ]);
    fixture.process(records).await;
    let schema = schema();
    assert_eq!(fixture.published_alerts().len(), 7);
    for alert in fixture.topic.published() {
        let sent = serde_json::to_value(&alert).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&sent)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{sent}: {errors:?}");
    }
}
