//! A day of one level, as its stream tells it.

mod costs;

use std::sync::Mutex;

use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};
use stockline_domain::alert::AlertKind::{self, Low, OutOfStock, Recovered, Short};
use stockline_platform::batch::{
    BatchFailures, StreamRecord, process_stream_records, stream_records,
};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::alerts::{MemoryAlerts, MemoryTopic};
use stockline_testkit::memory::shop::MemoryShop;

use super::*;

struct Store {
    watcher: LowStockAlerts<MemoryShop, MemoryAlerts, MemoryTopic, FakeClock>,
    shop: MemoryShop,
    alerts: MemoryAlerts,
    topic: MemoryTopic,
}

impl Store {
    fn new() -> Self {
        let (alerts, topic) = (MemoryAlerts::default(), MemoryTopic::default());
        let clock = FakeClock::at("2026-03-01T18:00:00Z");
        let shop = MemoryShop::default();
        Self {
            watcher: LowStockAlerts::new(shop.clone(), alerts.clone(), topic.clone(), clock),
            shop,
            alerts,
            topic,
        }
    }

    async fn sees(&self, records: Vec<StreamRecord>) -> BatchFailures {
        process_stream_records(records, |record| async move {
            self.watcher.handle(&record).await
        })
        .await
    }

    /// What was published, by kind and version of the level.
    fn told(&self) -> Vec<(AlertKind, u64)> {
        let alerts = self.topic.published();
        alerts
            .iter()
            .map(|alert| (alert.data.kind, alert.data.level_version))
            .collect()
    }

    async fn record(&self, sku: &str) -> Option<AlertRecord> {
        let key = LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: sku.parse().unwrap(),
        };
        self.alerts.find(&key).await.unwrap()
    }
}

