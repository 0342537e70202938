//! Stores change and read their stock over HTTP.

mod costs;

use jiff::SignedDuration;
use serde_json::{Value, json};
use stockline_domain::catalog::{Product, UnitOfMeasure};
use stockline_platform::edge::answer;
use stockline_platform::ports::orders::OrderStore;
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
const WHEREABOUTS: &str = "/v1/products/{sku}/stock";
const POLICY: &str = "/v1/locations/{location_id}/stock/{sku}/policy";

/// `store-1` and `store-2`, which may stock milk and bread, and hold none yet.
fn function() -> (Function, FakeClock) {
    let catalog = MemoryCatalog::with_locations(
        ["store-1", "store-2"].map(|id| store(id, "Europe/Berlin", 0)),
    );
    for sku in ["milk", "bread"] {
        let product = product(sku);
        catalog.open().products.insert(product.sku.clone(), product);
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
    }
}

fn receipt(sku: &str, quantity: i64) -> Value {
    json!({"kind": "receipt", "location_id": "store-1", "sku": sku, "quantity": quantity, "reference": "DN-1"})
}

fn transfer(quantity: i64) -> Value {
    json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2", "sku": "milk",
        "quantity": quantity})
}

fn changes(key: &str, changes: &[Value]) -> CallBuilder {
    call("POST", "/v1/stock/changes")
        .key(key)
        .body(&json!({ "changes": changes }))
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
async fn a_delivery_makes_the_level_and_its_answer_says_what_is_there() {
    let (function, _) = function();
    let body = ok(&function, changes("k", &[receipt("milk", 12)])).await;
    insta::assert_json_snapshot!(body, @r#"
    {
      "results": [
        {
          "index": 0,
          "levels": [
            {
              "allocated": 0,
              "available": 12,
              "damaged": 0,
              "in_transit": 0,
              "incoming": 0,
              "location_id": "store-1",
              "on_hand": 12,
              "on_hold": 0,
              "short": false,
              "sku": "milk",
              "version": 1
            }
          ],
          "outcome": "applied"
        }
      ]
    }
    "#);
    assert_eq!(
        ok(&function, of_milk("GET", LEVEL)).await,
        body["results"][0]["levels"][0]
    );
}

#[tokio::test]
async fn a_refused_change_says_why_and_the_others_go_on() {
    let (function, _) = function();
    let both = |call: CallBuilder| call.by("ana", "store_manager", "store-1,store-2");
    let sent = [
        receipt("milk", 5),
        transfer(6),
        receipt("bread", 3),
        transfer(2),
    ];
    let body = ok(&function, both(changes("k", &sent))).await;
    assert_eq!(
        outcomes(&body),
        ["applied", "refused", "applied", "applied"]
    );
    insta::assert_json_snapshot!(body["results"][1], @r#"
    {
      "index": 1,
      "levels": [],
      "outcome": "refused",
      "problem": {
        "detail": "Nothing was changed: only 5 on hand.",
        "status": 409,
        "title": "Not enough is available",
        "type": "https://stockline.dev/problems/insufficient-stock"
      }
    }
    "#);
    let sent = &body["results"][3]["levels"];
    assert_eq!(
        (&sent[0]["on_hand"], &sent[1]["in_transit"]),
        (&json!(3), &json!(2))
    );
}

#[tokio::test]
async fn what_is_in_transit_arrives_in_parts_and_no_more_than_left() {
    let (function, _) = function();
    let both = |call: CallBuilder| call.by("ana", "store_manager", "store-1,store-2");
    let arrival = |quantity: i64| {
        json!({"kind": "arrival", "location_id": "store-2", "sku": "milk", "quantity": quantity,
            "reference": "T-1"})
    };
    let sent = [
        receipt("milk", 5),
        transfer(3),
        arrival(2),
        arrival(2),
        arrival(1),
    ];
    let body = ok(&function, both(changes("k", &sent))).await;
    assert_eq!(
        outcomes(&body),
        ["applied", "applied", "applied", "refused", "applied"]
    );
    assert_eq!(
        body["results"][3]["problem"]["detail"],
        "Nothing was changed: only 1 in transit."
    );
    let there = &body["results"][4]["levels"][0];
    assert_eq!(
        (&there["on_hand"], &there["in_transit"]),
        (&json!(3), &json!(0))
    );
}

#[tokio::test]
async fn a_request_that_has_grown_older_than_its_times_may_be_is_still_answered_as_it_was() {
    let (function, clock) = function();
    let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 4,
        "counted_at": "2026-03-01T11:59:00Z"});
    let first = ok(&function, changes("k", std::slice::from_ref(&count))).await;
    clock.advance(SignedDuration::from_hours(8 * 24));
    let again = function
        .handle(changes("k", std::slice::from_ref(&count)).build())
        .await
        .unwrap();
    assert!(again.is_replayed());
    assert_eq!(again.body(), &first);
    assert_eq!(
        refused(&function, changes("new", &[count])).await,
        (400, "invalid-request".to_owned())
    );
}

#[tokio::test]
async fn the_same_request_is_applied_once_and_answered_alike() {
    let (function, clock) = function();
    let sent = [receipt("milk", 5), receipt("milk", 2)];
    let first = function.handle(changes("k", &sent).build()).await.unwrap();
    ok(&function, changes("other", &[receipt("milk", 100)])).await;
    clock.advance(SignedDuration::from_hours(1));
    let again = function.handle(changes("k", &sent).build()).await.unwrap();
    assert!(!first.is_replayed() && again.is_replayed());
    assert_eq!(
        (again.status(), again.body()),
        (first.status(), first.body())
    );
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 107);
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused_and_another_callers_key_is_his_own() {
    let (function, _) = function();
    ok(&function, changes("k", &[receipt("milk", 5)])).await;
    let other = changes("k", &[receipt("milk", 6)]);
    assert_eq!(
        refused(&function, other.clone()).await,
        (422, "idempotency-key-reused".to_owned())
    );
    ok(&function, other.by("till-2", "store_app", "store-1")).await;
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 11);
}

