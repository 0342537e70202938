//! A packer lists, weighs and ships orders, once each, and reads the shipments back.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use serde_json::{Value, json};
use stockline_integration_tests::{Deployed, eventually};
use stockline_simulators::api::{ApiClient, ApiResponse};

const HUB: &str = "logistics-hub";
const OTHER: &str = "logistics-other";
const LIST: &str = "/v1/shipments?location_id=logistics-hub&state=open";

async fn get(api: &ApiClient, path: &str) -> Value {
    let response = api.get(path).await.unwrap();
    response.expect_status(&[200]).unwrap().body
}

/// Orders `(sku, quantity)` lines online and returns the order's id.
async fn order(shop: &ApiClient, key: &str, lines: &[(&str, i64)]) -> String {
    let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let total = lines.iter().map(|(_, quantity)| quantity * 100).sum();
    let lines = lines.iter();
    let lines: Vec<Value> = lines
        .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity, "unit_price": euros(100)}))
        .collect();
    let body = json!({"location_id": HUB, "channel": "online", "currency": "EUR", "lines": lines,
                      "external_reference": key, "total": euros(total)});
    let placed = shop.post("/v1/orders", &body, Some(key)).await.unwrap();
    let placed = placed.expect_status(&[201]).unwrap();
    placed.body["order_id"].as_str().unwrap().to_owned()
}

fn completion(tracking_number: &str) -> Value {
    json!({"carrier": "Österreichische Post", "tracking_number": tracking_number,
           "parcels": [{"weight_grams": 2200}]})
}

/// Creates the hub with milk (1,040 g), apples by the gram, and eggs of unknown weight.
async fn open_hub(deployed: &Deployed) {
    let stock = [("lg-milk", 20), ("lg-apples", 9000), ("lg-eggs", 60)];
    deployed.open_store(HUB, &stock).await;
    deployed.open_store(OTHER, &[]).await;
    let milk = json!({"sku": "lg-milk", "name": "Milk", "unit_of_measure": "each", "gtin": "4006381333931",
        "unit_weight_grams": 1040, "dimensions_mm": {"length": 70, "width": 70, "height": 200}});
    let apples = json!({"sku": "lg-apples", "name": "Apples", "unit_of_measure": "gram"});
    let catalog = json!({"products": [milk, apples]});
    let written = deployed
        .admin()
        .post("/v1/catalog/batch", &catalog, None)
        .await;
    let written = written.unwrap().expect_status(&[200]).unwrap();
    assert_eq!(
        written.body["results"][0]["outcome"], "stored",
        "{written:?}"
    );
    assert_eq!(get(&deployed.admin(), "/v1/products/lg-milk").await, milk);
}

async fn cancel(shop: &ApiClient, order: &str) {
    let path = format!("/v1/orders/{order}/cancel");
    let key = format!("cancel-{order}");
    let canceled = shop.post(&path, &json!({}), Some(&key)).await.unwrap();
    canceled.expect_status(&[200]).unwrap();
}

fn assert_not_fulfillable(response: &ApiResponse) {
    let problem = response.problem_type();
    assert_eq!(
        (response.status, problem),
        (409, Some("order-not-fulfillable"))
    );
}

