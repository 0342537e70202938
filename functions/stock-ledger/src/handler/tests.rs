//! The stream tells what happened to levels; the ledger keeps it.

mod costs;

use aws_lambda_events::dynamodb::Event;
use serde_json::json;
use stockline_application::store_error::StoreError;
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::stock_change::StockChange;
use stockline_platform::batch::{BatchFailures, process_stream_records, stream_records};
use stockline_platform::keys;
use stockline_testkit::memory::shop::MemoryShop;

use super::*;

/// A ledger whose table throttles.
struct Busy;

impl Ledger for Busy {
    async fn record(&self, _: &Movement) -> Result<RecordMovementOutcome, StoreError> {
        Err(StoreError::Busy)
    }
}

fn milk() -> LevelKey {
    LevelKey {
        location_id: "store-1".parse().unwrap(),
        sku: "milk".parse().unwrap(),
    }
}

/// The levels of milk that receipts of `quantities` lead to, from an empty one on.
fn received(quantities: &[i64]) -> Vec<Level> {
    let mut levels = vec![Level::empty(&milk())];
    for (index, quantity) in quantities.iter().enumerate() {
        let body = json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity});
        let receipt: StockChange = serde_json::from_value(body).unwrap();
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let before = levels[index].clone();
        levels.extend(
            receipt
                .apply(&[before], 0, RequestId::derive("till", "1"), index, now)
                .unwrap(),
        );
    }
    levels
}

fn told(sequence: u64, before: Option<&Level>, after: Option<&Level>) -> StreamRecord {
    let image = |level: &Level| serde_dynamo::to_item(level).unwrap();
    StreamRecord::new(
        keys::level(&milk()),
        sequence.to_string(),
        before.map(image),
        after.map(image),
    )
}

/// The stream's records of `levels`, each made from the one before.
fn story(levels: &[Level]) -> Vec<StreamRecord> {
    (1..)
        .zip(levels.windows(2))
        .map(|(sequence, pair)| told(sequence, (sequence > 1).then_some(&pair[0]), Some(&pair[1])))
        .collect()
}

async fn drain(ledger: &MemoryShop, records: Vec<StreamRecord>) -> BatchFailures {
    process_stream_records(records, |told| record(ledger, told)).await
}

fn kept(ledger: &MemoryShop) -> Vec<Movement> {
    ledger.open().movements.clone()
}

#[tokio::test]
async fn every_change_is_one_movement_and_they_add_up_to_the_level() {
    let (ledger, levels) = (MemoryShop::default(), received(&[5, 7, 1]));
    assert!(drain(&ledger, story(&levels)).await.failures().is_empty());
    let movements = kept(&ledger);
    let versions: Vec<u64> = movements.iter().map(|movement| movement.version).collect();
    assert_eq!(versions, [1, 2, 3]);
    let sum: i64 = movements
        .iter()
        .map(|movement| movement.change.on_hand_delta)
        .sum();
    assert_eq!(sum, levels[3].on_hand);
}

#[tokio::test]
async fn a_stream_that_repeats_itself_changes_nothing() {
    let (ledger, levels) = (MemoryShop::default(), received(&[5, 7]));
    drain(&ledger, story(&levels)).await;
    let once = kept(&ledger);
    let mut again = story(&levels);
    again.reverse();
    assert!(drain(&ledger, again).await.failures().is_empty());
    assert_eq!(kept(&ledger), once);
}

#[tokio::test]
async fn a_policy_and_what_is_no_level_are_no_movements() {
    let (ledger, levels) = (MemoryShop::default(), received(&[5]));
    let mut with_policy = levels[1].clone();
    with_policy.version += 1;
    let policy = told(1, Some(&levels[1]), Some(&with_policy));
    let alert = StreamRecord::new(keys::alert(&milk()), "2".to_owned(), None, None);
    let untouched = told(3, None, Some(&levels[0]));
    assert!(
        drain(&ledger, vec![policy, alert, untouched])
            .await
            .failures()
            .is_empty()
    );
    assert!(kept(&ledger).is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_or_contradicts_the_ledger_is_rejected_and_told_apart_from_a_busy_table()
 {
    let (ledger, levels) = (MemoryShop::default(), received(&[5]));
    let poison = StreamRecord::new(
        keys::level(&milk()),
        "1".to_owned(),
        None,
        Some(serde_dynamo::to_item(json!({"on_hand": "five"})).unwrap()),
    );
    assert!(matches!(
        record(&ledger, poison).await,
        RecordOutcome::Reject(_)
    ));
    let deleted = told(2, Some(&levels[1]), None);
    assert!(matches!(
        record(&ledger, deleted).await,
        RecordOutcome::Reject(_)
    ));

    assert_eq!(
        record(&ledger, told(3, None, Some(&levels[1]))).await,
        RecordOutcome::Done
    );
    let mut other = received(&[6, 1]).remove(2);
    other.version = 1;
    let contradiction = told(4, None, Some(&other));
    assert!(matches!(
        record(&ledger, contradiction).await,
        RecordOutcome::Reject(_)
    ));

    let later = record(&Busy, told(5, None, Some(&levels[1]))).await;
    assert_eq!(later, RecordOutcome::Retry("the store is busy".to_owned()));
}

#[tokio::test]
async fn the_sample_event_is_a_receipt_a_sale_and_a_policy() {
    let event: Event =
        serde_json::from_str(include_str!("../../../../events/stock-ledger.json")).unwrap();
    let ledger = MemoryShop::default();
    assert!(
        drain(&ledger, stream_records(event))
            .await
            .failures()
            .is_empty()
    );
    let seen: Vec<_> = kept(&ledger)
        .into_iter()
        .map(|movement| (movement.change.kind.as_str(), movement.on_hand))
        .collect();
    assert_eq!(seen, [("receipt", 24), ("sale", 22)]);
}
