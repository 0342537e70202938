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
        "total": euros(214), "external_reference": "LC-0001",
    });
    let placed = post_twice(&manager, "/v1/orders", &order, "lifecycle-1").await;
    let path = format!("/v1/orders/{}", placed["order_id"].as_str().unwrap());
    assert_eq!(level(&manager, STORE).await, (10, 3));

    let fulfil_two = json!({"lines": [{"line": 1, "quantity": 2}]});
    post_twice(&manager, &format!("{path}/fulfilments"), &fulfil_two, "f1").await;
    assert_eq!(level(&manager, STORE).await, (8, 1));

    let canceled = manager
        .post(
            &format!("{path}/cancel"),
            &json!({"reason": "the customer left"}),
            Some("c1"),
        )
        .await
        .unwrap();
    assert_eq!(canceled.body["status"], "fulfilled", "{canceled:?}");
    let read = manager.get(&path).await.unwrap();
    assert_eq!(read.body["cancellation_reason"], "the customer left");
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
    assert!(read.body["refunds"][0]["occurred_at"].is_string());
    let newest = manager.get(&format!("{refunds}?limit=1")).await.unwrap();
    assert_eq!(newest.body["refunds"], json!([second]));
    let cursor = newest.body["next_cursor"].as_str().unwrap();
    let next_page = format!("{refunds}?limit=1&cursor={cursor}");
    let oldest = manager.get(&next_page);
    assert_eq!(oldest.await.unwrap().body["refunds"], json!([first]));
    let id = read.body["order_id"].as_str().unwrap();
    let by_id = format!("/v1/orders?order_id={id}&order_id=00000000-0000-0000-0000-000000000000");
    let by_id = manager.get(&by_id).await.unwrap();
    assert_eq!(by_id.body["orders"][0]["order_id"], id);
    assert_eq!(by_id.body["orders"].as_array().unwrap().len(), 1);
    let by_reference = format!("/v1/orders?location_id={STORE}&external_reference=LC-0001");
    let by_reference = eventually("the order by its reference", || async {
        let found = manager.get(&by_reference).await.unwrap();
        let orders = found.body["orders"].as_array()?.clone();
        (!orders.is_empty()).then_some(orders)
    });
    assert_eq!(by_reference.await, [by_id.body["orders"][0].clone()]);
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

#[tokio::test]
async fn refused_change_stays_refused_and_a_till_writes_nothing_off() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let store = "lifecycle-refusals";
    deployed.open_store(store, &[("milk", 5)]).await;
    let manager = deployed.api("store_manager", "lifecycle-refuser", &[store]);
    let till = deployed.api("store_app", "lifecycle-till", &[store]);
    let write_off = |quantity: i64| {
        json!({"changes": [{"kind": "adjustment", "location_id": store, "sku": "milk",
            "delta": -quantity, "reason": "theft"}]})
    };
    let changes = "/v1/stock/changes";
    let denied = till.post(changes, &write_off(1), Some("d1")).await.unwrap();
    assert_eq!(denied.status, 403, "{denied:?}");
    // given a refused change, and enough stock for it since
    let refused = manager.post(changes, &write_off(6), Some("r1")).await;
    let refused = refused.unwrap();
    assert_eq!(refused.body["results"][0]["outcome"], "refused");
    let found = json!({"changes": [{"kind": "adjustment", "location_id": store, "sku": "milk",
        "delta": 5, "reason": "found"}]});
    let found = till.post(changes, &found, Some("f1")).await.unwrap();
    assert_eq!(found.body["results"][0]["outcome"], "applied");
    // when it is sent again under its key, then the first answer is repeated
    let again = manager.post(changes, &write_off(6), Some("r1")).await;
    let again = again.unwrap();
    assert!(again.is_replayed && !refused.is_replayed);
    assert_eq!(again.body, refused.body);
    let levels = format!("/v1/locations/{store}/stock?sku=milk&sku=nothing");
    let levels = till.get(&levels).await.unwrap();
    assert_eq!(levels.body["levels"].as_array().unwrap().len(), 1);
    assert_eq!(levels.body["levels"][0]["on_hand"], 10);
}
