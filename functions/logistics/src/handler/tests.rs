//! Stories of packers at `hub-1`, whose shop stocks milk (1,030 g), apples by the gram, and eggs of unknown weight.

mod completions;
mod costs;

use jiff::SignedDuration;
use serde_json::{Value, json};
use stockline_application::fingerprint::Fingerprint;
use stockline_application::location_cache::LocationCache;
use stockline_application::ports::orders::PlaceOutcome;
use stockline_application::product_cache::ProductCache;
use stockline_domain::catalog::Product;
use stockline_domain::order::Order;
use stockline_platform::edge::answer;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::order;

use super::*;

struct Fixture {
    shop: MemoryShop,
    catalog: MemoryCatalog,
    clock: FakeClock,
    logistics: Logistics<MemoryShop, MemoryCatalog, FakeClock>,
}

fn fixture() -> Fixture {
    let catalog =
        MemoryCatalog::with_locations([store("hub-1", "UTC", 0), store("hub-2", "UTC", 0)]);
    for product in products() {
        let product: Product = serde_json::from_value(product).unwrap();
        let sku = product.sku.clone();
        catalog.lock().products.insert(sku, product);
    }
    let shop = MemoryShop::stocked("hub-1", &[("milk", 20), ("apples", 9000), ("eggs", 60)]);
    let clock = FakeClock::at("2026-03-01T12:30:00Z");
    let shipping = ShippingCatalog {
        locations: LocationCache::new(catalog.clone(), clock.clone()),
        products: ProductCache::new(catalog.clone(), clock.clone()),
    };
    let cursors = CursorKey::new("secret");
    Fixture {
        logistics: Logistics::new(shop.clone(), shipping, clock.clone(), cursors),
        shop,
        catalog,
        clock,
    }
}

fn products() -> [Value; 3] {
    let carton = json!({"length": 70, "width": 70, "height": 200});
    let crate_of_apples = json!({"length": 100, "width": 100, "height": 100});
    [
        json!({"sku": "milk", "name": "Milk", "unit_of_measure": "each", "unit_weight_grams": 1030,
               "dimensions_mm": carton}),
        json!({"sku": "apples", "name": "Apples", "unit_of_measure": "gram",
               "dimensions_mm": crate_of_apples}),
        json!({"sku": "eggs", "name": "Eggs", "unit_of_measure": "each"}),
    ]
}

/// An online order at `hub-1`, placed `minutes` after noon.
async fn placed(fixture: &Fixture, key: &str, minutes: i64, lines: &[(&str, i64)]) -> Order {
    let mut online = order(key, "hub-1", "online", lines);
    online.placed_at = minute(minutes);
    let request = Fingerprint::of(&key).unwrap();
    let outcome = OrderStore::place(&fixture.shop, &online, &request, deadline()).await;
    assert_eq!(outcome.unwrap(), PlaceOutcome::Placed);
    online
}

fn list(location: &str) -> CallBuilder {
    call("GET", "/v1/shipments")
        .query("location_id", location)
        .by("lea", "logistics", "hub-1")
}

fn weigh(order: &Order) -> CallBuilder {
    call("GET", "/v1/orders/{order_id}/weight")
        .path("order_id", &order.order_id.to_string())
        .by("lea", "logistics", "hub-1")
}

fn complete_with(order: &Order, key: &str, body: &Value) -> CallBuilder {
    call("POST", "/v1/orders/{order_id}/completion")
        .path("order_id", &order.order_id.to_string())
        .key(key)
        .body(body)
        .by("lea", "logistics", "hub-1")
}

impl Fixture {
    async fn ok(&self, call: CallBuilder) -> Value {
        let reply = self.logistics.handle(call.build()).await.unwrap();
        reply.body().clone()
    }

    async fn refused(&self, call: CallBuilder) -> Value {
        let problem = self.logistics.handle(call.build()).await.unwrap_err();
        serde_json::to_value(problem).unwrap()
    }
}

