mod finding;
mod fulfilments;
mod histories;
mod idempotency;
mod refunds;

use serde_json::{Value, json};
use stockline_application::deadline::Deadline;
use stockline_application::location_cache::LocationCache;
use stockline_application::ports::catalog::CatalogStore;
use stockline_domain::catalog::Location;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Reply, answer};
use stockline_platform::problem::Problem;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::MemoryCatalog;
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::order_body;

use super::OrderIntake;

struct Fixture {
    shop: MemoryShop,
    clock: FakeClock,
    intake: OrderIntake<MemoryShop, MemoryCatalog, FakeClock>,
}

/// `store-1` holds `stock`; the clock shows 00:30 on 2 March in Berlin, before the store's close-out hour.
async fn store(stock: &[(&str, i64)]) -> Fixture {
    let clock = FakeClock::at("2026-03-01T23:30:00Z");
    let catalog = MemoryCatalog::default();
    for (id, zone, close_out_hour) in [
        ("store-1", "Europe/Berlin", 4),
        ("store-2", "Pacific/Auckland", 0),
    ] {
        let location: Location = serde_json::from_value(json!({
            "location_id": id, "name": id, "kind": "store",
            "time_zone": zone, "close_out_hour": close_out_hour,
        }))
        .unwrap();
        let deadline = Deadline::within(std::time::Duration::from_secs(5));
        catalog.put_location(&location, deadline).await.unwrap();
    }
    let shop = MemoryShop::stocked("store-1", stock);
    let locations = LocationCache::new(catalog, clock.clone());
    let cursors = CursorKey::new("a secret");
    let intake = OrderIntake::new(shop.clone(), locations, clock.clone(), cursors);
    Fixture {
        shop,
        clock,
        intake,
    }
}

fn place(key: &str, body: &Value) -> CallBuilder {
    call("POST", "/v1/orders").key(key).body(body)
}

/// `POST /v1/orders/{id}/{action}`.
fn order_action(action: &'static str, id: &str, key: &str, body: &Value) -> CallBuilder {
    let resource = match action {
        "cancel" => "/v1/orders/{order_id}/cancel",
        "refunds" => "/v1/orders/{order_id}/refunds",
        "fulfilments" => "/v1/orders/{order_id}/fulfilments",
        other => panic!("unknown action {other}"),
    };
    call("POST", resource)
        .path("order_id", id)
        .key(key)
        .body(body)
}

fn read(id: &str) -> CallBuilder {
    call("GET", "/v1/orders/{order_id}").path("order_id", id)
}

/// Lists 1 March 2026 for a caller who may access every location.
fn list_as_admin(location: &str) -> CallBuilder {
    call("GET", "/v1/locations/{location_id}/orders")
        .by("head-office", "admin", "*")
        .path("location_id", location)
        .query("business_date", "2026-03-01")
}

impl Fixture {
    /// Places an order at `store-1` and returns its id.
    async fn place_order(&self, channel: &str, lines: &[(&str, i64)]) -> String {
        let body = order_body("store-1", channel, lines);
        let placed = self.send(place("placed", &body)).await.unwrap();
        placed.body()["order_id"].as_str().unwrap().to_owned()
    }

    async fn send(&self, call: CallBuilder) -> Result<Reply, Problem> {
        self.intake.handle(call.build()).await
    }

    async fn refused(&self, call: CallBuilder) -> Value {
        serde_json::to_value(self.send(call).await.unwrap_err()).unwrap()
    }

    /// Sends each call and compares status, problem type and the pointer of the first error (`-`: no error list).
    async fn refuses<const N: usize>(&self, cases: [(CallBuilder, u16, &str, &str); N]) {
        for (call, status, kind, pointer) in cases {
            let refused = self.refused(call).await;
            assert_eq!(refused["status"], status, "{refused}");
            assert_eq!(
                refused["type"],
                format!("https://stockline.dev/problems/{kind}"),
                "{refused}"
            );
            let actual = refused["errors"][0]["pointer"].as_str().unwrap_or("-");
            assert_eq!(actual, pointer, "{refused}");
        }
    }
}

