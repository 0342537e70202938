use super::*;

#[tokio::test]
async fn partial_refund_restocks_and_updates_the_order() {
    let store = store(&[("milk", 10), ("bread", 10)]).await;
    let id = store.place_order("pos", &[("milk", 3), ("bread", 1)]).await;
    let body = json!({"reason": "sour", "lines": [
        {"line": 1, "quantity": 2, "restock": true}, {"line": 2, "quantity": 1, "restock": false}]});
    let refund = store
        .send(order_action("refunds", &id, "r1", &body))
        .await
        .unwrap();
    assert_eq!(refund.status(), 201);
    let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let mut answer = refund.body().clone();
    let refund_id = answer.as_object_mut().unwrap().remove("refund_id").unwrap();
    let at = answer
        .as_object_mut()
        .unwrap()
        .remove("refunded_at")
        .unwrap();
    assert!(at.as_str().unwrap().starts_with("2026-03-01T23:30:00"));
    assert_eq!(
        answer,
        json!({
            "order_id": id, "location_id": "store-1", "business_date": "2026-03-01", "reason": "sour",
            "occurred_at": "2026-03-01T23:30:00.000Z",
            "lines": [
                {"line": 1, "sku": "milk", "quantity": 2, "amount": euros(200), "tax": euros(0), "restock": true},
                {"line": 2, "sku": "bread", "quantity": 1, "amount": euros(100), "tax": euros(0), "restock": false},
            ],
            "total": euros(300), "tax": euros(0),
        })
    );
    assert_eq!(store.shop.level("store-1", "milk"), (9, 0));
    assert_eq!(store.shop.level("store-1", "bread"), (9, 0));
    let movement = store.shop.lock().movements.last().unwrap().clone();
    assert_eq!(movement.change.kind.as_str(), "return");
    assert_eq!(movement.change.reason.as_deref(), Some("sour"));
    assert_eq!(movement.change.reference.as_deref(), Some(id.as_str()));

    let found = store.send(read(&id)).await.unwrap().body().clone();
    assert_eq!(found["status"], "fulfilled");
    assert_eq!(found["lines"][0]["returned_quantity"], 2);
    assert_eq!(found["refunds"][0]["refund_id"], refund_id);
    assert_eq!(&found["refunds"][0], refund.body());
}

