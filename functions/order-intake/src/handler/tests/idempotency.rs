//! One key, one effect: the same for whatever is asked under a key.

use futures::future::join_all;
use jiff::SignedDuration;

use super::*;

/// What is asked, and how much of the milk is left once it is done.
struct Asked {
    resource: &'static str,
    order: String,
    body: Value,
    other: Value,
    broken: Value,
    milk: (i64, i64),
    status: u16,
}

impl Asked {
    /// Without a key.
    fn call(&self, body: &Value) -> CallBuilder {
        call("POST", self.resource)
            .path("order_id", &self.order)
            .body(body)
    }
}

const CANCEL: &str = "/v1/orders/{order_id}/cancel";

/// Each thing that is remembered under a key, each in a store of its own.
async fn everything() -> Vec<(Store, Asked)> {
    let mut all = Vec::new();

    let shop = store(&[("milk", 10)]).await;
    let body = order_body("store-1", "pos", &[("milk", 2)]);
    let mut broken = body.clone();
    broken["total"]["amount"] = 1.into();
    let placing = Asked {
        resource: "/v1/orders",
        order: String::new(),
        other: order_body("store-1", "pos", &[("milk", 3)]),
        body,
        broken,
        milk: (8, 0),
        status: 201,
    };
    all.push((shop, placing));

    let shop = store(&[("milk", 10)]).await;
    let refund = |quantity: i64| json!({"reason": "sour", "lines": [{"line": 1, "quantity": quantity, "restock": true}]});
    let refunding = Asked {
        resource: "/v1/orders/{order_id}/refunds",
        order: shop.placed("pos", &[("milk", 9)]).await,
        body: refund(2),
        other: refund(3),
        broken: refund(0),
        milk: (3, 0),
        status: 201,
    };
    all.push((shop, refunding));

    let shop = store(&[("milk", 10)]).await;
    let part = |quantity: i64| json!({"lines": [{"line": 1, "quantity": quantity}]});
    let fulfilling = Asked {
        resource: "/v1/orders/{order_id}/fulfilments",
        order: shop.placed("online", &[("milk", 9)]).await,
        body: part(2),
        other: part(3),
        broken: part(0),
        milk: (8, 7),
        status: 201,
    };
    all.push((shop, fulfilling));

    let shop = store(&[("milk", 10)]).await;
    let canceling = Asked {
        resource: CANCEL,
        order: shop.placed("online", &[("milk", 9)]).await,
        body: json!({"reason": "the customer left"}),
        other: json!({"reason": "out of stock"}),
        broken: json!({"reason": "x".repeat(201)}),
        milk: (10, 0),
        status: 200,
    };
    all.push((shop, canceling));
    all
}

#[tokio::test]
async fn the_same_request_again_and_much_later_is_answered_as_the_first_time() {
    for (store, asked) in everything().await {
        let first = store.send(asked.call(&asked.body).key("k")).await.unwrap();
        assert_eq!((first.status(), first.is_replayed()), (asked.status, false));
        for days in [0, 1, 400] {
            store.clock.advance(SignedDuration::from_hours(24 * days));
            let again = store.send(asked.call(&asked.body).key("k")).await.unwrap();
            assert_eq!((again.status(), again.is_replayed()), (asked.status, true));
            assert_eq!(again.body(), first.body(), "{}", asked.resource);
        }
        assert_eq!(store.shop.level("store-1", "milk"), asked.milk);
    }
}

#[tokio::test]
async fn white_space_and_the_order_of_fields_make_no_other_request() {
    for (store, asked) in everything().await {
        store.send(asked.call(&asked.body).key("k")).await.unwrap();
        let mut fields: Vec<String> = asked
            .body
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!(" \n\"{name}\" : {value}"))
            .collect();
        fields.reverse();
        let text = format!("{{{}}}", fields.join(","));
        let again = asked.call(&asked.body).text(&text).key("k");
        assert!(store.send(again).await.unwrap().is_replayed());
    }
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused_and_the_first_still_stands() {
    for (store, asked) in everything().await {
        let first = store.send(asked.call(&asked.body).key("k")).await.unwrap();
        let refused = store.refused(asked.call(&asked.other).key("k")).await;
        assert_eq!(refused["status"], 422, "{refused}");
        assert_eq!(
            refused["type"],
            "https://stockline.dev/problems/idempotency-key-reused"
        );
        let again = store.send(asked.call(&asked.body).key("k")).await.unwrap();
        assert_eq!(again.body(), first.body());
        assert_eq!(store.shop.level("store-1", "milk"), asked.milk);
    }
}

#[tokio::test]
async fn of_the_same_requests_in_flight_at_once_one_is_done_and_all_are_answered_alike() {
    for (store, asked) in everything().await {
        let sent = (0..5).map(|_| store.send(asked.call(&asked.body).key("k")));
        let answers: Vec<Reply> = join_all(sent)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let done = answers.iter().filter(|answer| !answer.is_replayed());
        assert_eq!(done.count(), 1, "{}", asked.resource);
        assert!(
            answers
                .iter()
                .all(|answer| answer.body() == answers[0].body())
        );
        assert_eq!(store.shop.level("store-1", "milk"), asked.milk);
    }
}

