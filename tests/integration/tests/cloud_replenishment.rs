//! A sale below the reorder point places one replenishment order, which a receipt closes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::{Value, json};
use stockline_integration_tests::{Deployed, eventually, sale};
use stockline_simulators::api::ApiClient;
use stockline_testkit::cloud::TestCloud;

const STORE: &str = "replenished";
const LEVEL: &str = "/v1/locations/replenished/stock/cheese";
const POLICY: &str = "/v1/locations/replenished/stock/cheese/policy";
const ORDERS: &str = "/v1/replenishment-orders?location_id=replenished";

async fn get(api: &ApiClient, path: &str) -> Value {
    let response = api.get(path).await.unwrap();
    response.expect_status(&[200]).unwrap().body
}

async fn orders(api: &ApiClient) -> Vec<Value> {
    let page = get(api, ORDERS).await;
    page["replenishment_orders"].as_array().unwrap().clone()
}

async fn change(api: &ApiClient, key: &str, change: Value) -> Value {
    let body = json!({"changes": [change]});
    let response = api
        .post("/v1/stock/changes", &body, Some(key))
        .await
        .unwrap();
    response.expect_status(&[200]).unwrap().body["results"][0].take()
}

#[tokio::test]
async fn sale_below_the_reorder_point_is_replenished_once() {
    let (Some(deployed), Some(cloud)) = (Deployed::find(), TestCloud::find()) else {
        return;
    };
    deployed.open_store(STORE, &[("cheese", 6)]).await;
    let manager = deployed.api("store_manager", "replenished-manager", &[STORE]);
    let policy = json!({"reorder_point": 5, "target_level": 20, "order_multiple": 4});
    let set = manager.put(POLICY, &policy).await.unwrap();
    set.expect_status(&[200]).unwrap();

    // Two units are sold: the level crosses its reorder point with the first.
    let store_app = deployed.api("store_app", "replenished-store-app", &[STORE]);
    for number in 0..2 {
        let key = format!("replenished-{number}");
        let sold = store_app
            .post("/v1/orders", &sale(STORE, "cheese"), Some(&key))
            .await
            .unwrap();
        sold.expect_status(&[201]).unwrap();
    }

    // One order fills the level up to its target, rounded up to crates of 4, whether it saw the second sale or not.
    let order = eventually("the replenishment order", || async {
        orders(&manager).await.first().cloned()
    })
    .await;
    assert_eq!(order["state"], "open");
    assert_eq!(order["quantity"], 16, "{order}");
    let level = get(&manager, LEVEL).await;
    assert_eq!(level["incoming"], 16, "{level}");

    // The alert is delivered again.
    let queue = &deployed.cloud.queues["replenishment"];
    let redelivered = json!({
        "type": "stock.alert", "version": 1, "id": "5c3f8b2e-91aa-5d0c-8f6e-000000000001",
        "occurred_at": "2026-03-01T12:00:01.250Z", "correlation_id": "replenished",
        "data": {"location_id": STORE, "sku": "cheese", "kind": "low", "severity": "warning",
            "available": 5, "reorder_point": 5, "level_version": level["version"]},
    });
    let sqs = cloud.aws().sqs();
    let send = sqs.send_message().queue_url(queue);
    send.message_body(redelivered.to_string())
        .send()
        .await
        .unwrap();
    eventually("the queue to be empty", || async {
        let attributes = sqs.get_queue_attributes().queue_url(queue);
        let attributes = attributes
            .attribute_names(Name::ApproximateNumberOfMessages)
            .attribute_names(Name::ApproximateNumberOfMessagesNotVisible);
        let response = attributes.send().await.unwrap();
        let counts = response.attributes().unwrap();
        counts.values().all(|count| count == "0").then_some(())
    })
    .await;
    let seen = orders(&manager).await;
    assert_eq!(seen, std::slice::from_ref(&order));
    let unchanged = get(&manager, LEVEL).await;
    assert_eq!(unchanged["incoming"], 16);
    assert_eq!(unchanged["version"], level["version"]);

    // The goods arrive, and the same receipt is sent twice.
    let receipt = json!({"kind": "receipt", "location_id": STORE, "sku": "cheese", "quantity": 16,
        "replenishment_order_id": order["replenishment_order_id"]});
    for _ in 0..2 {
        let received = change(&store_app, "replenished-receipt", receipt.clone()).await;
        assert_eq!(received["outcome"], "applied", "{received}");
        assert_eq!(received["levels"][0]["incoming"], 0);
        assert_eq!(received["levels"][0]["on_hand"], 20);
    }
    let closed = eventually("the received order in the list", || async {
        let orders = orders(&manager).await;
        let is_received = orders.len() == 1 && orders[0]["state"] == "received";
        is_received.then(|| orders[0].clone())
    })
    .await;
    assert_eq!(closed["received_quantity"], 16);
    let path = format!(
        "/v1/replenishment-orders/{}/cancel",
        closed["replenishment_order_id"].as_str().unwrap()
    );
    let canceled = manager.post(&path, &json!({}), None).await.unwrap();
    canceled.expect_status(&[409]).unwrap();
}
