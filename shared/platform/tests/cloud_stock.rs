//! The stock store, the ledger and the stock lookup on DynamoDB conform, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::stock::{
    EarlierRequest, Ledger, RecordMovementOutcome, RequestStatus, StockStore,
};
use stockline_application::ports::stock_changes::PendingChange;
use stockline_application::stock_change::{ChangeOutcome, apply_change};
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::{apply, deadline, key, on_hand, receipt, request};
use stockline_testkit::conformance_tests;
use stockline_testkit::lossy_connection::LossyConnection;
use stockline_testkit::memory::catalog::EveryLevelStockable;

conformance_tests!(stock, dynamodb, stock_store().await);
conformance_tests!(stock_lookup, dynamodb, stock_store().await);
conformance_tests!(replenishment, dynamodb, stock_store().await);

async fn stock_store() -> Option<DynamoStock> {
    let cloud = TestCloud::find()?;
    let table = cloud.table("stock", Table::Stock).await;
    Some(DynamoStock::new(cloud.aws().dynamodb(), table))
}

async fn stock_store_over(
    cloud: &TestCloud,
    test: &str,
    connection: &LossyConnection,
) -> DynamoStock {
    let table = cloud.table(test, Table::Stock).await;
    DynamoStock::new(cloud.aws_over(connection).dynamodb(), table)
}

#[tokio::test]
async fn change_with_lost_responses_is_applied_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let store = stock_store_over(&cloud, "stocklost", &connection).await;

    // The SDK retries after the commit, first for a level that the change creates, then for one that exists.
    for (index, on_hand_after) in [(0, 5), (1, 10)] {
        connection.lose_next_of("TransactWriteItems", 1);
        let applied = apply(&store, "lost", index, &receipt("lost", 5)).await;
        assert!(
            matches!(
                applied,
                ChangeOutcome::Applied(_) | ChangeOutcome::AlreadyApplied(_)
            ),
            "{applied:?}"
        );
        assert_eq!(on_hand(&store, "lost").await, on_hand_after);
    }
    assert_eq!(connection.lost_count(), 2);

    // Every attempt of one invocation loses its response. The caller repeats the request with the same key.
    connection.lose_next_of("TransactWriteItems", 3);
    let change = receipt("lost", 5);
    let pending = PendingChange {
        request: request("lost"),
        index: 2,
        change: &change,
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
    };
    let send = || apply_change(&store, &EveryLevelStockable, pending, deadline());
    send().await.unwrap_err();
    assert_eq!(connection.lost_count(), 5);
    let again = send().await.unwrap();
    assert!(
        matches!(&again, ChangeOutcome::AlreadyApplied(levels) if levels[0].on_hand == 15),
        "{again:?}"
    );
    assert_eq!(on_hand(&store, "lost").await, 15);
    assert_eq!(
        store
            .find(&key("lost", "milk"))
            .await
            .unwrap()
            .unwrap()
            .version,
        3
    );
}

#[tokio::test]
async fn request_policy_and_movement_with_lost_responses_write_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let store = stock_store_over(&cloud, "stocklost2", &connection).await;

    connection.lose_next_of("PutItem", 1);
    let received_at = "2026-03-01T12:00:00Z".parse().unwrap();
    let opened = store
        .open(
            request("lost"),
            &Fingerprint::of(&"a").unwrap(),
            received_at,
        )
        .await
        .unwrap();
    let none_settled = EarlierRequest {
        received_at,
        settled: [].into(),
    };
    assert_eq!(opened, RequestStatus::Known(none_settled));

    let received = apply(&store, "lost", 0, &receipt("lost", 5)).await;
    let ChangeOutcome::Applied(levels) = received else {
        panic!("the change is not applied: {received:?}")
    };
    connection.lose_next_of("PutItem", 1);
    let recorded = store
        .record(&levels[0].movement_since(None).unwrap())
        .await
        .unwrap();
    assert_eq!(recorded, RecordMovementOutcome::AlreadyRecorded);

    connection.lose_next_of("UpdateItem", 1);
    let policy = serde_json::from_str(r#"{"reorder_point": 2, "target_level": 9}"#).unwrap();
    let milk = key("lost", "milk");
    let level = store
        .set_policy(&milk, &policy, minute(0), deadline())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((level.version, level.policy), (2, Some(policy)));
    assert_eq!(connection.lost_count(), 3);
}

#[tokio::test]
async fn stored_level_keeps_derived_attributes_consistent() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("stockshape", Table::Stock).await;
    let client = cloud.aws().dynamodb();
    let store = DynamoStock::new(client.clone(), table.clone());
    for index in 0..2 {
        apply(&store, "shape", index, &receipt("shape", 5)).await;
        let found = client
            .get_item()
            .table_name(&table)
            .set_key(Some(key_of(&keys::level(&key("shape", "milk")))))
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        let item = found.item.unwrap();
        assert_eq!(item["available"], item["on_hand"]);
        assert_eq!(item["index_location"].as_s().unwrap(), "shape");
        assert_eq!(item["index_sku"].as_s().unwrap(), "milk");
        assert_eq!(
            item["last_change"].as_m().unwrap()["kind"].as_s().unwrap(),
            "receipt"
        );
    }
}