#[tokio::test]
async fn list_has_weights_and_the_oldest_first() {
    let fixture = fixture();
    let late = placed(&fixture, "late", 1, &[("milk", 1)]).await;
    let mut early = order(
        "early",
        "hub-1",
        "click_and_collect",
        &[("milk", 2), ("apples", 750)],
    );
    early.external_reference = Some("web-7".to_owned());
    let request = Fingerprint::of(&"early").unwrap();
    OrderStore::place(&fixture.shop, &early, &request, deadline())
        .await
        .unwrap();

    let body = fixture.ok(list("hub-1").query("state", "open")).await;
    assert_eq!(
        body,
        json!({"shipments": [
            {
                "order_id": early.order_id, "channel": "click_and_collect",
                "placed_at": "2026-03-01T12:00:00.000Z", "external_reference": "web-7",
                "lines": [
                    {"line": 1, "sku": "milk", "open_quantity": 2},
                    {"line": 2, "sku": "apples", "open_quantity": 750},
                ],
                "units": 752, "weight_grams": 2810, "volume_mm3": 2 * 980_000 + 750_000,
                "skus_without_weight": [], "skus_without_volume": [],
            },
            {
                "order_id": late.order_id, "channel": "online", "placed_at": "2026-03-01T12:01:00.000Z",
                "lines": [{"line": 1, "sku": "milk", "open_quantity": 1}],
                "units": 1, "weight_grams": 1030, "volume_mm3": 980_000,
                "skus_without_weight": [], "skus_without_volume": [],
            },
        ]})
    );
}

#[tokio::test]
async fn unknown_weight_is_null_and_names_the_sku() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 1), ("eggs", 6)]).await;
    let body = fixture.ok(list("hub-1")).await;
    let shipment = &body["shipments"][0];
    assert_eq!(shipment["weight_grams"], Value::Null);
    assert_eq!(shipment["volume_mm3"], Value::Null);
    assert_eq!(shipment["skus_without_weight"], json!(["eggs"]));
    assert_eq!(shipment["skus_without_volume"], json!(["eggs"]));
    // Once someone weighs the eggs, the next read knows.
    let eggs: Product = serde_json::from_value(json!({"sku": "eggs", "name": "Eggs",
        "unit_of_measure": "each", "unit_weight_grams": 65}))
    .unwrap();
    fixture
        .catalog
        .lock()
        .products
        .insert(eggs.sku.clone(), eggs);
    let body = fixture.ok(weigh(&order)).await;
    assert_eq!(body["total"]["weight_grams"], 1030 + 6 * 65);
    assert_eq!(body["total"]["skus_without_volume"], json!(["eggs"]));
}

#[tokio::test]
async fn weight_tells_the_total_from_what_is_open() {
    let fixture = fixture();
    let order = placed(
        &fixture,
        "a",
        0,
        &[("milk", 3), ("apples", 500), ("milk", 1)],
    )
    .await;
    let body = json!({"carrier": "DHL", "tracking_number": "1", "parcels": [{"weight_grams": 2100}],
                      "lines": [{"line": 1, "quantity": 2}]});
    fixture.ok(complete_with(&order, "c1", &body)).await;
    let line = |line: u16, sku: &str, quantity: i64, open: i64, weight: i64, volume: i64| {
        json!({"line": line, "sku": sku, "quantity": quantity, "open_quantity": open,
               "weight_grams": weight, "volume_mm3": volume})
    };
    let totals = |units: i64, weight: i64, volume: i64| {
        json!({"units": units, "weight_grams": weight, "volume_mm3": volume,
               "skus_without_weight": [], "skus_without_volume": []})
    };
    assert_eq!(
        fixture.ok(weigh(&order)).await,
        json!({
            "order_id": order.order_id,
            "lines": [
                line(1, "milk", 3, 1, 3090, 2_940_000),
                line(2, "apples", 500, 500, 500, 500_000),
                line(3, "milk", 1, 1, 1030, 980_000),
            ],
            "total": totals(504, 4620, 4_420_000),
            "open": totals(502, 2560, 2_460_000),
        })
    );
}

