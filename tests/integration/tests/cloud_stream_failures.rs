//! A stream record that can never be handled is retried and set aside, and holds up no other record.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use stockline_domain::level::LevelKey;
use stockline_integration_tests::{Deployed, eventually};
use stockline_platform::keys;
use stockline_simulators::api::ApiClient;
use stockline_testkit::cloud::TestCloud;

const STORE: &str = "stream-failures";
const SKUS: [&str; 9] = [
    "apples", "bread", "butter", "cheese", "coffee", "eggs", "flour", "honey", "milk",
];

/// Writes a level that no function can read, past the API.
async fn write_broken_level(deployed: &Deployed, cloud: &TestCloud) {
    let key = keys::level(&LevelKey {
        location_id: STORE.parse().unwrap(),
        sku: "broken".parse().unwrap(),
    });
    let put = cloud
        .aws()
        .dynamodb()
        .put_item()
        .table_name(&deployed.cloud.tables["stock"])
        .item("pk", AttributeValue::S(key.pk))
        .item("sk", AttributeValue::S(key.sk))
        .item("on_hand", AttributeValue::S("many".to_owned()));
    put.send().await.unwrap();
}

async fn receive(admin: &ApiClient, skus: &[&str], key: &str) {
    let changes: Vec<Value> = skus
        .iter()
        .map(|sku| json!({"kind": "receipt", "location_id": STORE, "sku": sku, "quantity": 1}))
        .collect();
    let body = json!({"changes": changes});
    let received = admin.post("/v1/stock/changes", &body, Some(key)).await;
    received.unwrap().expect_status(&[200]).unwrap();
}

/// Waits until the ledger of `sku` has `count` movements.
async fn wait_for_movements(admin: &ApiClient, sku: &str, count: usize) {
    let path = format!("/v1/locations/{STORE}/stock/{sku}/movements");
    let recorded = || async {
        let page = admin.get(&path).await.unwrap();
        (page.body["movements"].as_array()?.len() == count).then_some(())
    };
    eventually(&format!("{count} movements of {sku}"), recorded).await;
}

/// The next message in the failure queue of the ledger.
async fn receive_failure(deployed: &Deployed, cloud: &TestCloud) -> Option<Value> {
    let sqs = cloud.aws().sqs();
    let receive = sqs
        .receive_message()
        .queue_url(&deployed.cloud.queues["stock-ledger-failures"])
        .wait_time_seconds(1);
    let message = receive.send().await.unwrap().messages?.pop()?;
    Some(serde_json::from_str(message.body()?).unwrap())
}

#[tokio::test]
async fn broken_record_is_set_aside_and_the_others_applied() {
    let (Some(deployed), Some(cloud)) = (Deployed::find(), TestCloud::find()) else {
        return;
    };
    // given nine changes of stock, and among them a level that the ledger cannot read
    deployed.open_store(STORE, &[]).await;
    let admin = deployed.admin();
    let products: Vec<Value> = SKUS
        .iter()
        .map(|sku| json!({"sku": sku, "name": sku, "unit_of_measure": "each"}))
        .collect();
    let catalog = json!({"products": products, "locations": []});
    let written = admin.post("/v1/catalog/batch", &catalog, None).await;
    written.unwrap().expect_status(&[200]).unwrap();
    let (before, after) = SKUS.split_at(5);
    receive(&admin, before, "stream-failures-before").await;
    write_broken_level(&deployed, &cloud).await;
    receive(&admin, after, "stream-failures-after").await;

    // then the nine are in the ledger
    for sku in SKUS {
        wait_for_movements(&admin, sku, 1).await;
    }
    // and the broken record is in the failure queue after all of its attempts, with the reason
    let failure = eventually("the record in the failure queue", || {
        receive_failure(&deployed, &cloud)
    })
    .await;
    let request = &failure["requestContext"];
    assert_eq!(request["condition"], "RetryAttemptsExhausted", "{failure}");
    assert_eq!(request["approximateInvokeCount"], 6, "{failure}");
    assert!(
        failure["DDBStreamBatchInfo"]["startSequenceNumber"].is_string(),
        "{failure}"
    );
    // and the mapping goes on
    receive(&admin, &["milk"], "stream-failures-later").await;
    wait_for_movements(&admin, "milk", 2).await;
}
