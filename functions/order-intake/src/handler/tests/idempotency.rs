//! One idempotency key has one effect. Each test runs against all four operations that take a key.

use futures::future::join_all;
use jiff::SignedDuration;

use super::*;

/// One operation, and its expected effect.
struct Operation {
    resource: &'static str,
    /// The order in the path; empty for placing an order.
    order: String,
    body: Value,
    /// A valid body that differs from `body`.
    other: Value,
    /// A body that breaks a rule.
    invalid: Value,
    /// `on_hand` and `allocated` of milk afterwards.
    level: (i64, i64),
    /// The status of success.
    status: u16,
}

impl Operation {
    /// The request without an idempotency key.
    fn call(&self, body: &Value) -> CallBuilder {
        call("POST", self.resource)
            .path("order_id", &self.order)
            .body(body)
    }
}

const CANCEL: &str = "/v1/orders/{order_id}/cancel";

/// Every operation that takes an idempotency key, each with its own store.
async fn every_operation() -> Vec<(Fixture, Operation)> {
    let mut all = Vec::new();

    let shop = store(&[("milk", 10)]).await;
    let body = order_body("store-1", "pos", &[("milk", 2)]);
    let mut invalid = body.clone();
    invalid["total"]["amount"] = 1.into();
    let place = Operation {
        resource: "/v1/orders",
        order: String::new(),
        other: order_body("store-1", "pos", &[("milk", 3)]),
        body,
        invalid,
        level: (8, 0),
        status: 201,
    };
    all.push((shop, place));

    let shop = store(&[("milk", 10)]).await;
    let refund = |quantity: i64| json!({"reason": "sour", "lines": [{"line": 1, "quantity": quantity, "restock": true}]});
    let refund_operation = Operation {
        resource: "/v1/orders/{order_id}/refunds",
        order: shop.place_order("pos", &[("milk", 9)]).await,
        body: refund(2),
        other: refund(3),
        invalid: refund(0),
        level: (3, 0),
        status: 201,
    };
    all.push((shop, refund_operation));

    let shop = store(&[("milk", 10)]).await;
    let fulfilment = |quantity: i64| json!({"lines": [{"line": 1, "quantity": quantity}]});
    let fulfil = Operation {
        resource: "/v1/orders/{order_id}/fulfilments",
        order: shop.place_order("online", &[("milk", 9)]).await,
        body: fulfilment(2),
        other: fulfilment(3),
        invalid: fulfilment(0),
        level: (8, 7),
        status: 201,
    };
    all.push((shop, fulfil));

    let shop = store(&[("milk", 10)]).await;
    let cancel = Operation {
        resource: CANCEL,
        order: shop.place_order("online", &[("milk", 9)]).await,
        body: json!({"reason": "the customer left"}),
        other: json!({"reason": "out of stock"}),
        invalid: json!({"reason": "x".repeat(201)}),
        level: (10, 0),
        status: 200,
    };
    all.push((shop, cancel));
    all
}

#[tokio::test]
async fn replay_returns_the_first_response_at_any_age() {
    for (store, operation) in every_operation().await {
        let first = store
            .send(operation.call(&operation.body).key("k"))
            .await
            .unwrap();
        assert_eq!(
            (first.status(), first.is_replayed()),
            (operation.status, false)
        );
        for days in [0, 1, 400] {
            store.clock.advance(SignedDuration::from_hours(24 * days));
            let again = store
                .send(operation.call(&operation.body).key("k"))
                .await
                .unwrap();
            assert_eq!(
                (again.status(), again.is_replayed()),
                (operation.status, true)
            );
            assert_eq!(again.body(), first.body(), "{}", operation.resource);
        }
        assert_eq!(store.shop.level("store-1", "milk"), operation.level);
    }
}

#[tokio::test]
async fn json_formatting_does_not_change_the_request() {
    for (store, operation) in every_operation().await {
        store
            .send(operation.call(&operation.body).key("k"))
            .await
            .unwrap();
        let mut fields: Vec<String> = operation
            .body
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!(" \n\"{name}\" : {value}"))
            .collect();
        fields.reverse();
        let text = format!("{{{}}}", fields.join(","));
        let again = operation.call(&operation.body).text(&text).key("k");
        assert!(store.send(again).await.unwrap().is_replayed());
    }
}

#[tokio::test]
async fn reused_key_with_other_request_is_rejected() {
    for (store, operation) in every_operation().await {
        let first = store
            .send(operation.call(&operation.body).key("k"))
            .await
            .unwrap();
        let refused = store
            .refused(operation.call(&operation.other).key("k"))
            .await;
        assert_eq!(refused["status"], 422, "{refused}");
        assert_eq!(
            refused["type"],
            "https://stockline.dev/problems/idempotency-key-reused"
        );
        let again = store
            .send(operation.call(&operation.body).key("k"))
            .await
            .unwrap();
        assert_eq!(again.body(), first.body());
        assert_eq!(store.shop.level("store-1", "milk"), operation.level);
    }
}

#[tokio::test]
async fn concurrent_duplicates_are_applied_once() {
    for (store, operation) in every_operation().await {
        let sent = (0..5).map(|_| store.send(operation.call(&operation.body).key("k")));
        let answers: Vec<Reply> = join_all(sent)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let done = answers.iter().filter(|answer| !answer.is_replayed());
        assert_eq!(done.count(), 1, "{}", operation.resource);
        assert!(
            answers
                .iter()
                .all(|answer| answer.body() == answers[0].body())
        );
        assert_eq!(store.shop.level("store-1", "milk"), operation.level);
    }
}