#[tokio::test]
async fn orders_are_weighed_and_shipped_once() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    open_hub(&deployed).await;
    let shop = deployed.api("store_app", "logistics-shop", &[HUB]);
    let packer = deployed.api("logistics", "logistics-packer", &[HUB]);

    // given three orders, of which one has a SKU of unknown weight
    let first = order(&shop, "web-1", &[("lg-milk", 2), ("lg-apples", 750)]).await;
    let second = order(&shop, "web-2", &[("lg-milk", 1), ("lg-eggs", 6)]).await;
    let third = order(&shop, "web-3", &[("lg-milk", 3)]).await;

    // when the packer lists them, then they are weighed, the oldest first
    let shipments = eventually("the three orders in the worklist", || async {
        let page = get(&packer, LIST).await;
        let shipments = page["shipments"].as_array().unwrap().clone();
        (shipments.len() == 3).then_some(shipments)
    })
    .await;
    let ids: Vec<&str> = shipments
        .iter()
        .map(|one| one["order_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [&first, &second, &third]);
    assert_eq!(shipments[0]["external_reference"], "web-1");
    assert_eq!(shipments[0]["weight_grams"], 2 * 1040 + 750);
    assert_eq!(shipments[0]["volume_mm3"], Value::Null);
    assert_eq!(shipments[0]["skus_without_volume"], json!(["lg-apples"]));
    assert_eq!(shipments[1]["weight_grams"], Value::Null);
    assert_eq!(shipments[1]["skus_without_weight"], json!(["lg-eggs"]));
    assert_eq!(shipments[2]["volume_mm3"], 3 * 980_000);
    let page = get(&packer, &format!("{LIST}&limit=2")).await;
    let next = page["next_cursor"].as_str().unwrap();
    let rest = get(&packer, &format!("{LIST}&limit=2&cursor={next}")).await;
    assert_eq!(rest["shipments"], json!([shipments[2]]));
    let weight = get(&packer, &format!("/v1/orders/{first}/weight")).await;
    assert_eq!(weight["lines"][1]["weight_grams"], 750);
    assert_eq!(weight["open"], weight["total"]);

    // when an order is shipped and the request is repeated, then the goods leave once and the answers are alike
    let path = format!("/v1/orders/{first}/completion");
    let body = completion("0034043416");
    let shipped = packer.post(&path, &body, Some("ship-1")).await.unwrap();
    let shipped = shipped.expect_status(&[201]).unwrap();
    let again = packer.post(&path, &body, Some("ship-1")).await.unwrap();
    assert_eq!(
        (again.status, again.is_replayed, &again.body),
        (201, true, &shipped.body)
    );
    let level = get(&packer, "/v1/locations/logistics-hub/stock/lg-milk").await;
    assert_eq!(
        (&level["on_hand"], &level["allocated"]),
        (&json!(18), &json!(4))
    );
    let read = get(&packer, &format!("/v1/orders/{first}")).await;
    assert_eq!(read["status"], "fulfilled");
    assert_eq!(read["fulfilments"], json!([shipped.body]));
    assert_eq!(
        read["fulfilments"][0]["shipment"]["tracking_number"],
        "0034043416"
    );
    assert!(read["fulfilments"][0]["occurred_at"].is_string());

    // then another tracking number under the key, and another key, are refused
    let changed = packer
        .post(&path, &completion("1"), Some("ship-1"))
        .await
        .unwrap();
    assert_eq!(
        (changed.status, changed.problem_type()),
        (422, Some("idempotency-key-reused"))
    );
    let second_key = packer.post(&path, &body, Some("ship-1b")).await.unwrap();
    assert_not_fulfillable(&second_key);

    // when an order is shipped in part and the rest is canceled, then nothing is left to ship
    let path = format!("/v1/orders/{third}/completion");
    let mut part = completion("2");
    part["lines"] = json!([{"line": 1, "quantity": 1}]);
    let shipped = packer.post(&path, &part, Some("ship-3")).await.unwrap();
    shipped.expect_status(&[201]).unwrap();
    let open = get(&packer, &format!("/v1/orders/{third}/weight")).await["open"].take();
    assert_eq!(
        (&open["units"], &open["weight_grams"]),
        (&json!(2), &json!(2080))
    );
    cancel(&shop, &third).await;
    let late = packer
        .post(&path, &completion("3"), Some("ship-3b"))
        .await
        .unwrap();
    assert_not_fulfillable(&late);
    cancel(&shop, &second).await;
    let path = format!("/v1/orders/{second}/completion");
    let late = packer
        .post(&path, &completion("3"), Some("ship-2"))
        .await
        .unwrap();
    assert_not_fulfillable(&late);
    let detail = late.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("The order was canceled"), "{detail}");
    assert_eq!(get(&packer, LIST).await["shipments"], json!([]));
}

#[tokio::test]
async fn packer_fulfils_at_its_locations_and_nothing_else() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let location = "logistics-roles";
    deployed.open_store(location, &[("lr-milk", 5)]).await;
    let shop = deployed.api("store_app", "logistics-roles-shop", &[location]);
    let mut body = stockline_integration_tests::sale(location, "lr-milk");
    body["channel"] = "click_and_collect".into();
    let placed = shop.post("/v1/orders", &body, Some("lr-1")).await.unwrap();
    let placed = placed.expect_status(&[201]).unwrap();
    let id = placed.body["order_id"].as_str().unwrap();

    let packer = deployed.api("logistics", "logistics-roles-packer", &[location]);
    let other = deployed.api(
        "logistics",
        "logistics-roles-other",
        &["logistics-elsewhere"],
    );
    let order = format!("/v1/orders/{id}");
    let completion = completion("1");
    for api in [&packer, &shop] {
        get(api, &order).await;
        get(api, &format!("/v1/locations/{location}/stock/lr-milk")).await;
        get(api, "/v1/products/lr-milk").await;
    }
    for path in [
        order.clone(),
        format!("{order}/weight"),
        format!("/v1/shipments?location_id={location}"),
    ] {
        assert_eq!(other.get(&path).await.unwrap().status, 404, "{path}");
    }
    let path = format!("{order}/completion");
    let foreign = other.post(&path, &completion, Some("lr-2")).await.unwrap();
    assert_eq!(foreign.status, 404);

    let changes = json!({"changes": [{"kind": "receipt", "location_id": location, "sku": "lr-milk",
                                      "quantity": 1}]});
    for (path, body) in [
        ("/v1/orders".to_owned(), &body),
        (format!("{order}/cancel"), &json!({})),
        ("/v1/stock/changes".to_owned(), &changes),
    ] {
        let refused = packer.post(&path, body, Some("lr-3")).await.unwrap();
        assert_eq!(refused.status, 403, "{path}: {refused:?}");
    }
    let handed_over = packer
        .post(&format!("{order}/fulfilments"), &json!({}), Some("lr-4"))
        .await;
    handed_over.unwrap().expect_status(&[201]).unwrap();
    let read = get(&packer, &order).await;
    assert_eq!(read["fulfilments"][0].get("shipment"), None, "{read}");
}
