//! An order from its allocation to its last refund, through API Gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use serde_json::{Value, json};
use stockline_integration_tests::{Deployed, eventually};
use stockline_simulators::api::ApiClient;

const STORE: &str = "lifecycle";
const BRANCH: &str = "lifecycle-branch";

async fn post_twice(manager: &ApiClient, path: &str, body: &Value, key: &str) -> Value {
    let response = manager.post(path, body, Some(key)).await.unwrap();
    assert!(
        matches!(response.status, 200 | 201) && !response.is_replayed,
        "{response:?}"
    );
    let replay = manager.post(path, body, Some(key)).await.unwrap();
    assert_eq!(replay.status, response.status);
    assert_eq!(replay.body, response.body);
    response.body
}

async fn level(manager: &ApiClient, location: &str) -> (i64, i64) {
    let path = format!("/v1/locations/{location}/stock/milk");
    let level = manager
        .get(&path)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap();
    let read = |name: &str| level.body[name].as_i64().unwrap();
    (read("on_hand"), read("allocated"))
}

#[tokio::test]
async fn order_is_partly_fulfilled_canceled_and_refunded_elsewhere() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed.open_store(STORE, &[("milk", 10)]).await;
    deployed.open_store(BRANCH, &[]).await;
    let manager = deployed.api("store_manager", "lifecycle-manager", &[STORE, BRANCH]);
    let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let order = json!({
        "location_id": STORE, "channel": "click_and_collect", "currency": "EUR", "tax_treatment": "added",
        "lines": [{"sku": "milk", "quantity": 3, "unit_price": euros(100), "discount": euros(100),
                   "tax": euros(14), "unit_cost": euros(50)}],
        "total": euros(214),
    });
    let placed = post_twice(&manager, "/v1/orders", &order, "lifecycle-1").await;
    let path = format!("/v1/orders/{}", placed["order_id"].as_str().unwrap());
    assert_eq!(level(&manager, STORE).await, (10, 3));

    let fulfil_two = json!({"lines": [{"line": 1, "quantity": 2}]});
    post_twice(&manager, &format!("{path}/fulfilments"), &fulfil_two, "f1").await;
    assert_eq!(level(&manager, STORE).await, (8, 1));

    let canceled = manager
        .post(&format!("{path}/cancel"), &json!({}), Some("c1"))
        .await
        .unwrap();
    assert_eq!(canceled.body["status"], "fulfilled", "{canceled:?}");
    assert_eq!(level(&manager, STORE).await, (8, 0));

    let refund_one = |restock: bool| {
        json!({"reason": "a gift", "location_id": BRANCH,
               "lines": [{"line": 1, "quantity": 1, "restock": restock}]})
    };
    let refunds = format!("{path}/refunds");
    let first = post_twice(&manager, &refunds, &refund_one(true), "r1").await;
    let second = post_twice(&manager, &refunds, &refund_one(false), "r2").await;
    // A third of 2.14 is 0.71, two thirds are 1.42.
    let refunded = [&first, &second].map(|refund| refund["total"]["amount"].as_i64().unwrap());
    assert_eq!(refunded, [71, 71]);
    assert_eq!(level(&manager, BRANCH).await, (1, 0));
    let too_much = manager
        .post(&refunds, &refund_one(true), Some("r3"))
        .await
        .unwrap();
    assert_eq!(too_much.status, 409);
    assert_eq!(
        too_much.body["lines"],
        json!([{"line": 1, "requested": 1, "refundable": 0}])
    );

    let read = manager
        .get(&path)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap();
    assert_eq!(read.body["refunds"].as_array().unwrap().len(), 2);
    assert_eq!(read.body["lines"][0]["returned_quantity"], 2);
    assert_eq!(read.body["lines"][0]["canceled_quantity"], 1);

    let kinds = eventually("the ledger of milk", || async {
        let movements = format!("/v1/locations/{STORE}/stock/milk/movements");
        let page = manager.get(&movements).await.unwrap();
        let kinds: Vec<String> = page.body["movements"]
            .as_array()?
            .iter()
            .map(|movement| movement["kind"].as_str().unwrap_or_default().to_owned())
            .collect();
        (kinds.len() == 4).then_some(kinds)
    })
    .await;
    assert_eq!(kinds, ["release", "fulfilment", "allocation", "receipt"]);
}