#[tokio::test]
async fn keys_are_scoped_to_the_caller() {
    for (store, operation) in every_operation().await {
        let first = store
            .send(operation.call(&operation.body).key("k"))
            .await
            .unwrap();
        let other = operation
            .call(&operation.body)
            .key("k")
            .by("till-2", "store_app", "store-1");
        let other = store.send(other).await.unwrap();
        assert_eq!(
            (other.status(), other.is_replayed()),
            (operation.status, false)
        );
        // Canceling a canceled order returns it unchanged; every other operation is applied once more.
        assert_eq!(other.body() == first.body(), operation.resource == CANCEL);
    }
}

#[tokio::test]
async fn rejected_request_does_not_use_its_key() {
    for (store, operation) in every_operation().await {
        let refused = store
            .refused(operation.call(&operation.invalid).key("k"))
            .await;
        assert_eq!(refused["status"], 400, "{refused}");
        let done = store
            .send(operation.call(&operation.body).key("k"))
            .await
            .unwrap();
        assert_eq!(
            (done.status(), done.is_replayed()),
            (operation.status, false)
        );
    }
}

#[tokio::test]
async fn invalid_request_under_used_key_is_400() {
    for (store, operation) in every_operation().await {
        store
            .send(operation.call(&operation.body).key("k"))
            .await
            .unwrap();
        let refused = store
            .refused(operation.call(&operation.invalid).key("k"))
            .await;
        assert_eq!(refused["status"], 400, "{refused}");
    }
}

#[tokio::test]
async fn key_must_be_1_to_255_visible_ascii_characters() {
    for (store, operation) in every_operation().await {
        let missing = store.refused(operation.call(&operation.body)).await;
        assert_eq!(
            missing["type"],
            "https://stockline.dev/problems/missing-idempotency-key"
        );
        for key in [
            "k".repeat(256),
            String::new(),
            "schlüssel".into(),
            "a key".into(),
        ] {
            let refused = store
                .refused(operation.call(&operation.body).key(&key))
                .await;
            assert_eq!(refused["status"], 400, "{key}");
            assert_eq!(refused["errors"][0]["pointer"], "Idempotency-Key", "{key}");
        }
        let longest = operation.call(&operation.body).key(&"~".repeat(255));
        assert_eq!(
            store.send(longest).await.unwrap().status(),
            operation.status
        );
    }
}

#[tokio::test]
async fn refund_and_fulfilment_may_share_a_key() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("online", &[("milk", 2)]).await;
    let fulfil = order_action("fulfilments", &id, "k", &json!({}));
    let refund = json!({"reason": "sour", "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    let refund = order_action("refunds", &id, "k", &refund);
    for call in [fulfil, refund] {
        let done = store.send(call).await.unwrap();
        assert_eq!((done.status(), done.is_replayed()), (201, false));
    }
}

#[tokio::test]
async fn replay_of_expired_offline_sale_succeeds() {
    let store = store(&[("milk", 10)]).await;
    let mut body = order_body("store-1", "pos", &[("milk", 2)]);
    body["sold_at"] = "2026-02-27T10:00:00Z".into();
    let first = store.send(place("k", &body)).await.unwrap();
    store.clock.advance(SignedDuration::from_hours(24 * 6));
    let again = store.send(place("k", &body)).await.unwrap();
    assert!(again.is_replayed());
    assert_eq!(again.body(), first.body());
    assert_eq!(store.shop.level("store-1", "milk"), (8, 0));
    // An expired sale under a new key, or with another body under the same key, is rejected.
    let too_old = store.refused(place("k2", &body)).await;
    assert_eq!(too_old["errors"][0]["pointer"], "/sold_at");
    body["external_reference"] = "another".into();
    let other = store.refused(place("k", &body)).await;
    assert_eq!(other["errors"][0]["pointer"], "/sold_at");
}

#[tokio::test]
async fn replayed_cancel_returns_the_order_as_of_then() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("online", &[("milk", 3)]).await;
    let fulfilment = |quantity: i64| json!({"lines": [{"line": 1, "quantity": quantity}]});
    let refund = |quantity: i64| json!({"reason": "sour", "lines": [{"line": 1, "quantity": quantity, "restock": false}]});
    store
        .send(order_action("fulfilments", &id, "f", &fulfilment(2)))
        .await
        .unwrap();
    store
        .send(order_action("refunds", &id, "r1", &refund(1)))
        .await
        .unwrap();
    let cancel = |key: &str| order_action("cancel", &id, key, &json!({}));
    let first = store.send(cancel("c")).await.unwrap();
    assert_eq!(first.body()["lines"][0]["returned_quantity"], 1);
    store
        .send(order_action("refunds", &id, "r2", &refund(1)))
        .await
        .unwrap();
    let again = store.send(cancel("c")).await.unwrap();
    assert_eq!((again.body(), again.is_replayed()), (first.body(), true));
    let other = store.send(cancel("d")).await.unwrap();
    assert_eq!((other.status(), other.is_replayed()), (200, false));
    assert_eq!(other.body()["lines"][0]["returned_quantity"], 2);
    assert_eq!(other.body()["canceled_at"], first.body()["canceled_at"]);
}