#[tokio::test]
async fn a_retry_applies_only_what_was_refused() {
    let (function, _) = function();
    let both = |call: CallBuilder| call.by("ana", "store_manager", "store-1,store-2");
    let sent = [receipt("milk", 5), transfer(6)];
    let first = ok(&function, both(changes("k", &sent))).await;
    assert_eq!(outcomes(&first), ["applied", "refused"]);
    ok(&function, changes("later", &[receipt("milk", 1)])).await;
    let again = function
        .handle(both(changes("k", &sent)).build())
        .await
        .unwrap();
    assert_eq!(outcomes(again.body()), ["applied", "applied"]);
    assert!(!again.is_replayed(), "it changed something");
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 0);
}

#[tokio::test]
async fn what_the_catalog_does_not_know_is_not_stocked() {
    let (function, _) = function();
    let mut elsewhere = receipt("milk", 1);
    elsewhere["location_id"] = json!("store-9");
    let sent = [receipt("caviar", 1), elsewhere.clone(), receipt("milk", 1)];
    let body = ok(&function, changes("k", &sent).by("ops", "admin", "*")).await;
    assert_eq!(outcomes(&body), ["refused", "refused", "applied"]);
    for index in [0, 1] {
        let kind = body["results"][index]["problem"]["type"].as_str().unwrap();
        assert!(kind.ends_with("/not-found"), "{kind}");
    }

    // Another's location reads word for word as one that is not there.
    let foreign = ok(
        &function,
        changes("k", &[elsewhere]).by("till", "store_app", "store-1"),
    )
    .await;
    assert_eq!(
        foreign["results"][0]["problem"],
        body["results"][1]["problem"]
    );
}

#[tokio::test]
async fn a_transfer_needs_both_locations() {
    let (function, _) = function();
    let body = ok(&function, changes("k", &[receipt("milk", 5), transfer(1)])).await;
    assert_eq!(outcomes(&body), ["applied", "refused"]);
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 5);
}

