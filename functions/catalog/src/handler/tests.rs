mod costs;

use serde_json::{Value, json};
use stockline_platform::edge::{Reply, answer};
use stockline_platform::problem::Problem;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::conformance::stock::{apply, receipt};
use stockline_testkit::memory::catalog::MemoryCatalog;
use stockline_testkit::memory::shop::MemoryShop;

use super::Catalog;

struct Fixture {
    store: MemoryCatalog,
    stock: MemoryShop,
    catalog: Catalog<MemoryCatalog, MemoryShop>,
}

fn fixture() -> Fixture {
    let (store, stock) = (MemoryCatalog::default(), MemoryShop::default());
    let catalog = Catalog::new(store.clone(), stock.clone());
    Fixture {
        store,
        stock,
        catalog,
    }
}

impl Fixture {
    async fn send(&self, call: CallBuilder) -> Result<Reply, Problem> {
        self.catalog.handle(call.build()).await
    }

    async fn ok(&self, call: CallBuilder) -> Value {
        let reply = self.send(call).await.unwrap();
        assert_eq!(reply.status(), 200);
        reply.body().clone()
    }

    async fn refused(&self, call: CallBuilder) -> Value {
        serde_json::to_value(self.send(call).await.unwrap_err()).unwrap()
    }
}

fn put_product(sku: &str) -> CallBuilder {
    call("PUT", "/v1/products/{sku}")
        .path("sku", sku)
        .by("ops", "admin", "*")
}

fn put_location(id: &str) -> CallBuilder {
    call("PUT", "/v1/locations/{location_id}")
        .path("location_id", id)
        .by("ops", "admin", "*")
}

fn read_product(sku: &str) -> CallBuilder {
    call("GET", "/v1/products/{sku}").path("sku", sku)
}

fn read_location(id: &str) -> CallBuilder {
    call("GET", "/v1/locations/{location_id}").path("location_id", id)
}

fn batch(body: &Value) -> CallBuilder {
    call("POST", "/v1/catalog/batch")
        .by("ops", "admin", "*")
        .body(body)
}

fn milk() -> Value {
    json!({
        "sku": "milk", "name": "Milk, 1 l", "department": "Fresh", "category": "Dairy", "brand": "Alm",
        "unit_of_measure": "each", "list_price": {"amount": 129, "currency": "EUR"},
    })
}

fn shop(id: &str) -> Value {
    json!({
        "location_id": id, "name": "Berlin Mitte", "kind": "store",
        "time_zone": "Europe/Berlin", "close_out_hour": 4, "zones": [],
    })
}

#[tokio::test]
async fn product_put_by_admin_is_readable_by_store_app() {
    let fixture = fixture();
    assert_eq!(fixture.ok(put_product("milk").body(&milk())).await, milk());
    assert_eq!(
        fixture.ok(put_product("milk").body(&milk())).await,
        milk(),
        "putting it again changes nothing"
    );
    assert_eq!(fixture.ok(read_product("milk")).await, milk());
    assert_eq!(fixture.refused(read_product("bread")).await["status"], 404);
}

#[tokio::test]
async fn put_location_replaces_time_zone_and_close_out_hour() {
    let fixture = fixture();
    fixture
        .ok(put_location("store-1").body(&shop("store-1")))
        .await;
    let mut moved = shop("store-1");
    moved["time_zone"] = "Europe/Lisbon".into();
    moved["close_out_hour"] = 0.into();
    assert_eq!(
        fixture.ok(put_location("store-1").body(&moved)).await,
        moved
    );
    assert_eq!(fixture.ok(read_location("store-1")).await, moved);
}

#[tokio::test]
async fn time_zone_of_a_location_with_stock_is_fixed() {
    let fixture = fixture();
    let put = |body: &Value| put_location("store-1").body(body);
    fixture.ok(put(&shop("store-1"))).await;
    apply(&fixture.stock, "opening", 0, &receipt("store-1", 5)).await;
    let mut moved = shop("store-1");
    moved["time_zone"] = "Europe/Lisbon".into();
    let refused = fixture.refused(put(&moved)).await;
    assert_eq!(refused["status"], 409);
    assert_eq!(
        refused["type"],
        "https://stockline.dev/problems/time-zone-fixed"
    );
    let results = fixture.ok(batch(&json!({"locations": [moved]}))).await;
    assert_eq!(results["results"][0]["outcome"], "refused");
    assert_eq!(results["results"][0]["problem"], refused);
    let mut renamed = shop("store-1");
    renamed["name"] = "Berlin Wedding".into();
    renamed["close_out_hour"] = 5.into();
    assert_eq!(fixture.ok(put(&renamed)).await, renamed);
    assert_eq!(fixture.ok(read_location("store-1")).await, renamed);
}

