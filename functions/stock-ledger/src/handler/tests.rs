//! Stream records of levels and the movements they record.

mod costs;

use aws_lambda_events::dynamodb::Event;
use serde_json::json;
use stockline_application::ports::stock::RecordMovementOutcome;
use stockline_application::store_error::StoreError;
use stockline_domain::ids::RequestId;
use stockline_domain::level::{LevelKey, Movement};
use stockline_domain::stock_change::{ChangeContext, RequestedChange};
use stockline_platform::batch::{
    BatchFailures, StreamRecord, process_stream_records, stream_records,
};
use stockline_platform::dynamodb::stock::level_change;
use stockline_platform::keys;
use stockline_testkit::memory::shop::MemoryShop;

use super::*;

/// A ledger whose table throttles every write.
struct ThrottledLedger;

impl Ledger for ThrottledLedger {
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

/// The states of a milk level: empty, then after each receipt of `quantities`.
fn levels_after_receipts(quantities: &[i64]) -> Vec<Level> {
    let mut levels = vec![Level::empty(&milk())];
    for (index, quantity) in quantities.iter().enumerate() {
        let body = json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity});
        let receipt: RequestedChange = serde_json::from_value(body).unwrap();
        let context = ChangeContext {
            request: RequestId::derive("till", "1"),
            index,
            now: "2026-03-01T12:00:00Z".parse().unwrap(),
            moved_since: 0,
            replenishment_order: None,
        };
        let before = levels[index].clone();
        let settled = receipt.apply(&[before], &context).unwrap();
        levels.extend(settled.levels);
    }
    levels
}

fn stream_record(sequence: u64, before: Option<&Level>, after: Option<&Level>) -> StreamRecord {
    let image = |level: &Level| serde_dynamo::to_item(level).unwrap();
    StreamRecord::new(
        keys::level(&milk()),
        sequence.to_string(),
        before.map(image),
        after.map(image),
    )
}

/// The stream records of a level that goes through `levels`.
fn stream_records_of(levels: &[Level]) -> Vec<StreamRecord> {
    (1..)
        .zip(levels.windows(2))
        .map(|(sequence, pair)| {
            stream_record(sequence, (sequence > 1).then_some(&pair[0]), Some(&pair[1]))
        })
        .collect()
}

async fn process(ledger: &MemoryShop, records: Vec<StreamRecord>) -> BatchFailures {
    process_stream_records(records, level_change, |change| handle(ledger, change)).await
}

fn movements(ledger: &MemoryShop) -> Vec<Movement> {
    ledger.lock().movements.clone()
}

#[tokio::test]
async fn each_change_is_one_movement_and_they_sum_to_the_level() {
    let (ledger, levels) = (MemoryShop::default(), levels_after_receipts(&[5, 7, 1]));
    assert!(
        process(&ledger, stream_records_of(&levels))
            .await
            .failures()
            .is_empty()
    );
    let movements = movements(&ledger);
    let versions: Vec<u64> = movements.iter().map(|movement| movement.version).collect();
    assert_eq!(versions, [1, 2, 3]);
    let sum: i64 = movements
        .iter()
        .map(|movement| movement.change.on_hand_delta)
        .sum();
    assert_eq!(sum, levels[3].on_hand);
}

#[tokio::test]
async fn duplicate_and_reordered_records_change_nothing() {
    let (ledger, levels) = (MemoryShop::default(), levels_after_receipts(&[5, 7]));
    process(&ledger, stream_records_of(&levels)).await;
    let recorded_once = movements(&ledger);
    let mut again = stream_records_of(&levels);
    again.reverse();
    assert!(process(&ledger, again).await.failures().is_empty());
    assert_eq!(movements(&ledger), recorded_once);
}

#[tokio::test]
async fn policies_and_other_items_are_no_movements() {
    let (ledger, levels) = (MemoryShop::default(), levels_after_receipts(&[5]));
    let mut with_policy = levels[1].clone();
    with_policy.version += 1;
    let policy = stream_record(1, Some(&levels[1]), Some(&with_policy));
    let alert = StreamRecord::new(keys::alert(&milk()), "2".to_owned(), None, None);
    let untouched = stream_record(3, None, Some(&levels[0]));
    assert!(
        process(&ledger, vec![policy, alert, untouched])
            .await
            .failures()
            .is_empty()
    );
    assert!(movements(&ledger).is_empty());
}

fn change(before: Option<&Level>, after: Option<&Level>) -> StreamChange<Level> {
    StreamChange {
        before: before.cloned(),
        after: after.cloned(),
    }
}

#[tokio::test]
async fn unreadable_record_is_rejected() {
    let image = serde_dynamo::to_item(json!({"on_hand": "five"})).unwrap();
    let record = StreamRecord::new(keys::level(&milk()), "1".to_owned(), None, Some(image));
    let ledger = MemoryShop::default();
    assert_eq!(process(&ledger, vec![record]).await.failures(), ["1"]);
    assert!(movements(&ledger).is_empty());
}

#[tokio::test]
async fn deleted_level_is_rejected() {
    let (ledger, levels) = (MemoryShop::default(), levels_after_receipts(&[5]));
    let deleted = handle(&ledger, change(Some(&levels[1]), None)).await;
    let reason = "the level of milk at store-1 (bucket 0) was deleted, but its movements remain";
    assert_eq!(deleted, RecordOutcome::Reject(reason.to_owned()));
}

#[tokio::test]
async fn second_movement_of_a_version_is_rejected() {
    let (ledger, levels) = (MemoryShop::default(), levels_after_receipts(&[5]));
    let recorded = handle(&ledger, change(None, Some(&levels[1]))).await;
    assert_eq!(recorded, RecordOutcome::Done);
    let mut other = levels_after_receipts(&[6, 1]).remove(2);
    other.version = 1;
    let outcome = handle(&ledger, change(None, Some(&other))).await;
    let RecordOutcome::Reject(reason) = outcome else {
        panic!("not rejected: {outcome:?}");
    };
    assert!(
        reason.starts_with(
            "version 1 of the level of milk at store-1 (bucket 0) is already recorded"
        ),
        "{reason}"
    );
}

#[tokio::test]
async fn throttled_record_is_retried() {
    let levels = levels_after_receipts(&[5]);
    let throttled = handle(&ThrottledLedger, change(None, Some(&levels[1]))).await;
    assert_eq!(
        throttled,
        RecordOutcome::Retry("the store is busy".to_owned())
    );
}

#[tokio::test]
async fn sample_event_records_a_receipt_and_a_sale() {
    let event: Event =
        serde_json::from_str(include_str!("../../../../events/stock-ledger.json")).unwrap();
    let ledger = MemoryShop::default();
    assert!(
        process(&ledger, stream_records(event))
            .await
            .failures()
            .is_empty()
    );
    let recorded: Vec<_> = movements(&ledger)
        .into_iter()
        .map(|movement| (movement.change.kind.as_str(), movement.on_hand))
        .collect();
    assert_eq!(recorded, [("receipt", 24), ("sale", 22)]);
}
