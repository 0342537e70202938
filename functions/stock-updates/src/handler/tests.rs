//! The stock operations of the API, against in-memory stores.

mod changes;
mod costs;
mod explanations;
mod idempotency;
mod policies;
mod reading;
mod refusals;
mod replenishment;

use jiff::SignedDuration;
use serde_json::{Value, json};
use stockline_domain::catalog::{Product, UnitOfMeasure};
use stockline_platform::edge::answer;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::shop::MemoryShop;

use super::*;

type Function = StockUpdates<MemoryShop, MemoryShop, MemoryCatalog, FakeClock>;

const STOCK: &str = "/v1/locations/{location_id}/stock";
const LEVEL: &str = "/v1/locations/{location_id}/stock/{sku}";
const MOVEMENTS: &str = "/v1/locations/{location_id}/stock/{sku}/movements";
const EXPLAIN: &str = "/v1/locations/{location_id}/stock/{sku}/explain";
const STOCK_LOOKUP: &str = "/v1/products/{sku}/stock";
const POLICY: &str = "/v1/locations/{location_id}/stock/{sku}/policy";

/// The function for `store-1` and `store-2`. The catalog has milk and bread; no level exists.
fn function() -> (Function, FakeClock) {
    let catalog = MemoryCatalog::with_locations(
        ["store-1", "store-2"].map(|id| store(id, "Europe/Berlin", 0)),
    );
    for sku in ["milk", "bread"] {
        let product = product(sku);
        catalog.lock().products.insert(product.sku.clone(), product);
    }
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let shop = MemoryShop::default();
    let function = StockUpdates::new(
        shop.clone(),
        shop,
        catalog,
        clock.clone(),
        CursorKey::new("secret"),
    );
    (function, clock)
}

fn product(sku: &str) -> Product {
    Product {
        sku: sku.parse().unwrap(),
        name: sku.to_owned(),
        department: None,
        category: None,
        brand: None,
        unit_of_measure: UnitOfMeasure::Each,
        list_price: None,
        gtin: None,
        unit_weight_grams: None,
        dimensions_mm: None,
    }
}

fn receipt(sku: &str, quantity: i64) -> Value {
    json!({"kind": "receipt", "location_id": "store-1", "sku": sku, "quantity": quantity, "reference": "DN-1"})
}

fn transfer(quantity: i64) -> Value {
    json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2", "sku": "milk",
        "quantity": quantity})
}

/// A count one minute before the initial time of the clock.
fn count(quantity: i64) -> Value {
    json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": quantity,
        "counted_at": "2026-03-01T11:59:00Z"})
}

fn changes(key: &str, changes: &[Value]) -> CallBuilder {
    call("POST", "/v1/stock/changes")
        .key(key)
        .body(&json!({ "changes": changes }))
}

fn by_manager_of_both(call: CallBuilder) -> CallBuilder {
    call.by("ana", "store_manager", "store-1,store-2")
}

fn of_milk(method: &'static str, resource: &'static str) -> CallBuilder {
    call(method, resource)
        .path("location_id", "store-1")
        .path("sku", "milk")
}

async fn ok(function: &Function, call: CallBuilder) -> Value {
    function.handle(call.build()).await.unwrap().body().clone()
}

async fn refused(function: &Function, call: CallBuilder) -> (u16, String) {
    let problem = function.handle(call.build()).await.unwrap_err();
    let body = serde_json::to_value(&problem).unwrap();
    let kind = body["type"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    (problem.status(), kind)
}

fn outcomes(body: &Value) -> Vec<&str> {
    let results = body["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["outcome"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn sample_event_is_answered() {
    let (function, _) = function();
    let event = include_str!("../../../../events/stock-updates.changes.json");
    let request = lambda_http::request::from_str(event).unwrap();
    let response = Box::pin(answer(&request, &|call| function.handle(call))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let lambda_http::Body::Text(text) = response.body() else {
        panic!("no text")
    };
    assert_eq!(
        outcomes(&serde_json::from_str(text).unwrap()),
        ["applied", "applied", "applied"]
    );
}