/// `sku` at `store-1` at `version`: reorder point 10 unless it has none.
fn image(sku: &str, version: u64, on_hand: i64, allocated: i64, policy: bool) -> Value {
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
    if policy {
        image["policy"] = json!({"M": {"reorder_point": {"N": "10"}, "target_level": {"N": "40"}}});
    }
    image
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "an image is made where it is told of"
)]
fn changed(old: Option<Value>, new: Value) -> StreamRecord {
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

/// `milk` with a reorder point of 10 has `available` at `version`.
fn milk(version: u64, available: i64) -> StreamRecord {
    changed(
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
async fn the_sample_event_raises_one_alert() {
    let store = Store::new();
    assert!(store.sees(sample_event()).await.failures().is_empty());
    let published = store.topic.published();
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
async fn of_a_split_level_the_whole_counts_and_not_the_item_that_changed() {
    let store = Store::new();
    let item = |version: u64| {
        let mut image = image("milk", version, 3, 0, false);
        image["split_over"] = json!({"N": "4"});
        image["bucket"] = json!({"N": "2"});
        image["pk"] = json!({"S": "LEVEL#store-1#milk#2"});
        changed(None, image)
    };
    let whole = |version: u64, on_hand: i64| {
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
        store.shop.open().levels.insert(level.key(), level);
    };
    whole(20, 11);
    assert!(store.sees(vec![item(5)]).await.failures().is_empty());
    assert_eq!(store.told(), []);
    whole(21, 10);
    assert!(
        store
            .sees(vec![item(6), item(6)])
            .await
            .failures()
            .is_empty()
    );
    assert_eq!(store.told(), [(Low, 21)]);
}

#[tokio::test]
async fn a_day_is_told_once_per_line_and_once_when_it_is_over() {
    let store = Store::new();
    let day = [
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
    let records = day.map(|(version, available)| milk(version, available));
    assert!(store.sees(records.to_vec()).await.failures().is_empty());
    let expected = [
        (Low, 3),
        (OutOfStock, 5),
        (Short, 6),
        (Recovered, 9),
        (Low, 10),
    ];
    assert_eq!(store.told(), expected);
}

#[tokio::test]
async fn a_day_that_is_delivered_again_is_not_told_again() {
    let store = Store::new();
    let day = [(1, 40), (2, 9), (3, 30), (4, 0), (5, 30), (6, 31)];
    let records: Vec<_> = day
        .iter()
        .map(|(version, available)| milk(*version, *available))
        .collect();
    store.sees(records.clone()).await;
    let told = store.told();
    assert_eq!(
        told,
        [(Low, 2), (Recovered, 3), (OutOfStock, 4), (Recovered, 5)]
    );
    for from in 0..records.len() {
        assert!(
            store
                .sees(records[from..].to_vec())
                .await
                .failures()
                .is_empty()
        );
    }
    assert_eq!(store.told(), told);
}

#[tokio::test]
async fn an_alert_that_was_not_published_is_published_when_its_record_comes_again() {
    let store = Store::new();
    store.topic.fail_next(1);
    let records = vec![milk(1, 9)];
    assert_eq!(store.sees(records.clone()).await.failures().len(), 1);
    let pending = store.record("milk").await.unwrap().pending.unwrap();

    assert!(store.sees(records.clone()).await.failures().is_empty());
    assert_eq!(store.topic.published(), [pending]);
    assert_eq!(store.record("milk").await.unwrap().pending, None);

    store.sees(records).await;
    assert_eq!(store.told(), [(Low, 1)]);
}

#[tokio::test]
async fn an_alert_whose_record_ran_out_of_tries_is_published_before_the_next_one() {
    let store = Store::new();
    store.topic.fail_next(1);
    store.sees(vec![milk(1, 9)]).await;
    store.sees(vec![milk(2, 0)]).await;
    assert_eq!(store.told(), [(Low, 1), (OutOfStock, 2)]);
}

#[tokio::test]
async fn an_older_version_says_nothing() {
    let store = Store::new();
    store.sees(vec![milk(5, 9), milk(6, 30)]).await;
    assert!(store.sees(vec![milk(4, 0)]).await.failures().is_empty());
    assert_eq!(store.told(), [(Low, 5), (Recovered, 6)]);
}

#[tokio::test]
async fn what_is_no_news_writes_nothing() {
    let store = Store::new();
    store.sees(vec![milk(1, 40), milk(2, 39)]).await;
    assert_eq!(store.record("milk").await, None);
}

/// Another watcher of the same level writes just before this one does, once.
struct Overtaken {
    alerts: MemoryAlerts,
    by: Mutex<Option<AlertRecord>>,
}

impl AlertStore for Overtaken {
    async fn find(&self, key: &LevelKey) -> Result<Option<AlertRecord>, StoreError> {
        self.alerts.find(key).await
    }

    async fn advance(
        &self,
        key: &LevelKey,
        before: Option<u64>,
        next: &AlertRecord,
    ) -> Result<OrderUpdate, StoreError> {
        let other = self.by.lock().unwrap().take();
        if let Some(other) = other {
            self.alerts.advance(key, before, &other).await?;
        }
        self.alerts.advance(key, before, next).await
    }

    async fn published(&self, key: &LevelKey, version: u64) -> Result<(), StoreError> {
        self.alerts.published(key, version).await
    }
}

#[tokio::test]
async fn a_watcher_that_is_overtaken_decides_anew() {
    for (state, version, expected) in [(Low, 4, vec![]), (Low, 2, vec![(OutOfStock, 3)])] {
        let topic = MemoryTopic::default();
        let other = AlertRecord {
            state,
            version,
            pending: None,
        };
        let store = Overtaken {
            alerts: MemoryAlerts::default(),
            by: Mutex::new(Some(other)),
        };
        let watcher = LowStockAlerts::new(
            MemoryShop::default(),
            store,
            topic.clone(),
            FakeClock::at("2026-03-01T18:00:00Z"),
        );
        assert_eq!(watcher.handle(&milk(3, 0)).await, RecordOutcome::Done);
        let told: Vec<_> = topic
            .published()
            .iter()
            .map(|alert| (alert.data.kind, alert.data.level_version))
            .collect();
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn a_new_reorder_point_raises_an_alert_of_its_own_moment() {
    let store = Store::new();
    let before = image("milk", 4, 8, 0, false);
    let mut after = image("milk", 5, 8, 0, true);
    after["last_change"] = before["last_change"].clone();
    store.sees(vec![changed(Some(before), after)]).await;
    let published = store.topic.published();
    assert_eq!(published[0].occurred_at.to_string(), "2026-03-01T18:00:00Z");
    assert_eq!(published[0].correlation_id, published[0].id.to_string());
}

#[tokio::test]
async fn one_level_that_cannot_be_read_holds_up_no_other() {
    let store = Store::new();
    let mut broken = image("bread", 1, 0, 0, true);
    broken["on_hand"] = json!({"S": "many"});
    let mut stranger = image("eggs", 2, 0, 0, true);
    stranger["pk"] = json!({"S": "LEVEL#store-2#eggs#0"});
    let response = store
        .sees(vec![
            changed(None, broken),
            changed(None, stranger),
            milk(3, 9),
        ])
        .await;
    assert_eq!(response.failures().len(), 2);
    assert_eq!(store.told(), [(Low, 3)]);
}

#[tokio::test]
async fn its_own_records_in_the_stream_are_passed_over() {
    let store = Store::new();
    let mut own = image("milk", 1, 0, 0, true);
    own["sk"] = json!({"S": "ALERT"});
    assert!(
        store
            .sees(vec![changed(None, own)])
            .await
            .failures()
            .is_empty()
    );
    assert_eq!(store.told(), []);
}

#[tokio::test]
async fn every_alert_meets_its_schema() {
    let store = Store::new();
    let without_policy = |version, available: i64| {
        changed(
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
    store.sees(records).await;
    let schema = schema();
    assert_eq!(store.told().len(), 7);
    for alert in store.topic.published() {
        let sent = serde_json::to_value(&alert).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&sent)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{sent}: {errors:?}");
    }
}