#[tokio::test]
async fn pos_sale_uses_the_stores_business_date() {
    let store = store(&[("milk", 10)]).await;
    let sold = store
        .send(place("k1", &order_body("store-1", "pos", &[("milk", 2)])))
        .await
        .unwrap();
    assert_eq!(sold.status(), 201);
    // 00:30 in Berlin is before the close-out hour 4, so the sale belongs to the previous day.
    assert_eq!(sold.body()["business_date"], "2026-03-01");
    assert_eq!(sold.body()["status"], "fulfilled");
    assert_eq!(sold.body()["placed_at"], "2026-03-01T23:30:00.000Z");
    assert_eq!(sold.body()["sold_at"], "2026-03-01T23:30:00.000Z");
    assert_eq!(
        sold.body()["total"],
        json!({"amount": 200, "currency": "EUR"})
    );
    assert_eq!(store.shop.level("store-1", "milk"), (8, 0));
}

#[tokio::test]
async fn replayed_order_is_answered_as_placed_after_cancel() {
    let store = store(&[("milk", 10)]).await;
    let body = order_body("store-1", "online", &[("milk", 2)]);
    let first = store.send(place("k1", &body)).await.unwrap();
    let id = first.body()["order_id"].as_str().unwrap().to_owned();
    let cancel = || {
        call("POST", "/v1/orders/{order_id}/cancel")
            .path("order_id", &id)
            .key("c1")
            .body(&json!({"reason": "the customer left"}))
    };
    let canceled = store.send(cancel()).await.unwrap();
    assert_eq!(canceled.body()["status"], "canceled");
    assert_eq!(canceled.body()["canceled_at"], "2026-03-01T23:30:00.000Z");
    let released = store.shop.lock().movements.last().unwrap().clone();
    assert_eq!(released.change.reason.as_deref(), Some("the customer left"));
    let again = store.send(place("k1", &body)).await.unwrap();
    assert!(again.is_replayed() && !first.is_replayed());
    assert_eq!(
        (again.status(), again.body()),
        (first.status(), first.body())
    );
    let replayed = store.send(cancel()).await.unwrap();
    assert!(replayed.is_replayed());
    assert_eq!(replayed.body(), canceled.body());
    assert_eq!(store.shop.level("store-1", "milk"), (10, 0));
}

#[tokio::test]
async fn reused_key_with_other_body_is_rejected() {
    let store = store(&[("milk", 10)]).await;
    store
        .send(place("k1", &order_body("store-1", "pos", &[("milk", 2)])))
        .await
        .unwrap();
    let refused = store
        .refused(place("k1", &order_body("store-1", "pos", &[("milk", 3)])))
        .await;
    assert_eq!(refused["status"], 422);
    assert_eq!(
        refused["type"],
        "https://stockline.dev/problems/idempotency-key-reused"
    );
}

#[tokio::test]
async fn short_order_lists_available_quantity() {
    let store = store(&[("milk", 1), ("bread", 5)]).await;
    let refused = store
        .refused(place(
            "k1",
            &order_body("store-1", "pos", &[("bread", 1), ("milk", 2)]),
        ))
        .await;
    assert_eq!(refused["status"], 409);
    assert_eq!(
        refused["lines"],
        json!([{"sku": "milk", "requested": 2, "available": 1}])
    );
    assert_eq!(store.shop.level("store-1", "bread"), (5, 0));
}

#[tokio::test]
async fn unstocked_line_is_reported_with_pointer() {
    let store = store(&[("milk", 1)]).await;
    let refused = store
        .refused(place(
            "k1",
            &order_body("store-1", "pos", &[("milk", 1), ("caviar", 1)]),
        ))
        .await;
    assert_eq!(refused["status"], 422);
    assert_eq!(refused["errors"][0]["pointer"], "/lines/1/sku");
}