#[tokio::test]
async fn list_pages_are_bound_to_their_location() {
    let fixture = fixture();
    let mut expected = Vec::new();
    for number in 0..5 {
        let order = placed(&fixture, &format!("o{number}"), number, &[("milk", 1)]).await;
        expected.push(json!(order.order_id));
    }
    let (mut listed, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut page = list("hub-1").query("limit", "2");
        if let Some(cursor) = &cursor {
            page = page.query("cursor", cursor);
        }
        let body = fixture.ok(page).await;
        let shipments = body["shipments"].as_array().unwrap();
        listed.extend(
            shipments
                .iter()
                .map(|shipment| shipment["order_id"].clone()),
        );
        let Some(next) = body["next_cursor"].as_str() else {
            break;
        };
        cursor = Some(next.to_owned());
    }
    assert_eq!(listed, expected);
    let other = list("hub-2")
        .query("cursor", &cursor.unwrap())
        .by("root", "admin", "*");
    assert_eq!(
        fixture.refused(other).await["errors"][0]["pointer"],
        "cursor"
    );
}

#[tokio::test]
async fn list_rejects_bad_parameters() {
    let fixture = fixture();
    let without = call("GET", "/v1/shipments").by("lea", "logistics", "hub-1");
    for (call, pointer) in [
        (without, "location_id"),
        (list("hub 1"), "location_id"),
        (list("hub-1").query("state", "closed"), "state"),
        (list("hub-1").query("limit", "0"), "limit"),
        (list("hub-1").query("cursor", "x"), "cursor"),
    ] {
        let refused = fixture.refused(call).await;
        assert_eq!(refused["status"], 400);
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn foreign_and_missing_locations_and_orders_are_not_found() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 1)]).await;
    let body = completion("1");
    let missing = fixture
        .refused(list("nowhere").by("root", "admin", "*"))
        .await;
    assert_eq!(missing["status"], 404);
    for call in [
        list("hub-2"),
        weigh(&order).by("kim", "logistics", "hub-2"),
        complete_with(&order, "c1", &body).by("kim", "logistics", "hub-2"),
        weigh(&stockline_testkit::orders::order(
            "b",
            "hub-1",
            "online",
            &[("milk", 1)],
        )),
    ] {
        assert_eq!(fixture.refused(call).await, missing);
    }
    let empty = fixture.ok(list("hub-2").by("root", "admin", "*")).await;
    assert_eq!(empty, json!({"shipments": []}));
}

#[tokio::test]
async fn roles_that_may_not_read_or_fulfil_are_forbidden() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 1)]).await;
    let controller = |call: CallBuilder| call.by_controller("controller-1", "hub-1");
    for call in [
        controller(list("hub-1")),
        controller(weigh(&order)),
        controller(complete_with(&order, "c1", &completion("1"))),
        complete_with(&order, "c1", &completion("1")).by("ana", "analyst", "hub-1"),
    ] {
        assert_eq!(fixture.refused(call).await["status"], 403);
    }
    fixture
        .ok(list("hub-1").by("ana", "analyst", "hub-1"))
        .await;
    assert_eq!(fixture.shop.level("hub-1", "milk"), (20, 1));
}

#[tokio::test]
async fn products_are_read_once_in_five_minutes() {
    let fixture = fixture();
    placed(&fixture, "a", 0, &[("milk", 1), ("apples", 500)]).await;
    let reads = || fixture.catalog.lock().product_reads;
    for _ in 0..3 {
        fixture.ok(list("hub-1")).await;
    }
    assert_eq!(reads(), 1);
    fixture.clock.advance(SignedDuration::from_mins(5));
    fixture.ok(list("hub-1")).await;
    assert_eq!(reads(), 2);
    // A SKU whose weight is unknown is read each time, and alone.
    placed(&fixture, "b", 1, &[("milk", 1), ("eggs", 6)]).await;
    for _ in 0..2 {
        fixture.ok(list("hub-1")).await;
    }
    assert_eq!(reads(), 4);
}

#[tokio::test]
async fn busy_catalog_is_bridged_by_known_products() {
    let fixture = fixture();
    let order = placed(&fixture, "a", 0, &[("milk", 1)]).await;
    fixture.catalog.lock().busy = true;
    assert_eq!(fixture.refused(weigh(&order)).await["status"], 503);
    fixture.catalog.lock().busy = false;
    let known = fixture.ok(weigh(&order)).await;
    fixture.catalog.lock().busy = true;
    fixture.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(fixture.ok(weigh(&order)).await, known);
}

fn completion(tracking_number: &str) -> Value {
    json!({"carrier": "DHL", "tracking_number": tracking_number,
           "parcels": [{"weight_grams": 1200}, {"weight_grams": 350}]})
}