#[tokio::test]
async fn only_admin_may_write() {
    let fixture = fixture();
    for role in [
        "store_app",
        "store_manager",
        "controller",
        "logistics",
        "analyst",
    ] {
        for call in [
            put_product("milk").body(&milk()),
            put_location("store-1").body(&shop("store-1")),
            batch(&json!({"products": [milk()]})),
        ] {
            let refused = fixture.refused(call.by("someone", role, "store-1")).await;
            assert_eq!(refused["status"], 403, "{role} {refused}");
        }
    }
    assert!(fixture.store.lock().products.is_empty());
    assert!(fixture.store.lock().locations.is_empty());
}

#[tokio::test]
async fn foreign_location_is_not_found_except_for_analysts() {
    let fixture = fixture();
    fixture
        .ok(put_location("store-1").body(&shop("store-1")))
        .await;
    let missing = fixture
        .refused(read_location("store-9").by("ops", "admin", "*"))
        .await;
    assert_eq!(missing["status"], 404);
    for role in [
        "store_app",
        "store_manager",
        "controller",
        "logistics",
        "admin",
    ] {
        let read = read_location("store-1").by("someone", role, "store-2");
        assert_eq!(fixture.refused(read).await, missing, "{role}");
        fixture
            .ok(read_location("store-1").by("someone", role, "store-1,store-2"))
            .await;
    }
    fixture
        .ok(read_location("store-1").by("someone", "analyst", "store-2"))
        .await;
    let nowhere = read_location("store-1").by("someone", "analyst", "");
    assert_eq!(fixture.refused(nowhere).await["status"], 403);
}

#[tokio::test]
async fn admin_with_location_list_writes_only_those() {
    let fixture = fixture();
    let regional = |call: CallBuilder| call.by("regional", "admin", "store-2");
    let refused = fixture
        .refused(regional(put_location("store-1").body(&shop("store-1"))))
        .await;
    assert_eq!(refused["status"], 404);
    let body = json!({"locations": [shop("store-1"), shop("store-2")]});
    let answer = fixture.ok(regional(batch(&body))).await;
    assert_eq!(answer["results"][0]["problem"]["status"], 404);
    assert_eq!(answer["results"][1]["outcome"], "stored");
    assert_eq!(fixture.store.lock().locations.len(), 1);
}

#[tokio::test]
async fn invalid_fields_are_reported_and_nothing_is_stored() {
    let fixture = fixture();
    let with = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    let cases = [
        (
            put_product("milk").body(&with(milk(), "sku", "bread".into())),
            "invalid-request",
            "/sku",
        ),
        (
            put_product("milk").body(&with(milk(), "name", "".into())),
            "invalid-request",
            "/name",
        ),
        (
            put_product("milk").body(&with(milk(), "colour", "white".into())),
            "invalid-request",
            "/colour",
        ),
        (
            put_product("milk").body(&with(milk(), "unit_of_measure", "dozen".into())),
            "invalid-request",
            "/unit_of_measure",
        ),
        (
            put_product("milk").body(&with(
                milk(),
                "list_price",
                json!({"amount": 1.29, "currency": "EUR"}),
            )),
            "invalid-request",
            "/list_price/amount",
        ),
        (put_product("milk").text("{"), "malformed-body", ""),
        (
            put_location("store-1").body(&shop("store-2")),
            "invalid-request",
            "/location_id",
        ),
        (
            put_location("store-1").body(&with(shop("store-1"), "time_zone", "Berlin".into())),
            "invalid-request",
            "/time_zone",
        ),
        (
            put_location("store-1").body(&with(shop("store-1"), "close_out_hour", 13.into())),
            "invalid-request",
            "/close_out_hour",
        ),
        (
            put_location("store-1").body(&with(
                shop("store-1"),
                "zones",
                json!([{"zone_id": "a b", "aisles": 1}]),
            )),
            "invalid-request",
            "/zones/0/zone_id",
        ),
    ];
    for (call, kind, pointer) in cases {
        let refused = fixture.refused(call).await;
        assert_eq!(refused["status"], 400, "{refused}");
        assert_eq!(
            refused["type"],
            format!("https://stockline.dev/problems/{kind}"),
            "{refused}"
        );
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    assert_eq!(
        fixture.refused(put_product("a b").body(&milk())).await["status"],
        404
    );
    assert!(fixture.store.lock().products.is_empty());
    assert!(fixture.store.lock().locations.is_empty());
}

#[tokio::test]
async fn batch_stores_valid_entries_beside_invalid_ones() {
    let fixture = fixture();
    let mut bread = milk();
    bread["sku"] = "bread".into();
    let mut no_name = milk();
    no_name["name"] = "".into();
    let mut unknown_field = milk();
    unknown_field["list_price"]["vat"] = 7.into();
    let body = json!({
        "products": [milk(), no_name, unknown_field, "eggs", milk(), bread],
        "locations": [shop("store-1"), {"location_id": "store-2"}],
    });
    let answer = fixture.ok(batch(&body)).await;
    let results: Vec<(&str, &str, &str)> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            (
                result["pointer"].as_str().unwrap(),
                result["outcome"].as_str().unwrap(),
                result["problem"]["errors"][0]["pointer"]
                    .as_str()
                    .unwrap_or("-"),
            )
        })
        .collect();
    assert_eq!(
        results,
        [
            ("/products/0", "stored", "-"),
            ("/products/1", "refused", "/products/1/name"),
            ("/products/2", "refused", "/products/2/list_price/vat"),
            ("/products/3", "refused", "/products/3"),
            ("/products/4", "refused", "/products/4/sku"),
            ("/products/5", "stored", "-"),
            ("/locations/0", "stored", "-"),
            ("/locations/1", "refused", "/locations/1/close_out_hour"),
        ]
    );
    assert_eq!(fixture.store.lock().products.len(), 2);
    assert_eq!(fixture.store.lock().locations.len(), 1);
}