#[tokio::test]
async fn refund_at_other_store_uses_its_business_date() {
    let store = store(&[("milk", 10)]).await;
    store.shop.lock().levels.extend(
        MemoryShop::stocked("store-2", &[("milk", 0)])
            .lock()
            .levels
            .clone(),
    );
    let id = store.place_order("pos", &[("milk", 1)]).await;
    let body = json!({"reason": "a gift", "location_id": "store-2",
                      "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    let refund = || order_action("refunds", &id, "r1", &body);
    // The caller needs access to both stores; without it the order or the location is not found.
    for own in ["store-1", "store-2"] {
        let refused = store.refused(refund().by("till-1", "store_app", own)).await;
        assert_eq!(refused["status"], 404, "{refused}");
    }
    let both = refund().by("till-1", "store_app", "store-1,store-2");
    let refunded = store.send(both).await.unwrap();
    assert_eq!(refunded.body()["location_id"], "store-2");
    assert_eq!(refunded.body()["business_date"], "2026-03-02");
    assert_eq!(store.shop.level("store-1", "milk"), (9, 0));
    assert_eq!(store.shop.level("store-2", "milk"), (1, 0));
}

#[tokio::test]
async fn refund_belongs_to_the_day_of_the_return() {
    // given a sale and its return, both on Sunday 2026-03-01 at an offline till
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("pos", &[("milk", 3)]).await;
    // when the till reports one refund at once, and one more two days later
    let refund = |key: &str, occurred_at: Value| {
        let mut body =
            json!({"reason": "sour", "lines": [{"line": 1, "quantity": 1, "restock": true}]});
        body["occurred_at"] = occurred_at;
        order_action("refunds", &id, key, &body)
    };
    let at_once = store
        .send(refund("r1", json!("2026-03-01T23:30:00Z")))
        .await;
    store.clock.advance(jiff::SignedDuration::from_hours(48));
    let reported_late = store
        .send(refund("r2", json!("2026-03-01T23:40:00Z")))
        .await;
    // then both belong to Sunday
    for refunded in [at_once, reported_late] {
        assert_eq!(refunded.unwrap().body()["business_date"], "2026-03-01");
    }
}

#[tokio::test]
async fn refund_exceeding_fulfilled_quantity_is_rejected() {
    let store = store(&[("milk", 10), ("bread", 10)]).await;
    let id = store.place_order("pos", &[("milk", 3), ("bread", 1)]).await;
    let one = json!({"reason": "sour", "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    store
        .send(order_action("refunds", &id, "r1", &one))
        .await
        .unwrap();
    let body = json!({"reason": "sour", "lines": [
        {"line": 1, "quantity": 3, "restock": true}, {"line": 2, "quantity": 1, "restock": true}]});
    let refused = store
        .refused(order_action("refunds", &id, "r2", &body))
        .await;
    assert_eq!(refused["status"], 409);
    assert_eq!(
        refused["type"],
        "https://stockline.dev/problems/order-not-refundable"
    );
    assert_eq!(
        refused["lines"],
        json!([{"line": 1, "requested": 3, "refundable": 2}])
    );
    assert_eq!(store.shop.level("store-1", "bread"), (9, 0));
}

#[tokio::test]
async fn unfulfilled_line_is_not_refundable() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("online", &[("milk", 2)]).await;
    let body = json!({"reason": "late", "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    let refused = store
        .refused(order_action("refunds", &id, "r1", &body))
        .await;
    assert_eq!(refused["status"], 409);
    assert_eq!(refused["lines"][0]["refundable"], 0);
}

#[tokio::test]
async fn refund_creates_a_missing_level() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("pos", &[("milk", 2)]).await;
    let body = json!({"reason": "a gift", "location_id": "store-2",
                      "lines": [{"line": 1, "quantity": 1, "restock": false},
                                {"line": 1, "quantity": 1, "restock": true}]});
    let refund =
        order_action("refunds", &id, "r1", &body).by("ana", "store_manager", "store-1,store-2");
    assert_eq!(store.send(refund).await.unwrap().status(), 201);
    assert_eq!(store.shop.level("store-2", "milk"), (1, 0));
}

#[tokio::test]
async fn invalid_refund_is_rejected_without_effect() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("pos", &[("milk", 2)]).await;
    let line =
        |line: i64, quantity: i64| json!({"line": line, "quantity": quantity, "restock": true});
    let cases = [
        (json!({"reason": "", "lines": [line(1, 1)]}), "/reason"),
        (json!({"reason": "x", "lines": []}), "/lines"),
        (
            json!({"reason": "x", "lines": [line(2, 1)]}),
            "/lines/0/line",
        ),
        (
            json!({"reason": "x", "lines": [line(1, 0)]}),
            "/lines/0/quantity",
        ),
        (
            json!({"reason": "x", "lines": [line(1, -1)]}),
            "/lines/0/quantity",
        ),
        (
            json!({"reason": "x", "lines": [{"line": 1, "quantity": 1}]}),
            "/lines/0/restock",
        ),
        (
            json!({"reason": "x", "lines": [line(1, 1)], "total": 1}),
            "/total",
        ),
    ];
    for (body, pointer) in cases {
        let refused = store
            .refused(order_action("refunds", &id, "r1", &body))
            .await;
        assert_eq!(refused["status"], 400, "{refused}");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let good = json!({"reason": "x", "lines": [line(1, 2)]});
    let reader = order_action("refunds", &id, "r1", &good).by("reader", "analyst", "store-1");
    assert_eq!(store.refused(reader).await["status"], 403);
    let foreign = order_action("refunds", &id, "r1", &good).by("till-9", "store_app", "store-9");
    assert_eq!(store.refused(foreign).await["status"], 404);
    assert_eq!(store.shop.level("store-1", "milk"), (8, 0));
    let refund = store
        .send(order_action("refunds", &id, "r1", &good))
        .await
        .unwrap();
    assert_eq!((refund.status(), refund.is_replayed()), (201, false));
}
