//! Orders are found by id, by reference and by the time they were placed.

use jiff::SignedDuration;

use super::*;

fn find(filters: &[(&str, &str)]) -> CallBuilder {
    let asked = call("GET", "/v1/orders");
    filters
        .iter()
        .fold(asked, |asked, (name, value)| asked.query(name, value))
}

impl Fixture {
    /// Places a sale of milk with this reference and returns the order.
    async fn place_with_reference(&self, reference: &str, channel: &str) -> Value {
        let mut body = order_body("store-1", channel, &[("milk", 1)]);
        body["external_reference"] = reference.into();
        let placed = self.send(place(reference, &body)).await.unwrap();
        placed.body().clone()
    }

    async fn found(&self, call: CallBuilder) -> Value {
        self.send(call).await.unwrap().body()["orders"].clone()
    }
}

#[tokio::test]
async fn order_is_found_by_its_reference() {
    let store = store(&[("milk", 10)]).await;
    let one = store.place_with_reference("T1-1", "pos").await;
    store.place_with_reference("T1-10", "pos").await;
    store.clock.advance(SignedDuration::from_hours(24 * 400));
    let of_reference = |reference| {
        find(&[
            ("location_id", "store-1"),
            ("external_reference", reference),
        ])
    };
    assert_eq!(store.found(of_reference("T1-1")).await, json!([one]));
    assert_eq!(store.found(of_reference("T1")).await, json!([]));
}

#[tokio::test]
async fn range_of_placement_times_is_searched_in_pages() {
    let store = store(&[("milk", 10)]).await;
    let mut placed = Vec::new();
    for number in 0..5 {
        let channel = if number == 3 { "online" } else { "pos" };
        let reference = format!("T{number}");
        placed.push(store.place_with_reference(&reference, channel).await);
        store.clock.advance(SignedDuration::from_hours(10));
    }
    let filters = [
        ("location_id", "store-1"),
        ("placed_from", "2026-03-02T09:00:00Z"),
        ("placed_to", "2026-03-04T00:00:00+01:00"),
        ("limit", "2"),
    ];
    let (mut orders, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut page = find(&filters);
        if let Some(cursor) = &cursor {
            page = page.query("cursor", cursor);
        }
        let page = store.send(page).await.unwrap().body().clone();
        orders.extend(page["orders"].as_array().unwrap().clone());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
        // A cursor is bound to the filters.
        let other = find(&filters[..2]).query("cursor", cursor.as_deref().unwrap());
        store
            .refuses([(other, 400, "invalid-request", "cursor")])
            .await;
    }
    assert_eq!(orders, placed[1..5]);
    let since = [
        ("location_id", "store-1"),
        ("placed_from", "2026-03-01T23:00:00Z"),
    ];
    let online = find(&since).query("channel", "online");
    assert_eq!(store.found(online).await, json!([placed[3]]));
    let open = find(&since).query("status", "allocated");
    assert_eq!(store.found(open).await, json!([placed[3]]));
}

#[tokio::test]
async fn orders_are_found_by_their_ids() {
    let store = store(&[("milk", 10)]).await;
    let one = store.place_with_reference("T1", "pos").await;
    let two = store.place_with_reference("T2", "pos").await;
    let ids = [&two, &one].map(|order| order["order_id"].as_str().unwrap().to_owned());
    let missing = "00000000-0000-0000-0000-000000000000";
    let asked = || {
        find(&[
            ("order_id", &ids[0]),
            ("order_id", missing),
            ("order_id", &ids[1]),
            ("order_id", &ids[0]),
        ])
    };
    assert_eq!(store.found(asked()).await, json!([two, one]));
    let stranger = asked().by("till-9", "store_app", "store-9");
    assert_eq!(store.found(stranger).await, json!([]));
}

#[tokio::test]
async fn bad_searches_are_refused() {
    let store = store(&[("milk", 10)]).await;
    let here = ("location_id", "store-1");
    let from = ("placed_from", "2026-03-01T00:00:00Z");
    let id = ("order_id", "00000000-0000-0000-0000-000000000000");
    let too_many: Vec<String> = (0..101)
        .map(|number| format!("00000000-0000-0000-0000-{number:012}"))
        .collect();
    let too_many: Vec<_> = too_many
        .iter()
        .map(|id| ("order_id", id.as_str()))
        .collect();
    let invalid = |call: CallBuilder, pointer| (call, 400, "invalid-request", pointer);
    store
        .refuses([
            invalid(find(&[]), "location_id"),
            invalid(find(&[here]), "placed_from"),
            invalid(find(&[here, ("placed_from", "2026-03-01")]), "placed_from"),
            invalid(
                find(&[here, ("placed_from", "2026-01-01T00:00:00Z")]),
                "placed_from",
            ),
            invalid(
                find(&[here, from, ("placed_to", "2026-03-01T00:00:00Z")]),
                "placed_from",
            ),
            invalid(find(&[here, from, ("status", "open")]), "status"),
            invalid(find(&[here, from, ("channel", "till")]), "channel"),
            invalid(find(&[id, here]), "location_id"),
            invalid(find(&[("order_id", "nonsense")]), "order_id"),
            invalid(find(&too_many), "order_id"),
            (
                find(&[here, from]).by("till-9", "store_app", "store-9"),
                404,
                "not-found",
                "-",
            ),
            (
                find(&[("location_id", "store-404"), from]).by("boss", "admin", "*"),
                404,
                "not-found",
                "-",
            ),
            (find(&[id]).by("ada", "analyst", ""), 403, "forbidden", "-"),
            (
                find(&[here, from]).by_controller("c-1", "store-1"),
                403,
                "forbidden",
                "-",
            ),
        ])
        .await;
}

#[tokio::test]
async fn sample_find_event_gets_the_order() {
    let store = store(&[("milk", 10)]).await;
    let placed = store.place_with_reference("T1-0001", "pos").await;
    let event = include_str!("../../../../../events/order-intake.find.json");
    let request = lambda_http::request::from_str(event).unwrap();
    let response = answer(&request, &|call| store.intake.handle(call)).await;
    assert_eq!(response.status(), 200);
    let lambda_http::Body::Text(body) = response.body() else {
        panic!("the response has no text");
    };
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["orders"], json!([placed]));
}
