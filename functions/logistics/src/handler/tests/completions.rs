//! Completing orders: what leaves, what is refused, and what a replay gets.

use super::*;

/// Status, problem type and detail of a refusal.
fn told(refused: &Value) -> (u64, &str, &str) {
    let kind = refused["type"].as_str().unwrap();
    (
        refused["status"].as_u64().unwrap(),
        kind.strip_prefix("https://stockline.dev/problems/")
            .unwrap(),
        refused["detail"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn completion_ships_all_open_lines_once() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 2), ("eggs", 6)]).await;
    let mut body = completion("1Z999");
    body["occurred_at"] = "2026-03-01T12:20:00Z".into();
    let first = fixture
        .logistics
        .handle(complete_with(&order, "c1", &body).build())
        .await;
    let first = first.unwrap();
    assert_eq!((first.status(), first.is_replayed()), (201, false));
    let id = FulfilmentId::derive_for_completion(order.order_id, "lea", "c1");
    assert_eq!(
        first.body(),
        &json!({
            "fulfilment_id": id, "order_id": order.order_id,
            "fulfilled_at": "2026-03-01T12:30:00.000Z", "occurred_at": "2026-03-01T12:20:00.000Z",
            "lines": [{"line": 1, "sku": "milk", "quantity": 2}, {"line": 2, "sku": "eggs", "quantity": 6}],
            "shipment": {"carrier": "DHL", "tracking_number": "1Z999",
                         "parcels": [{"weight_grams": 1200}, {"weight_grams": 350}]},
        })
    );
    assert_eq!(fixture.shop.level("hub-1", "milk"), (18, 0));
    let movement = fixture.shop.lock().movements.last().unwrap().clone();
    assert_eq!(movement.change.kind.as_str(), "fulfilment");
    assert_eq!(movement.change.occurred_at, minute(20));
    // A replay an hour later gets the same answer and moves nothing.
    fixture.clock.advance(SignedDuration::from_hours(1));
    let again = fixture
        .logistics
        .handle(complete_with(&order, "c1", &body).build())
        .await;
    let again = again.unwrap();
    assert_eq!((again.status(), again.is_replayed()), (201, true));
    assert_eq!(again.body(), first.body());
    assert_eq!(fixture.shop.level("hub-1", "milk"), (18, 0));
    assert_eq!(fixture.ok(list("hub-1")).await, json!({"shipments": []}));
}

#[tokio::test]
async fn changed_tracking_number_under_one_key_is_refused() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 2)]).await;
    fixture
        .ok(complete_with(&order, "c1", &completion("1")))
        .await;
    let refused = fixture
        .refused(complete_with(&order, "c1", &completion("2")))
        .await;
    let (status, kind, _) = told(&refused);
    assert_eq!((status, kind), (422, "idempotency-key-reused"));
}

#[tokio::test]
async fn second_key_finds_nothing_open() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 2)]).await;
    fixture
        .ok(complete_with(&order, "c1", &completion("1")))
        .await;
    let refused = fixture
        .refused(complete_with(&order, "c2", &completion("1")))
        .await;
    let (status, kind, detail) = told(&refused);
    assert_eq!((status, kind), (409, "order-not-fulfillable"));
    assert!(
        detail.starts_with("Nothing of the order is open"),
        "{detail}"
    );
    assert_eq!(refused["lines"], json!([]));
    assert_eq!(fixture.shop.level("hub-1", "milk"), (18, 0));
}

#[tokio::test]
async fn canceled_order_is_not_shipped() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 2)]).await;
    let known = fixture.shop.find(order.order_id).await.unwrap().unwrap();
    let canceled = stockline_testkit::conformance::orders::cancel(&fixture.shop, &known, minute(5));
    canceled.await.unwrap();
    let mut lines = completion("1");
    lines["lines"] = json!([{"line": 1, "quantity": 1}]);
    for body in [completion("1"), lines] {
        let refused = fixture.refused(complete_with(&order, "c1", &body)).await;
        let (status, kind, detail) = told(&refused);
        assert_eq!((status, kind), (409, "order-not-fulfillable"));
        assert!(detail.starts_with("The order was canceled"), "{detail}");
    }
    assert_eq!(fixture.shop.level("hub-1", "milk"), (20, 0));
}

