mod costs;

use serde_json::{Value, json};
use stockline_platform::edge::{Reply, answer};
use stockline_platform::problem::Problem;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::memory::catalog::MemoryCatalog;

use super::Catalog;

struct Desk {
    store: MemoryCatalog,
    catalog: Catalog<MemoryCatalog>,
}

fn desk() -> Desk {
    let store = MemoryCatalog::default();
    let catalog = Catalog::new(store.clone());
    Desk { store, catalog }
}

impl Desk {
    async fn send(&self, call: CallBuilder) -> Result<Reply, Problem> {
        self.catalog.handle(call.build()).await
    }

    async fn sent(&self, call: CallBuilder) -> Value {
        let reply = self.send(call).await.unwrap();
        assert_eq!(reply.status(), 200);
        reply.body().clone()
    }

    async fn refused(&self, call: CallBuilder) -> Value {
        serde_json::to_value(self.send(call).await.unwrap_err()).unwrap()
    }
}

fn product(sku: &str) -> CallBuilder {
    call("PUT", "/v1/products/{sku}")
        .path("sku", sku)
        .by("ops", "admin", "*")
}

fn location(id: &str) -> CallBuilder {
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
async fn an_admin_puts_a_product_and_a_till_reads_it() {
    let desk = desk();
    assert_eq!(desk.sent(product("milk").body(&milk())).await, milk());
    assert_eq!(
        desk.sent(product("milk").body(&milk())).await,
        milk(),
        "putting it again changes nothing"
    );
    assert_eq!(desk.sent(read_product("milk")).await, milk());
    assert_eq!(desk.refused(read_product("bread")).await["status"], 404);
}

#[tokio::test]
async fn a_store_may_change_its_time_zone_and_its_closing_hour() {
    let desk = desk();
    desk.sent(location("store-1").body(&shop("store-1"))).await;
    let mut moved = shop("store-1");
    moved["time_zone"] = "Europe/Lisbon".into();
    moved["close_out_hour"] = 0.into();
    assert_eq!(desk.sent(location("store-1").body(&moved)).await, moved);
    assert_eq!(desk.sent(read_location("store-1")).await, moved);
}

#[tokio::test]
async fn only_an_admin_writes() {
    let desk = desk();
    for role in ["store_app", "store_manager", "controller", "analyst"] {
        for call in [
            product("milk").body(&milk()),
            location("store-1").body(&shop("store-1")),
            batch(&json!({"products": [milk()]})),
        ] {
            let refused = desk.refused(call.by("someone", role, "store-1")).await;
            assert_eq!(refused["status"], 403, "{role} {refused}");
        }
    }
    assert!(desk.store.open().products.is_empty());
    assert!(desk.store.open().locations.is_empty());
}

#[tokio::test]
async fn a_foreign_location_reads_as_if_it_were_not_there_and_an_analyst_reads_them_all() {
    let desk = desk();
    desk.sent(location("store-1").body(&shop("store-1"))).await;
    let missing = desk
        .refused(read_location("store-9").by("ops", "admin", "*"))
        .await;
    assert_eq!(missing["status"], 404);
    for role in ["store_app", "store_manager", "controller", "admin"] {
        let read = read_location("store-1").by("someone", role, "store-2");
        assert_eq!(desk.refused(read).await, missing, "{role}");
        desk.sent(read_location("store-1").by("someone", role, "store-1,store-2"))
            .await;
    }
    desk.sent(read_location("store-1").by("someone", "analyst", ""))
        .await;
}

#[tokio::test]
async fn an_admin_of_some_locations_writes_no_others() {
    let desk = desk();
    let of_two = |call: CallBuilder| call.by("regional", "admin", "store-2");
    let refused = desk
        .refused(of_two(location("store-1").body(&shop("store-1"))))
        .await;
    assert_eq!(refused["status"], 404);
    let body = json!({"locations": [shop("store-1"), shop("store-2")]});
    let answer = desk.sent(of_two(batch(&body))).await;
    assert_eq!(answer["results"][0]["problem"]["status"], 404);
    assert_eq!(answer["results"][1]["outcome"], "stored");
    assert_eq!(desk.store.open().locations.len(), 1);
}

#[tokio::test]
async fn every_broken_field_is_pointed_at_and_nothing_is_stored() {
    let desk = desk();
    let with = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    let cases = [
        (
            product("milk").body(&with(milk(), "sku", "bread".into())),
            "invalid-request",
            "/sku",
        ),
        (
            product("milk").body(&with(milk(), "name", "".into())),
            "invalid-request",
            "/name",
        ),
        (
            product("milk").body(&with(milk(), "colour", "white".into())),
            "malformed-body",
            "/colour",
        ),
        (
            product("milk").body(&with(milk(), "unit_of_measure", "dozen".into())),
            "malformed-body",
            "/unit_of_measure",
        ),
        (
            product("milk").body(&with(
                milk(),
                "list_price",
                json!({"amount": 1.29, "currency": "EUR"}),
            )),
            "malformed-body",
            "/list_price/amount",
        ),
        (product("milk").text("{"), "malformed-body", ""),
        (
            location("store-1").body(&shop("store-2")),
            "invalid-request",
            "/location_id",
        ),
        (
            location("store-1").body(&with(shop("store-1"), "time_zone", "Berlin".into())),
            "invalid-request",
            "/time_zone",
        ),
        (
            location("store-1").body(&with(shop("store-1"), "close_out_hour", 13.into())),
            "invalid-request",
            "/close_out_hour",
        ),
        (
            location("store-1").body(&with(
                shop("store-1"),
                "zones",
                json!([{"zone_id": "a b", "aisles": 1}]),
            )),
            "malformed-body",
            "/zones/0/zone_id",
        ),
    ];
    for (call, kind, pointer) in cases {
        let refused = desk.refused(call).await;
        assert_eq!(refused["status"], 400, "{refused}");
        assert_eq!(
            refused["type"],
            format!("https://stockline.dev/problems/{kind}"),
            "{refused}"
        );
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    assert_eq!(
        desk.refused(product("a b").body(&milk())).await["status"],
        404
    );
    assert!(desk.store.open().products.is_empty());
    assert!(desk.store.open().locations.is_empty());
}

#[tokio::test]
async fn a_bad_entry_of_a_batch_does_not_sink_the_others() {
    let desk = desk();
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
    let answer = desk.sent(batch(&body)).await;
    let told: Vec<(&str, &str, &str)> = answer["results"]
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
        told,
        [
            ("/products/0", "stored", "-"),
            ("/products/1", "refused", "/products/1/name"),
            ("/products/2", "refused", "/products/2/list_price/vat"),
            ("/products/3", "refused", "/products/3"),
            ("/products/4", "refused", "/products/4/sku"),
            ("/products/5", "stored", "-"),
            ("/locations/0", "stored", "-"),
            ("/locations/1", "refused", "/locations/1"),
        ]
    );
    assert_eq!(desk.store.open().products.len(), 2);
    assert_eq!(desk.store.open().locations.len(), 1);
}

#[tokio::test]
async fn a_batch_of_a_hundred_is_stored_and_one_more_is_refused_whole() {
    let desk = desk();
    let products = |count: usize| -> Vec<Value> {
        let named = |number| json!({"sku": format!("sku-{number}"), "name": "x", "unit_of_measure": "gram"});
        (0..count).map(named).collect()
    };
    let refused = desk
        .refused(batch(
            &json!({"products": products(100), "locations": [shop("store-1")]}),
        ))
        .await;
    assert_eq!(refused["status"], 400);
    assert!(desk.store.open().products.is_empty());
    let answer = desk
        .sent(batch(
            &json!({"products": products(99), "locations": [shop("store-1")]}),
        ))
        .await;
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    assert!(results.iter().all(|result| result["outcome"] == "stored"));
    assert_eq!(results[98]["pointer"], "/products/98");
    assert_eq!(desk.store.open().products.len(), 99);
}

#[tokio::test]
async fn a_busy_table_is_told_per_entry_and_sending_again_stores_them() {
    let desk = desk();
    desk.store.open().busy = true;
    let body = json!({"products": [milk()]});
    let answer = desk.sent(batch(&body)).await;
    assert_eq!(answer["results"][0]["problem"]["status"], 503);
    assert_eq!(
        desk.refused(product("milk").body(&milk())).await["status"],
        503
    );
    desk.store.open().busy = false;
    assert_eq!(
        desk.sent(batch(&body)).await["results"][0]["outcome"],
        "stored"
    );
}

#[tokio::test]
async fn the_sample_events_are_answered_as_the_gateway_expects() {
    let desk = desk();
    for event in [
        include_str!("../../../../events/catalog.put-product.json"),
        include_str!("../../../../events/catalog.put-location.json"),
        include_str!("../../../../events/catalog.batch.json"),
        include_str!("../../../../events/catalog.read-location.json"),
    ] {
        let request = lambda_http::request::from_str(event).unwrap();
        let response = answer(&request, &|call| desk.catalog.handle(call)).await;
        assert_eq!(response.status(), 200, "{:?}", response.body());
        assert_eq!(response.headers()["content-type"], "application/json");
    }
    assert_eq!(desk.store.open().products.len(), 3);
    assert_eq!(desk.store.open().locations.len(), 2);
}
