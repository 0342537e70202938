use super::*;

#[tokio::test]
async fn partial_fulfilment_then_cancel_releases_the_rest() {
    let store = store(&[("milk", 10), ("bread", 10)]).await;
    let id = store
        .place_order("click_and_collect", &[("milk", 3), ("bread", 1)])
        .await;
    assert_eq!(store.shop.level("store-1", "milk"), (10, 3));
    let body = json!({"lines": [{"line": 1, "quantity": 2}]});
    let fulfilled = store
        .send(order_action("fulfilments", &id, "f1", &body))
        .await
        .unwrap();
    assert_eq!(fulfilled.status(), 201);
    assert_eq!(fulfilled.body()["order_id"], id.as_str());
    assert_eq!(
        fulfilled.body()["lines"],
        json!([{"line": 1, "sku": "milk", "quantity": 2}])
    );
    assert_eq!(store.shop.level("store-1", "milk"), (8, 1));
    let movement = store.shop.lock().movements.last().unwrap().clone();
    assert_eq!(movement.change.kind.as_str(), "fulfilment");

    let canceled = store
        .send(order_action("cancel", &id, "c1", &json!({})))
        .await
        .unwrap();
    assert_eq!(canceled.body()["status"], "fulfilled");
    assert_eq!(canceled.body()["lines"][0]["canceled_quantity"], 1);
    assert_eq!(store.shop.level("store-1", "milk"), (8, 0));
    assert_eq!(store.shop.level("store-1", "bread"), (10, 0));
    let again = store
        .send(order_action("cancel", &id, "c1", &json!({})))
        .await
        .unwrap();
    assert!(again.is_replayed());
    assert_eq!(again.body(), canceled.body());
}

#[tokio::test]
async fn fulfilment_without_lines_fulfils_everything_open() {
    let store = store(&[("milk", 10), ("bread", 10)]).await;
    let id = store
        .place_order("online", &[("milk", 3), ("bread", 1)])
        .await;
    let fulfilled = store
        .send(order_action("fulfilments", &id, "f1", &json!({})))
        .await
        .unwrap();
    assert_eq!(fulfilled.body()["lines"].as_array().unwrap().len(), 2);
    let found = store.send(read(&id)).await.unwrap();
    assert_eq!(found.body()["status"], "fulfilled");
    assert_eq!(found.body()["fulfilments"], json!([fulfilled.body()]));
    let occurred_at = &fulfilled.body()["occurred_at"];
    assert_eq!(occurred_at, "2026-03-01T23:30:00.000Z");
    assert_eq!(fulfilled.body().get("shipment"), None);
    assert_eq!(store.shop.level("store-1", "milk"), (7, 0));
    let refused = store
        .refused(order_action("cancel", &id, "c1", &json!({})))
        .await;
    assert_eq!(
        refused["type"],
        "https://stockline.dev/problems/order-not-cancelable"
    );
}

#[tokio::test]
async fn fulfilment_exceeding_open_quantity_is_rejected() {
    let store = store(&[("milk", 10), ("bread", 10)]).await;
    let id = store
        .place_order("online", &[("milk", 3), ("bread", 1)])
        .await;
    let body = json!({"lines": [{"line": 1, "quantity": 4}, {"line": 2, "quantity": 1}]});
    let refused = store
        .refused(order_action("fulfilments", &id, "f1", &body))
        .await;
    assert_eq!(refused["status"], 409);
    assert_eq!(
        refused["type"],
        "https://stockline.dev/problems/order-not-fulfillable"
    );
    assert_eq!(
        refused["lines"],
        json!([{"line": 1, "requested": 4, "open": 3}])
    );
    assert_eq!(store.shop.level("store-1", "bread"), (10, 1));
    let sale = order_body("store-1", "pos", &[("milk", 1)]);
    let sale = store.send(place("sale", &sale)).await.unwrap();
    let sale = sale.body()["order_id"].as_str().unwrap().to_owned();
    let refused = store
        .refused(order_action("fulfilments", &sale, "f1", &json!({})))
        .await;
    assert_eq!(
        (&refused["status"], &refused["lines"]),
        (&409.into(), &json!([]))
    );
}

#[tokio::test]
async fn fulfilment_of_short_level_lists_the_shortage() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("online", &[("milk", 3)]).await;
    store
        .shop
        .lock()
        .levels
        .values_mut()
        .for_each(|level| level.on_hand = 2);
    let refused = store
        .refused(order_action("fulfilments", &id, "f1", &json!({})))
        .await;
    assert_eq!(refused["status"], 409);
    assert_eq!(
        refused["lines"],
        json!([{"sku": "milk", "requested": 3, "available": 2}])
    );
}

#[tokio::test]
async fn invalid_fulfilment_is_reported_with_pointer() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("online", &[("milk", 3)]).await;
    for (body, pointer) in [
        (json!({"lines": []}), "/lines"),
        // Without lines everything that is open would be fulfilled.
        (json!({"lines": null}), "/lines"),
        (
            json!({"lines": [{"line": 9, "quantity": 1}]}),
            "/lines/0/line",
        ),
        (
            json!({"lines": [{"line": 1, "quantity": 0}]}),
            "/lines/0/quantity",
        ),
        (
            json!({"lines": [{"line": 1, "quantity": 1, "restock": true}]}),
            "/lines/0/restock",
        ),
    ] {
        let refused = store
            .refused(order_action("fulfilments", &id, "f1", &body))
            .await;
        assert_eq!(refused["status"], 400, "{refused}");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
}

#[tokio::test]
async fn packer_may_fulfil_an_order_and_not_change_it_otherwise() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("online", &[("milk", 3)]).await;
    let packer = |call: CallBuilder| call.by("lea", "logistics", "store-1");
    let refund = json!({"reason": "sour", "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    for call in [
        place("k", &order_body("store-1", "pos", &[("milk", 1)])),
        order_action("cancel", &id, "c1", &json!({})),
        order_action("refunds", &id, "r1", &refund),
    ] {
        let refused = store.refused(packer(call)).await;
        assert_eq!(refused["status"], 403, "{refused}");
    }
    let fulfilments = |caller: &str, role: &str, location: &str| {
        order_action("fulfilments", &id, "f1", &json!({})).by(caller, role, location)
    };
    let analyst = store
        .refused(fulfilments("ana", "analyst", "store-1"))
        .await;
    assert_eq!(analyst["status"], 403);
    let foreign = store
        .refused(fulfilments("kim", "logistics", "store-2"))
        .await;
    assert_eq!(foreign["status"], 404);
    let fulfilled = store.send(fulfilments("lea", "logistics", "store-1")).await;
    assert_eq!(fulfilled.unwrap().status(), 201);
    let read = store.send(packer(read(&id))).await.unwrap();
    assert_eq!(read.body()["status"], "fulfilled");
}
