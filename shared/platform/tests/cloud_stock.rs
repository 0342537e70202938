//! The stock store and the ledger on DynamoDB do what every such store must, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::stock::{
    ChangeOutcome, EarlierRequest, Ledger, MissingLevel, PendingChange, RecordMovementOutcome,
    RequestStatus, StockStore,
};
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::{all, apply, deadline, key, on_hand, receipt, request};
use stockline_testkit::conformance::whereabouts;
use stockline_testkit::lost_response::LosesResponses;

async fn store(cloud: &TestCloud, test: &str) -> DynamoStock {
    DynamoStock::new(
        cloud.aws().dynamodb(),
        cloud.table(test, Table::Stock).await,
    )
}

async fn store_over(cloud: &TestCloud, test: &str, connection: &LosesResponses) -> DynamoStock {
    let table = cloud.table(test, Table::Stock).await;
    DynamoStock::new(cloud.aws_over(connection).dynamodb(), table)
}

#[tokio::test]
async fn stock_on_dynamodb_conforms() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    all(&store(&cloud, "stockconform").await).await;
}

#[tokio::test]
async fn whereabouts_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    whereabouts::all(&store(&cloud, "whereabouts").await).await;
}

#[tokio::test]
async fn a_change_whose_response_is_lost_after_the_commit_is_applied_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let store = store_over(&cloud, "stocklost", &connection).await;

    // The client's own retry meets its earlier try, for a level that is new and for one that is there.
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
    assert_eq!(connection.lost(), 2);

    // Every try of one invocation is lost; the caller asks again with the same key.
    connection.lose_next_of("TransactWriteItems", 3);
    let change = receipt("lost", 5);
    let pending = PendingChange {
        request: request("lost"),
        index: 2,
        change: &change,
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
        missing: MissingLevel::Report,
    };
    store.apply(pending, deadline()).await.unwrap_err();
    assert_eq!(connection.lost(), 5);
    let again = store.apply(pending, deadline()).await.unwrap();
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
async fn a_request_a_policy_and_a_movement_whose_responses_are_lost_are_written_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let store = store_over(&cloud, "stocklost2", &connection).await;

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
    let none_applied = EarlierRequest {
        received_at,
        applied: [].into(),
    };
    assert_eq!(opened, RequestStatus::Known(none_applied));

    let received = apply(&store, "lost", 0, &receipt("lost", 5)).await;
    let ChangeOutcome::Applied(levels) = received else {
        panic!("it was not applied: {received:?}")
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
        .set_policy(&milk, &policy, MissingLevel::Report, minute(0), deadline())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((level.version, level.policy), (2, Some(policy)));
    assert_eq!(connection.lost(), 3);
}

#[tokio::test]
async fn a_level_keeps_what_conditions_and_indexes_read_in_step() {
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