#[tokio::test]
async fn all_wrong_fields_are_reported_without_rust_types() {
    let store = store(&[("milk", 10)]).await;
    let mut body = order_body("store-1", "pos", &[("milk", 1)]);
    body["channel"] = 7.into();
    body["sold_at"] = "2026-03-01 12:00".into();
    body["lines"][0]["quantity"] = "two".into();
    body["lines"][0]["discount"] = Value::Null;
    body["total"] = json!([100, "EUR"]);
    let refused = store.refused(place("k", &body)).await;
    let errors = refused["errors"].as_array().unwrap();
    let pointers: Vec<&str> = errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/channel",
            "/lines/0/discount",
            "/lines/0/quantity",
            "/sold_at",
            "/total"
        ]
    );
    let text = refused.to_string();
    for foreign in ["struct", "PlaceOrder", "line 1", "expected", "i64"] {
        assert!(!text.contains(foreign), "{foreign} in {text}");
    }
    assert_eq!(store.shop.level("store-1", "milk"), (10, 0));
}

#[tokio::test]
async fn foreign_and_unknown_locations_are_answered_alike() {
    let store = store(&[("milk", 10)]).await;
    let foreign = order_body("store-2", "pos", &[("milk", 1)]);
    let of_till = store.refused(place("k", &foreign)).await;
    let unknown = order_body("store-9", "pos", &[("milk", 1)]);
    let of_admin = place("k", &unknown).by("root", "admin", "*");
    assert_eq!(store.refused(of_admin).await, of_till);
    assert_eq!(of_till["status"], 404);
}

#[tokio::test]
async fn invalid_request_is_rejected_without_effect() {
    let store = store(&[("milk", 10)]).await;
    let good = order_body("store-1", "pos", &[("milk", 1)]);
    let mut unknown_field = good.clone();
    unknown_field["colour"] = "red".into();
    let mut wrong_type = good.clone();
    wrong_type["lines"][0]["quantity"] = "two".into();
    let mut fraction = good.clone();
    fraction["lines"][0]["quantity"] = json!(1.5);
    let mut wrong_total = good.clone();
    wrong_total["total"]["amount"] = 99.into();
    let mut long = good.clone();
    long["external_reference"] = "x".repeat(65).into();
    let mut foreign = good.clone();
    foreign["location_id"] = "store-2".into();
    let cases = [
        (
            call("POST", "/v1/orders").key("k").text("{"),
            400,
            "malformed-body",
            "",
        ),
        (
            call("POST", "/v1/orders").key("k").text("[]"),
            400,
            "invalid-request",
            "",
        ),
        (
            place("k", &unknown_field),
            400,
            "invalid-request",
            "/colour",
        ),
        (
            place("k", &wrong_type),
            400,
            "invalid-request",
            "/lines/0/quantity",
        ),
        (
            place("k", &fraction),
            400,
            "invalid-request",
            "/lines/0/quantity",
        ),
        (
            place("k", &wrong_total),
            400,
            "invalid-request",
            "/total/amount",
        ),
        (
            place("k", &long),
            400,
            "invalid-request",
            "/external_reference",
        ),
        (place("k", &foreign), 404, "not-found", "-"),
    ];
    store.refuses(cases).await;
    assert_eq!(store.send(place("k", &good)).await.unwrap().status(), 201);
    assert_eq!(store.shop.level("store-1", "milk"), (9, 0));
}

#[tokio::test]
async fn invalid_headers_and_roles_are_rejected_without_effect() {
    let store = store(&[("milk", 10)]).await;
    let good = order_body("store-1", "pos", &[("milk", 1)]);
    let cases = [
        (
            place(&"k".repeat(256), &good),
            400,
            "invalid-request",
            "Idempotency-Key",
        ),
        (
            place("k", &good).header("content-type", "text/plain"),
            415,
            "unsupported-media-type",
            "-",
        ),
        (
            call("POST", "/v1/orders").body(&good),
            400,
            "missing-idempotency-key",
            "-",
        ),
        (
            call("POST", "/v1/orders")
                .key("k")
                .text(&" ".repeat(65_537)),
            413,
            "payload-too-large",
            "-",
        ),
        (
            place("k", &good).by("reader", "analyst", "store-1"),
            403,
            "forbidden",
            "-",
        ),
    ];
    store.refuses(cases).await;
    assert_eq!(store.shop.level("store-1", "milk"), (10, 0));
}