#[tokio::test]
async fn a_key_is_its_callers_own() {
    for (store, asked) in everything().await {
        let first = store.send(asked.call(&asked.body).key("k")).await.unwrap();
        let other = asked
            .call(&asked.body)
            .key("k")
            .by("till-2", "store_app", "store-1");
        let other = store.send(other).await.unwrap();
        assert_eq!((other.status(), other.is_replayed()), (asked.status, false));
        // What is canceled is canceled, whoever asks for it.
        assert_eq!(other.body() == first.body(), asked.resource == CANCEL);
    }
}

#[tokio::test]
async fn what_was_refused_is_not_remembered() {
    for (store, asked) in everything().await {
        let refused = store.refused(asked.call(&asked.broken).key("k")).await;
        assert_eq!(refused["status"], 400, "{refused}");
        let done = store.send(asked.call(&asked.body).key("k")).await.unwrap();
        assert_eq!((done.status(), done.is_replayed()), (asked.status, false));
    }
}

#[tokio::test]
async fn a_broken_request_under_a_known_key_is_told_what_is_broken() {
    for (store, asked) in everything().await {
        store.send(asked.call(&asked.body).key("k")).await.unwrap();
        let refused = store.refused(asked.call(&asked.broken).key("k")).await;
        assert_eq!(refused["status"], 400, "{refused}");
    }
}

#[tokio::test]
async fn a_key_is_one_to_255_visible_ascii_characters() {
    for (store, asked) in everything().await {
        let missing = store.refused(asked.call(&asked.body)).await;
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
            let refused = store.refused(asked.call(&asked.body).key(&key)).await;
            assert_eq!(refused["status"], 400, "{key}");
            assert_eq!(refused["errors"][0]["pointer"], "Idempotency-Key", "{key}");
        }
        let longest = asked.call(&asked.body).key(&"~".repeat(255));
        assert_eq!(store.send(longest).await.unwrap().status(), asked.status);
    }
}

#[tokio::test]
async fn a_refund_and_a_fulfilment_under_one_key_are_two_things() {
    let store = store(&[("milk", 10)]).await;
    let id = store.placed("online", &[("milk", 2)]).await;
    let left = step("fulfilments", &id, "k", &json!({}));
    let back = json!({"reason": "sour", "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    let back = step("refunds", &id, "k", &back);
    for call in [left, back] {
        let done = store.send(call).await.unwrap();
        assert_eq!((done.status(), done.is_replayed()), (201, false));
    }
}

#[tokio::test]
async fn an_offline_sale_sent_again_after_it_grew_too_old_is_answered_as_before() {
    let store = store(&[("milk", 10)]).await;
    let mut body = order_body("store-1", "pos", &[("milk", 2)]);
    body["sold_at"] = "2026-02-27T10:00:00Z".into();
    let first = store.send(place("k", &body)).await.unwrap();
    store.clock.advance(SignedDuration::from_hours(24 * 6));
    let again = store.send(place("k", &body)).await.unwrap();
    assert!(again.is_replayed());
    assert_eq!(again.body(), first.body());
    assert_eq!(store.shop.level("store-1", "milk"), (8, 0));
    // As old, and never sent before; or as old, and something else.
    let too_old = store.refused(place("k2", &body)).await;
    assert_eq!(too_old["errors"][0]["pointer"], "/sold_at");
    body["external_reference"] = "another".into();
    let other = store.refused(place("k", &body)).await;
    assert_eq!(other["errors"][0]["pointer"], "/sold_at");
}

#[tokio::test]
async fn a_cancellation_is_answered_again_as_it_was_and_under_another_key_as_the_order_is() {
    let store = store(&[("milk", 10)]).await;
    let id = store.placed("online", &[("milk", 3)]).await;
    let part = |quantity: i64| json!({"lines": [{"line": 1, "quantity": quantity}]});
    let back = |quantity: i64| json!({"reason": "sour", "lines": [{"line": 1, "quantity": quantity, "restock": false}]});
    store
        .send(step("fulfilments", &id, "f", &part(2)))
        .await
        .unwrap();
    store
        .send(step("refunds", &id, "r1", &back(1)))
        .await
        .unwrap();
    let cancel = |key: &str| step("cancel", &id, key, &json!({}));
    let first = store.send(cancel("c")).await.unwrap();
    assert_eq!(first.body()["lines"][0]["returned_quantity"], 1);
    store
        .send(step("refunds", &id, "r2", &back(1)))
        .await
        .unwrap();
    let again = store.send(cancel("c")).await.unwrap();
    assert_eq!((again.body(), again.is_replayed()), (first.body(), true));
    let other = store.send(cancel("d")).await.unwrap();
    assert_eq!((other.status(), other.is_replayed()), (200, false));
    assert_eq!(other.body()["lines"][0]["returned_quantity"], 2);
    assert_eq!(other.body()["canceled_at"], first.body()["canceled_at"]);
}