#[tokio::test]
async fn a_count_that_expects_another_version_leaves_the_level_alone() {
    let (function, _) = function();
    ok(&function, changes("a", &[receipt("milk", 5)])).await;
    let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 4,
        "counted_at": "2026-03-01T11:59:00Z", "expected_version": 7});
    let body = ok(&function, changes("b", &[count])).await;
    assert_eq!(
        body["results"][0]["problem"]["detail"],
        "Nothing was changed: the level is at version 1, not 7."
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_taken_changes_nothing() {
    let (function, _) = function();
    let nothing_sent =
        call("POST", "/v1/stock/changes").body(&json!({"changes": [receipt("milk", 1)]}));
    assert_eq!(
        refused(&function, nothing_sent).await,
        (400, "missing-idempotency-key".to_owned())
    );
    let broken = changes("k", &[receipt("milk", 1), receipt("milk", 0)]);
    assert_eq!(
        refused(&function, broken).await,
        (400, "invalid-request".to_owned())
    );
    let mut unknown = receipt("milk", 1);
    unknown["colour"] = json!("red");
    assert_eq!(
        refused(&function, changes("k", &[unknown])).await,
        (400, "malformed-body".to_owned())
    );
    let reader = changes("k", &[receipt("milk", 1)]).by("figures", "analyst", "*");
    assert_eq!(
        refused(&function, reader).await,
        (403, "forbidden".to_owned())
    );
    assert_eq!(
        refused(&function, of_milk("GET", LEVEL)).await,
        (404, "not-found".to_owned())
    );
}

#[tokio::test]
async fn a_busy_store_tells_how_to_go_on() {
    let (function, _) = function();
    function.catalog.open().busy = true;
    assert_eq!(
        refused(&function, changes("k", &[receipt("milk", 1)])).await,
        (503, "busy".to_owned())
    );
    function.catalog.open().busy = false;
    assert_eq!(
        outcomes(&ok(&function, changes("k", &[receipt("milk", 1)])).await),
        ["applied"]
    );
}

#[tokio::test]
async fn a_change_that_has_to_wait_keeps_none_waiting_but_those_of_its_level() {
    let (function, _) = function();
    ok(&function, changes("k", &[receipt("milk", 7)])).await;
    // given a count of milk whose last movement the ledger has not yet, and what comes after the count
    let late = std::mem::take(&mut function.stock.open().movements);
    let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 5,
        "counted_at": "2026-03-01T12:00:00.001Z"});
    let told = [count, receipt("milk", 1), receipt("bread", 3)];
    // when it is told
    let answer = refused(&function, changes("l", &told)).await;
    // then bread is there, and milk waits
    assert_eq!(answer, (503, "busy".to_owned()));
    let on_hand = async |sku| {
        let level = call("GET", LEVEL).path("location_id", "store-1");
        ok(&function, level.path("sku", sku)).await["on_hand"].clone()
    };
    assert_eq!(
        (on_hand("milk").await, on_hand("bread").await),
        (7.into(), 3.into())
    );
    // when the ledger has it, and it is told again
    function.stock.open().movements.extend(late);
    let body = ok(&function, changes("l", &told)).await;
    assert_eq!(outcomes(&body), ["applied", "applied", "applied"]);
    assert_eq!(
        (on_hand("milk").await, on_hand("bread").await),
        (6.into(), 3.into())
    );
}

#[tokio::test]
async fn a_location_is_listed_page_by_page() {
    let (function, _) = function();
    ok(
        &function,
        changes("k", &[receipt("milk", 1), receipt("bread", 2)]),
    )
    .await;
    let page = |call: CallBuilder| call.path("location_id", "store-1").query("limit", "1");
    let first = ok(&function, page(call("GET", STOCK))).await;
    assert_eq!(first["levels"][0]["sku"], "bread");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = ok(&function, page(call("GET", STOCK)).query("cursor", cursor)).await;
    assert_eq!(second["levels"][0]["sku"], "milk");
    assert_eq!(second.get("next_cursor"), None);

    let of_another_list = of_milk("GET", MOVEMENTS).query("cursor", cursor);
    assert_eq!(
        refused(&function, of_another_list).await,
        (400, "invalid-request".to_owned())
    );
}

#[tokio::test]
async fn an_empty_store_has_no_levels_and_an_unknown_one_is_not_found() {
    let (function, _) = function();
    let stock_of = |location: &str| {
        call("GET", STOCK)
            .path("location_id", location)
            .by("ops", "admin", "*")
    };
    assert_eq!(
        ok(&function, stock_of("store-2")).await,
        json!({"levels": []})
    );
    assert_eq!(
        refused(&function, stock_of("store-9")).await,
        (404, "not-found".to_owned())
    );
}

#[tokio::test]
async fn movements_are_read_newest_first() {
    let (function, _) = function();
    let damaged = json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -1,
        "reason": "damage"});
    ok(&function, changes("k", &[receipt("milk", 5), damaged])).await;
    let body = ok(&function, of_milk("GET", MOVEMENTS)).await;
    let movements = body["movements"].as_array().unwrap();
    assert_eq!(
        (&movements[0]["kind"], &movements[1]["kind"]),
        (&json!("adjustment"), &json!("receipt"))
    );
    insta::assert_json_snapshot!(movements[0], @r#"
    {
      "allocated": 0,
      "allocated_delta": 0,
      "kind": "adjustment",
      "location_id": "store-1",
      "movement_id": "133eaf8a-6b97-5600-a258-d640ffdb6d7f",
      "occurred_at": "2026-03-01T12:00:00.000Z",
      "on_hand": 4,
      "on_hand_delta": -1,
      "reason": "damage",
      "recorded_at": "2026-03-01T12:00:00.000Z",
      "sku": "milk",
      "version": 2
    }
    "#);
}

