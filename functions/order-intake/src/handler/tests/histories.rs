//! What is read back of an order's life: its cancellation, fulfilments and refunds.

use jiff::SignedDuration;

use super::*;

fn list(records: &'static str, id: &str) -> CallBuilder {
    let resource = match records {
        "refunds" => "/v1/orders/{order_id}/refunds",
        _ => "/v1/orders/{order_id}/fulfilments",
    };
    call("GET", resource).path("order_id", id)
}

/// The ids of the records `name` in `body`. `id` is the name of their id.
fn ids(body: &Value, name: &str, id: &str) -> Vec<String> {
    let records = body[name].as_array().unwrap().iter();
    records
        .map(|record| record[id].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn cancellation_reason_is_read_back() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("online", &[("milk", 2)]).await;
    let open = store.send(read(&id)).await.unwrap().body().clone();
    assert_eq!(open.get("cancellation_reason"), None);
    let reason = json!({"reason": "the customer left"});
    let canceled = order_action("cancel", &id, "c1", &reason);
    store.send(canceled).await.unwrap();
    let found = store.send(read(&id)).await.unwrap().body().clone();
    assert_eq!(found["cancellation_reason"], "the customer left");
    assert_eq!(found["canceled_at"], "2026-03-01T23:30:00.000Z");
}

#[tokio::test]
async fn refund_is_read_back_with_its_own_time() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("pos", &[("milk", 2)]).await;
    store.clock.advance(SignedDuration::from_hours(2));
    let body = json!({"reason": "sour", "occurred_at": "2026-03-02T00:30:00Z",
        "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    let refund = order_action("refunds", &id, "r1", &body);
    let refunded = store.send(refund).await.unwrap().body().clone();
    assert_eq!(refunded["occurred_at"], "2026-03-02T00:30:00.000Z");
    assert_eq!(refunded["refunded_at"], "2026-03-02T01:30:00.000Z");
    let found = store.send(read(&id)).await.unwrap().body().clone();
    assert_eq!(found["refunds"], json!([refunded]));
    let listed = store.send(list("refunds", &id)).await.unwrap();
    assert_eq!(listed.body(), &json!({"refunds": [refunded]}));
}

#[tokio::test]
async fn order_shows_its_newest_records_and_pages_the_rest() {
    // given 45 refunds and 45 fulfilments of one order, two of each at the same time
    let store = store(&[("milk", 100)]).await;
    let id = store.place_order("online", &[("milk", 60)]).await;
    let (mut refunds, mut fulfilments) = (Vec::new(), Vec::new());
    for number in 0..45 {
        if number != 10 {
            store.clock.advance(SignedDuration::from_secs(1));
        }
        let body = json!({"lines": [{"line": 1, "quantity": 1}]});
        let fulfil = order_action("fulfilments", &id, &format!("f{number}"), &body);
        let made = store.send(fulfil).await.unwrap().body().clone();
        fulfilments.push(made);
        let body =
            json!({"reason": "sour", "lines": [{"line": 1, "quantity": 1, "restock": false}]});
        let refund = order_action("refunds", &id, &format!("r{number}"), &body);
        refunds.push(store.send(refund).await.unwrap().body().clone());
    }
    let found = store.send(read(&id)).await.unwrap().body().clone();
    for (name, id_name, time, made) in [
        ("refunds", "refund_id", "refunded_at", &mut refunds),
        (
            "fulfilments",
            "fulfilment_id",
            "fulfilled_at",
            &mut fulfilments,
        ),
    ] {
        let key = |record: &Value| [time, id_name].map(|name| record[name].to_string());
        made.sort_by_key(|record| std::cmp::Reverse(key(record)));
        let newest_first = ids(&json!({ name: made }), name, id_name);
        // when the order is read, then the rest is paged from its cursor
        let mut read_back = ids(&found, name, id_name);
        assert_eq!(read_back.len(), 20);
        let cursor_name = format!("{name}_next_cursor");
        let mut cursor = found[&cursor_name].as_str().map(str::to_owned);
        while let Some(position) = cursor {
            let page = list(name, &id)
                .query("cursor", &position)
                .query("limit", "10");
            let page = store.send(page).await.unwrap().body().clone();
            read_back.extend(ids(&page, name, id_name));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
        }
        // then all records are there, newest first
        assert_eq!(read_back, newest_first);
    }
    // and a cursor of one list is none of the other, nor of another order
    let cursor = found["refunds_next_cursor"].as_str().unwrap();
    let other_list = list("fulfilments", &id).query("cursor", cursor);
    let other_id = {
        let body = order_body("store-1", "pos", &[("milk", 1)]);
        let placed = store.send(place("other", &body)).await.unwrap();
        placed.body()["order_id"].as_str().unwrap().to_owned()
    };
    let other_order = list("refunds", &other_id).query("cursor", cursor);
    store
        .refuses([
            (other_list, 400, "invalid-request", "cursor"),
            (other_order, 400, "invalid-request", "cursor"),
        ])
        .await;
}

#[tokio::test]
async fn foreign_records_are_not_found() {
    let store = store(&[("milk", 10)]).await;
    let id = store.place_order("pos", &[("milk", 2)]).await;
    for records in ["refunds", "fulfilments"] {
        store
            .refuses([
                (
                    list(records, &id).by("till-9", "store_app", "store-9"),
                    404,
                    "not-found",
                    "-",
                ),
                (
                    list(records, &id).by("ada", "analyst", ""),
                    403,
                    "forbidden",
                    "-",
                ),
                (
                    list(records, &id).query("limit", "0"),
                    400,
                    "invalid-request",
                    "limit",
                ),
            ])
            .await;
    }
}