#[tokio::test]
async fn all_wrong_fields_of_a_product_are_reported_at_once() {
    let fixture = fixture();
    let body = json!({
        "sku": "..", "name": " \u{200b}", "brand": null, "unit_of_measure": "dozen", "colour": "white",
        "list_price": {"amount": "1.29", "currency": "QQQ"},
    });
    let refused = fixture.refused(put_product("milk").body(&body)).await;
    assert_eq!(
        refused["type"],
        "https://stockline.dev/problems/invalid-request"
    );
    let pointers: Vec<&str> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/brand",
            "/list_price/amount",
            "/list_price/currency",
            "/name",
            "/sku",
            "/unit_of_measure",
            "/colour"
        ]
    );
}

#[tokio::test]
async fn body_in_another_charset_is_not_supported() {
    let fixture = fixture();
    let sent_as = |media_type: &str| {
        put_product("milk")
            .header("content-type", media_type)
            .body(&milk())
    };
    for other in ["application/json; charset=iso-8859-1", "text/plain"] {
        assert_eq!(fixture.refused(sent_as(other)).await["status"], 415);
    }
    fixture.ok(sent_as("application/json; charset=UTF-8")).await;
}

#[tokio::test]
async fn batch_of_100_is_stored_and_101_is_rejected() {
    let fixture = fixture();
    let products = |count: usize| -> Vec<Value> {
        let named = |number| json!({"sku": format!("sku-{number}"), "name": "x", "unit_of_measure": "gram"});
        (0..count).map(named).collect()
    };
    let refused = fixture
        .refused(batch(
            &json!({"products": products(100), "locations": [shop("store-1")]}),
        ))
        .await;
    assert_eq!(refused["status"], 400);
    assert!(fixture.store.lock().products.is_empty());
    let answer = fixture
        .ok(batch(
            &json!({"products": products(99), "locations": [shop("store-1")]}),
        ))
        .await;
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    assert!(results.iter().all(|result| result["outcome"] == "stored"));
    assert_eq!(results[98]["pointer"], "/products/98");
    assert_eq!(fixture.store.lock().products.len(), 99);
}

#[tokio::test]
async fn busy_table_is_reported_per_entry_and_retry_succeeds() {
    let fixture = fixture();
    fixture.store.lock().busy = true;
    let body = json!({"products": [milk()]});
    let answer = fixture.ok(batch(&body)).await;
    assert_eq!(answer["results"][0]["problem"]["status"], 503);
    assert_eq!(
        fixture.refused(put_product("milk").body(&milk())).await["status"],
        503
    );
    fixture.store.lock().busy = false;
    assert_eq!(
        fixture.ok(batch(&body)).await["results"][0]["outcome"],
        "stored"
    );
}

#[tokio::test]
async fn sample_events_get_the_gateway_response() {
    let fixture = fixture();
    for event in [
        include_str!("../../../../events/catalog.put-product.json"),
        include_str!("../../../../events/catalog.put-location.json"),
        include_str!("../../../../events/catalog.batch.json"),
        include_str!("../../../../events/catalog.read-location.json"),
    ] {
        let request = lambda_http::request::from_str(event).unwrap();
        let response = answer(&request, &|call| fixture.catalog.handle(call)).await;
        assert_eq!(response.status(), 200, "{:?}", response.body());
        assert_eq!(response.headers()["content-type"], "application/json");
    }
    assert_eq!(fixture.store.lock().products.len(), 3);
    assert_eq!(fixture.store.lock().locations.len(), 2);
}
