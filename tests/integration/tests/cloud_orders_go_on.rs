//! An order from its allocation to its last refund, through API Gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use serde_json::{Value, json};
use stockline_integration_tests::{Deployed, eventually};
use stockline_simulators::api::Api;

const STORE: &str = "goes-on";
const BRANCH: &str = "goes-on-branch";

async fn post(till: &Api, path: &str, body: &Value, key: &str) -> Value {
    let done = till.post(path, body, Some(key)).await.unwrap();
    assert!(
        matches!(done.status, 200 | 201) && !done.replayed,
        "{done:?}"
    );
    let again = till.post(path, body, Some(key)).await.unwrap();
    assert_eq!(again.status, done.status);
    assert_eq!(again.body, done.body);
    done.body
}

async fn level(till: &Api, location: &str) -> (i64, i64) {
    let path = format!("/v1/locations/{location}/stock/milk");
    let level = till
        .get(&path)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap();
    let read = |name: &str| level.body[name].as_i64().unwrap();
    (read("on_hand"), read("allocated"))
}

#[tokio::test]
async fn an_order_is_handed_over_in_part_canceled_for_the_rest_and_refunded_elsewhere() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed.open_store(STORE, &[("milk", 10)]).await;
    deployed.open_store(BRANCH, &[]).await;
    let till = deployed.api("store_manager", "goes-on-till", &[STORE, BRANCH]);
    let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let order = json!({
        "location_id": STORE, "channel": "click_and_collect", "currency": "EUR", "tax_treatment": "added",
        "lines": [{"sku": "milk", "quantity": 3, "unit_price": euros(100), "discount": euros(100),
                   "tax": euros(14), "unit_cost": euros(50)}],
        "total": euros(214),
    });
    let placed = post(&till, "/v1/orders", &order, "goes-on-1").await;
    let path = format!("/v1/orders/{}", placed["order_id"].as_str().unwrap());
    assert_eq!(level(&till, STORE).await, (10, 3));

    let two = json!({"lines": [{"line": 1, "quantity": 2}]});
    post(&till, &format!("{path}/fulfilments"), &two, "f1").await;
    assert_eq!(level(&till, STORE).await, (8, 1));

    let canceled = till
        .post(&format!("{path}/cancel"), &json!({}), Some("c1"))
        .await
        .unwrap();
    assert_eq!(canceled.body["status"], "fulfilled", "{canceled:?}");
    assert_eq!(level(&till, STORE).await, (8, 0));

    let one = |restock: bool| {
        json!({"reason": "a gift", "location_id": BRANCH,
               "lines": [{"line": 1, "quantity": 1, "restock": restock}]})
    };
    let refunds = format!("{path}/refunds");
    let first = post(&till, &refunds, &one(true), "r1").await;
    let second = post(&till, &refunds, &one(false), "r2").await;
    // A third of 2.14 is 0.71, two thirds are 1.42.
    let paid = [&first, &second].map(|refund| refund["total"]["amount"].as_i64().unwrap());
    assert_eq!(paid, [71, 71]);
    assert_eq!(level(&till, BRANCH).await, (1, 0));
    let too_much = till.post(&refunds, &one(true), Some("r3")).await.unwrap();
    assert_eq!(too_much.status, 409);
    assert_eq!(
        too_much.body["lines"],
        json!([{"line": 1, "requested": 1, "refundable": 0}])
    );

    let read = till
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
        let page = till.get(&movements).await.unwrap();
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