#[tokio::test]
async fn foreign_order_is_not_found() {
    let store = store(&[("milk", 10)]).await;
    let sold = store
        .send(place("k1", &order_body("store-1", "pos", &[("milk", 1)])))
        .await
        .unwrap();
    let id = sold.body()["order_id"].as_str().unwrap().to_owned();
    let mut found = store.send(read(&id)).await.unwrap().body().clone();
    for records in ["fulfilments", "refunds"] {
        let records = found.as_object_mut().unwrap().remove(records);
        assert_eq!(records, Some(json!([])));
    }
    assert_eq!(&found, sold.body());
    let foreign = store
        .refused(read(&id).by("till-9", "store_app", "store-9"))
        .await;
    let missing = store
        .refused(read("00000000-0000-0000-0000-000000000000"))
        .await;
    let nonsense = store.refused(read("nonsense")).await;
    assert_eq!(foreign["status"], 404);
    assert_eq!(foreign, missing);
    assert_eq!(foreign, nonsense);
}

#[tokio::test]
async fn list_pages_a_day_and_rejects_bad_parameters() {
    let store = store(&[("milk", 10)]).await;
    for key in ["k1", "k2", "k3"] {
        store
            .send(place(key, &order_body("store-1", "pos", &[("milk", 1)])))
            .await
            .unwrap();
    }
    let list = || {
        call("GET", "/v1/locations/{location_id}/orders")
            .path("location_id", "store-1")
            .query("business_date", "2026-03-01")
            .query("limit", "2")
    };
    let first = store.send(list()).await.unwrap();
    assert_eq!(first.body()["orders"].as_array().unwrap().len(), 2);
    let cursor = first.body()["next_cursor"].as_str().unwrap();
    let second = store.send(list().query("cursor", cursor)).await.unwrap();
    assert_eq!(second.body()["orders"].as_array().unwrap().len(), 1);
    assert!(second.body().get("next_cursor").is_none());
    let forged = store.refused(list().query("cursor", &cursor[1..])).await;
    assert_eq!(forged["errors"][0]["pointer"], "cursor");
    let without_date =
        || call("GET", "/v1/locations/{location_id}/orders").path("location_id", "store-1");
    let invalid_dates = ["2026-03-01T23:30:00-05:00[America/New_York]", "20260301"]
        .map(|date| without_date().query("business_date", date));
    for call in invalid_dates.into_iter().chain([without_date()]) {
        let refused = store.refused(call).await;
        assert_eq!(refused["errors"][0]["pointer"], "business_date");
    }
}

#[tokio::test]
async fn list_empty_day_returns_no_orders() {
    let store = store(&[("milk", 10)]).await;
    let listed = store.send(list_as_admin("store-1")).await.unwrap();
    assert_eq!(listed.body()["orders"], json!([]));
}

#[tokio::test]
async fn list_unknown_location_is_not_found() {
    let store = store(&[("milk", 10)]).await;
    let refused = store.refused(list_as_admin("store-404")).await;
    assert_eq!(refused["status"], 404);
}

#[tokio::test]
async fn sample_place_event_gets_the_gateway_response() {
    let event = include_str!("../../../../events/order-intake.place.json");
    let request = lambda_http::request::from_str(event).unwrap();
    let store = store(&[("milk", 10), ("bread", 10)]).await;
    let response = answer(&request, &|call| store.intake.handle(call)).await;
    assert_eq!(response.status(), 201, "{:?}", response.body());
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(
        response.headers()["x-request-id"],
        "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    );
    assert_eq!(response.headers()["x-correlation-id"], "till-1-basket-7");
}

#[tokio::test]
async fn sample_refund_and_fulfil_events_are_answered() {
    let store = store(&[("milk", 10), ("bread", 10)]).await;
    for (event, status) in [
        (
            include_str!("../../../../events/order-intake.place.json"),
            201,
        ),
        (
            include_str!("../../../../events/order-intake.refund.json"),
            201,
        ),
        // A POS sale is fulfilled at once, so it has no open quantity.
        (
            include_str!("../../../../events/order-intake.fulfil.json"),
            409,
        ),
    ] {
        let request = lambda_http::request::from_str(event).unwrap();
        let response = answer(&request, &|call| store.intake.handle(call)).await;
        assert_eq!(response.status(), status, "{:?}", response.body());
    }
}