#[tokio::test]
async fn partly_fulfilled_order_ships_the_rest() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 5), ("eggs", 6)]).await;
    let mut first = completion("1");
    first["lines"] = json!([{"line": 1, "quantity": 3}]);
    fixture.ok(complete_with(&order, "c1", &first)).await;
    // More than is open is refused as a whole, with the open quantity of each exceeded line.
    let mut too_much = completion("2");
    too_much["lines"] = json!([{"line": 1, "quantity": 3}, {"line": 2, "quantity": 6}]);
    let refused = fixture
        .refused(complete_with(&order, "c2", &too_much))
        .await;
    assert_eq!(told(&refused).1, "order-not-fulfillable");
    assert_eq!(
        refused["lines"],
        json!([{"line": 1, "requested": 3, "open": 2}])
    );
    let rest = fixture
        .ok(complete_with(&order, "c3", &completion("2")))
        .await;
    let lines = json!([{"line": 1, "sku": "milk", "quantity": 2}, {"line": 2, "sku": "eggs", "quantity": 6}]);
    assert_eq!(rest["lines"], lines);
    assert_eq!(fixture.shop.level("hub-1", "milk"), (15, 0));
}

#[tokio::test]
async fn short_level_refuses_the_completion() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 2)]).await;
    for level in fixture.shop.lock().levels.values_mut() {
        level.on_hand = 1;
    }
    let refused = fixture
        .refused(complete_with(&order, "c1", &completion("1")))
        .await;
    assert_eq!(told(&refused).1, "insufficient-stock");
    let short = json!([{"sku": "milk", "requested": 2, "available": 1}]);
    assert_eq!(refused["lines"], short);
}

#[tokio::test]
async fn key_of_a_fulfilment_is_free_for_a_completion() {
    let order = order("a", "hub-1", "online", &[("milk", 1)]).order_id;
    assert_ne!(
        FulfilmentId::derive(order, "lea", "k"),
        FulfilmentId::derive_for_completion(order, "lea", "k")
    );
}

#[tokio::test]
async fn invalid_completion_is_reported_with_pointers() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 2)]).await;
    let with = |field: &str, value: Value| {
        let mut body = completion("1Z999");
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (json!({}), "/carrier"),
        (with("carrier", " ".into()), "/carrier"),
        (with("carrier", "x".repeat(65).into()), "/carrier"),
        (with("tracking_number", "1Z 999".into()), "/tracking_number"),
        (with("parcels", json!([])), "/parcels"),
        (
            with("parcels", json!([{"weight_grams": 0}])),
            "/parcels/0/weight_grams",
        ),
        (
            with("parcels", json!([{"weight": 1}])),
            "/parcels/0/weight_grams",
        ),
        (with("lines", Value::Null), "/lines"),
        (
            with("lines", json!([{"line": 2, "quantity": 1}])),
            "/lines/0/line",
        ),
        (with("occurred_at", "2026-03-01".into()), "/occurred_at"),
        (
            with("occurred_at", "2026-03-01T11:00:00Z".into()),
            "/occurred_at",
        ),
    ] {
        let refused = fixture.refused(complete_with(&order, "c1", &body)).await;
        assert_eq!(told(&refused).0, 400, "{refused}");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let call = call("POST", "/v1/orders/{order_id}/completion")
        .path("order_id", &order.order_id.to_string())
        .body(&completion("1"))
        .by("lea", "logistics", "hub-1");
    assert_eq!(
        told(&fixture.refused(call).await).1,
        "missing-idempotency-key"
    );
    assert_eq!(fixture.shop.level("hub-1", "milk"), (20, 2));
}

#[tokio::test]
async fn sample_events_are_answered() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 2)]).await;
    let sampled = "3a99cad9-87ff-55c3-ae91-27bb902755ca";
    for (text, status) in [
        (
            include_str!("../../../../../events/logistics.list.json"),
            200,
        ),
        (
            include_str!("../../../../../events/logistics.weigh.json"),
            200,
        ),
        (
            include_str!("../../../../../events/logistics.complete.json"),
            201,
        ),
    ] {
        let event = text.replace(sampled, &order.order_id.to_string());
        let request = lambda_http::request::from_str(&event).unwrap();
        let response = answer(&request, &|call| fixture.logistics.handle(call)).await;
        assert_eq!(response.status(), status, "{:?}", response.body());
    }
    assert_eq!(fixture.shop.level("hub-1", "milk"), (18, 0));
}
