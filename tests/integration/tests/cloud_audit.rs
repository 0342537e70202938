//! Inconsistent stock data: the audit reports it, `repair` fixes it, and `explain` shows the repair.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::process::{Command, Output};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use stockline_domain::level::LevelKey;
use stockline_integration_tests::{Deployed, eventually, sale};
use stockline_platform::keys;
use stockline_simulators::api::ApiClient;
use stockline_testkit::cloud::TestCloud;
use xtask::packages::{self, REPAIR};
use xtask::status::{CLOUD_VARIABLE, TEST_CLOUD_VARIABLE};
use xtask::workspace::Workspace;

const STORE: &str = "audited-store";

/// Runs the audit for the store and returns its response.
fn run_audit(deployed: &Deployed) -> Value {
    let event = json!({"locations": [STORE]}).to_string();
    let (response, error) = deployed
        .cloud
        .invoke("stock-audit", event.as_bytes())
        .unwrap();
    assert_eq!(error, None, "{response}");
    serde_json::from_str(&response).unwrap()
}

fn run_repair(arguments: &[&str]) -> (Output, String) {
    let tool = packages::binary(&Workspace::find().unwrap(), REPAIR);
    let output = Command::new(tool)
        .args(["--location", STORE])
        .args(arguments)
        .env(
            CLOUD_VARIABLE,
            std::env::var_os(TEST_CLOUD_VARIABLE).unwrap(),
        )
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    (output, stdout)
}

/// Alters the level in the table directly: three extra units on hand, and one unit allocated to no order.
async fn tamper(deployed: &Deployed, cloud: &TestCloud) {
    let key = keys::level(&LevelKey {
        location_id: STORE.parse().unwrap(),
        sku: "milk".parse().unwrap(),
    });
    let number = |by: i64| AttributeValue::N(by.to_string());
    let update = cloud
        .aws()
        .dynamodb()
        .update_item()
        .table_name(&deployed.cloud.tables["stock"])
        .key("pk", AttributeValue::S(key.pk))
        .key("sk", AttributeValue::S(key.sk))
        .update_expression("ADD on_hand :three, allocated :one")
        .expression_attribute_values(":three", number(3))
        .expression_attribute_values(":one", number(1));
    update.send().await.unwrap();
}

/// Subscribes a new queue to the topic `operations` and returns its URL.
async fn subscribe_to_operations(deployed: &Deployed, cloud: &TestCloud) -> String {
    let (sqs, sns) = (cloud.aws().sqs(), cloud.aws().sns());
    let arn = format!(
        "arn:aws:sqs:{}:{}:audited-operations",
        deployed.cloud.region, deployed.cloud.account_id
    );
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn,
    }]});
    let queue = sqs
        .create_queue()
        .queue_name("audited-operations")
        .attributes(QueueAttributeName::Policy, policy.to_string())
        .send();
    let queue = queue.await.unwrap().queue_url.unwrap();
    sns.subscribe()
        .topic_arn(&deployed.cloud.topics["operations"])
        .protocol("sqs")
        .endpoint(arn)
        .attributes("RawMessageDelivery", "true")
        .send()
        .await
        .unwrap();
    queue
}

/// The messages of `queue` about the store.
async fn receive_audit_messages(cloud: &TestCloud, queue: &str) -> Vec<Value> {
    let sqs = cloud.aws().sqs();
    let received = sqs.receive_message().queue_url(queue).wait_time_seconds(1);
    let messages = received.send().await.unwrap().messages.unwrap_or_default();
    let bodies = messages
        .iter()
        .map(|message| serde_json::from_str::<Value>(message.body().unwrap()).unwrap());
    bodies
        .filter(|message| message["data"]["first"][0]["location_id"] == STORE)
        .collect()
}

async fn level(manager: &ApiClient) -> [i64; 3] {
    let path = format!("/v1/locations/{STORE}/stock/milk");
    let level = manager
        .get(&path)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap();
    ["on_hand", "allocated", "available"].map(|name| level.body[name].as_i64().unwrap())
}

async fn explain(manager: &ApiClient) -> Value {
    let path = format!("/v1/locations/{STORE}/stock/milk/explain");
    let explained = manager.get(&path).await.unwrap();
    explained.expect_status(&[200]).unwrap().body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_level_is_reported_repaired_and_explained() {
    let (Some(deployed), Some(cloud)) = (Deployed::find(), TestCloud::find()) else {
        return;
    };
    deployed
        .open_store(STORE, &[("milk", 10), ("bread", 10)])
        .await;
    let manager = deployed.api("store_manager", "audited-store-manager", &[STORE]);
    let mut order = sale(STORE, "milk");
    order["channel"] = json!("click_and_collect");
    let placed = manager.post("/v1/orders", &order, Some("audited-1"));
    placed.await.unwrap().expect_status(&[201]).unwrap();
    eventually("the ledger of the order", || async {
        let explained = explain(&manager).await;
        (explained["ledger_complete"] == true).then_some(())
    })
    .await;
    let clean = run_audit(&deployed);
    assert_eq!(
        [&clean["levels"], &clean["confirmed"], &clean["undecided"]],
        [2, 0, 0],
        "{clean}"
    );

    let queue = subscribe_to_operations(&deployed, &cloud).await;
    tamper(&deployed, &cloud).await;
    assert_ne!(explain(&manager).await["differences"], json!([]));
    let found = run_audit(&deployed);
    assert_eq!(
        [&found["confirmed"], &found["undecided"]],
        [1, 0],
        "{found}"
    );
    let message = eventually("the message to operations", || async {
        receive_audit_messages(&cloud, &queue).await.pop()
    })
    .await;
    assert_eq!(message["type"], "stock.audit");
    assert_eq!(message["data"]["first"][0]["sku"], "milk");

    let (dry_run, stdout) = run_repair(&[]);
    assert!(dry_run.status.success(), "{stdout}");
    assert!(stdout.contains("nothing was changed"), "{stdout}");
    assert_eq!(level(&manager).await[..2], [13, 2]);

    let (applied, stdout) = run_repair(&["--sku", "milk", "--apply"]);
    assert!(applied.status.success(), "{stdout}");
    // Only a count can tell what is on the shelf, so the repair adjusts the ledger to `on_hand`. The open orders tell
    // what is allocated, so it corrects `allocated`.
    assert_eq!(level(&manager).await, [13, 1, 12]);

    eventually("the ledger of the repair", || async {
        let explained = explain(&manager).await;
        (explained["ledger_complete"] == true).then_some(())
    })
    .await;
    let explained = explain(&manager).await;
    assert_eq!(explained["differences"], json!([]));
    let movements = explained["movements"].as_array().unwrap();
    let repair = movements
        .iter()
        .find(|movement| movement["kind"] == "repair");
    assert_eq!(repair.unwrap()["on_hand_delta"], 3, "{explained}");
    let clean = run_audit(&deployed);
    assert_eq!(
        [&clean["confirmed"], &clean["undecided"]],
        [0, 0],
        "{clean}"
    );
}