#[tokio::test]
async fn a_manager_sets_when_to_reorder_and_a_till_may_not() {
    let (function, _) = function();
    let policy = json!({"reorder_point": 10, "target_level": 40, "order_multiple": 6, "safety_stock": 2,
        "lead_time_days": 3, "buckets": 1});
    let set = |policy: &Value| of_milk("PUT", POLICY).body(policy);
    let manager = |call: CallBuilder| call.by("ana", "store_manager", "store-1");
    assert_eq!(
        refused(&function, set(&policy)).await,
        (403, "forbidden".to_owned())
    );

    ok(&function, changes("k", &[receipt("milk", 5)])).await;
    let level = ok(&function, manager(set(&policy))).await;
    assert_eq!(
        (&level["policy"], &level["on_hand"], &level["version"]),
        (&policy, &json!(5), &json!(2))
    );

    let mut upside_down = policy.clone();
    upside_down["target_level"] = json!(9);
    let refusal = refused(&function, manager(set(&upside_down))).await;
    assert_eq!(refusal, (400, "invalid-request".to_owned()));
    let movements = ok(&function, of_milk("GET", MOVEMENTS)).await;
    assert_eq!(
        movements["movements"].as_array().unwrap().len(),
        1,
        "a policy is no movement"
    );
}

#[tokio::test]
async fn a_policy_may_come_before_the_first_delivery_of_a_known_product() {
    let (function, _) = function();
    let policy = json!({"reorder_point": 10, "target_level": 40});
    let set = |sku: &str| {
        let call = call("PUT", POLICY)
            .path("location_id", "store-1")
            .path("sku", sku)
            .body(&policy);
        call.by("ana", "store_manager", "store-1")
    };
    let level = ok(&function, set("milk")).await;
    assert_eq!(
        (&level["on_hand"], &level["policy"]["order_multiple"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        refused(&function, set("caviar")).await,
        (404, "not-found".to_owned())
    );
}

#[tokio::test]
async fn another_stores_stock_reads_as_if_it_were_not_there() {
    let (function, _) = function();
    ok(&function, changes("k", &[receipt("milk", 5)])).await;
    let policy = json!({"reorder_point": 1, "target_level": 2});
    for asked in [
        of_milk("GET", LEVEL),
        of_milk("GET", STOCK),
        of_milk("GET", MOVEMENTS),
        of_milk("PUT", POLICY).body(&policy),
    ] {
        let stranger = asked.by("ben", "store_manager", "store-2");
        assert_eq!(
            refused(&function, stranger).await,
            (404, "not-found".to_owned())
        );
    }
}

#[tokio::test]
async fn the_sample_event_is_served() {
    let (function, _) = function();
    let event = include_str!("../../../../events/stock-updates.changes.json");
    let request = lambda_http::request::from_str(event).unwrap();
    let response = answer(&request, &|call| function.handle(call)).await;
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

#[tokio::test]
async fn a_level_is_explained_from_its_last_count_to_the_orders_that_hold_it() {
    let (function, clock) = function();
    let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 10,
        "counted_at": "2026-03-01T11:59:00Z"});
    ok(&function, changes("k1", &[receipt("milk", 7), count])).await;
    clock.advance(SignedDuration::from_mins(5));
    ok(
        &function,
        changes("k2", &[receipt("milk", 2), receipt("milk", 1)]),
    )
    .await;
    for (key, channel, quantity) in [
        ("o1", "online", 3),
        ("o2", "pos", 1),
        ("o3", "click_and_collect", 2),
    ] {
        let placed = stockline_testkit::orders::order(
            key,
            "store-1",
            channel,
            &[("milk", quantity), ("milk", 1)],
        );
        let request = Fingerprint::of(&"a").unwrap();
        let deadline = stockline_testkit::conformance::stock::deadline();
        let placement = function
            .orders
            .place(&placed, &request, deadline)
            .await
            .unwrap();
        assert_eq!(
            placement,
            stockline_platform::ports::orders::Placement::Placed
        );
    }
    let explained = ok(&function, of_milk("GET", EXPLAIN)).await;
    assert_eq!(
        explained["level"],
        ok(&function, of_milk("GET", LEVEL)).await
    );
    let count = &explained["last_count"];
    assert_eq!(
        (
            &count["counted_at"],
            &count["on_hand"],
            &count["on_hand_delta"]
        ),
        (&json!("2026-03-01T11:59:00.000Z"), &json!(17), &json!(10)),
    );
    assert_eq!(explained["before"], json!({"on_hand": 17, "allocated": 0}));
    assert_eq!(
        explained["movements"],
        json!([
            {"kind": "allocation", "count": 2, "on_hand_delta": 0, "allocated_delta": 7},
            {"kind": "receipt", "count": 2, "on_hand_delta": 3, "allocated_delta": 0},
            {"kind": "sale", "count": 1, "on_hand_delta": -2, "allocated_delta": 0},
        ])
    );
    let holders = &explained["holders"];
    assert_eq!(
        (&holders["open_quantity"], &holders["more"]),
        (&json!(7), &json!(false))
    );
    let named: Vec<(&Value, &Value)> = holders["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| (&order["channel"], &order["lines"][0]["open_quantity"]))
        .collect();
    assert_eq!(
        named,
        [
            (&json!("click_and_collect"), &json!(2)),
            (&json!("online"), &json!(3))
        ]
    );
    assert_eq!(
        (
            &explained["reaches_back"],
            &explained["ledger_complete"],
            &explained["differences"]
        ),
        (&json!(true), &json!(true), &json!([]))
    );
}

#[tokio::test]
async fn what_does_not_add_up_is_said_with_the_explanation() {
    let (function, _) = function();
    ok(
        &function,
        changes("k", &[receipt("milk", 7), receipt("milk", 2)]),
    )
    .await;
    let key = stockline_testkit::conformance::stock::key("store-1", "milk");
    {
        let mut shelves = function.stock.open();
        shelves.levels.get_mut(&key).unwrap().allocated = 4;
    }
    let explained = ok(&function, of_milk("GET", EXPLAIN)).await;
    assert_eq!(
        explained["differences"],
        json!([
            {"kind": "movements", "quantity": "allocated", "level": 4, "movements": 0},
            {"kind": "orders", "allocated": 4, "open": 0},
        ])
    );
    function.stock.open().movements.remove(0);
    let explained = ok(&function, of_milk("GET", EXPLAIN)).await;
    assert_eq!(
        explained["differences"][0],
        json!({"kind": "gap", "version": 2})
    );
    function.stock.open().movements.remove(0);
    let explained = ok(&function, of_milk("GET", EXPLAIN)).await;
    assert_eq!(explained["ledger_complete"], false);
}

#[tokio::test]
async fn an_explanation_is_for_those_who_may_see_the_level() {
    let (function, _) = function();
    assert_eq!(refused(&function, of_milk("GET", EXPLAIN)).await.0, 404);
    ok(&function, changes("k", &[receipt("milk", 7)])).await;
    let elsewhere = of_milk("GET", EXPLAIN).by("bo", "store_app", "store-2");
    assert_eq!(refused(&function, elsewhere).await.0, 404);
    let controller = of_milk("GET", EXPLAIN).by("bo", "controller", "store-1");
    assert_eq!(refused(&function, controller).await.0, 403);
}

#[tokio::test]
async fn a_product_is_found_at_the_callers_locations_and_nowhere_else() {
    let (function, _) = function();
    let both = |call: CallBuilder| call.by("ana", "store_manager", "store-1,store-2");
    let of_milk = || call("GET", WHEREABOUTS).path("sku", "milk");
    assert_eq!(
        ok(&function, of_milk()).await,
        json!({"levels": []}),
        "known, and nowhere"
    );
    let unknown = call("GET", WHEREABOUTS).path("sku", "oysters");
    assert_eq!(refused(&function, unknown).await.0, 404);
    ok(
        &function,
        both(changes("k", &[receipt("milk", 5), transfer(2)])),
    )
    .await;

    let locations = |body: &Value| -> Vec<String> {
        let levels = body["levels"].as_array().unwrap();
        levels
            .iter()
            .map(|level| level["location_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let own = ok(&function, of_milk()).await;
    assert_eq!(locations(&own), ["store-1"]);
    let admin = of_milk().by("root", "admin", "*");
    assert_eq!(
        locations(&ok(&function, admin).await),
        ["store-1", "store-2"]
    );

    let first = ok(&function, both(of_milk().query("limit", "1"))).await;
    assert_eq!(locations(&first), ["store-1"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = both(of_milk().query("limit", "1").query("cursor", cursor));
    let rest = ok(&function, rest).await;
    assert_eq!(
        (locations(&rest), rest.get("next_cursor")),
        (vec!["store-2".to_owned()], None)
    );
    let anothers = of_milk().query("cursor", cursor);
    assert_eq!(refused(&function, anothers).await.0, 400);
}
