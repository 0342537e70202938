//! The read operations: levels, movements and the lookup of a SKU.

use super::*;

#[tokio::test]
async fn levels_are_listed_page_by_page() {
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

    let cursor_of_other_list = of_milk("GET", MOVEMENTS).query("cursor", cursor);
    assert_eq!(
        refused(&function, cursor_of_other_list).await,
        (400, "invalid-request".to_owned())
    );
}

#[tokio::test]
async fn empty_store_lists_nothing_and_unknown_is_not_found() {
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
async fn movements_are_listed_newest_first() {
    let (function, _) = function();
    let damaged = json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -1,
        "reason": "damage"});
    let sent = changes("k", &[receipt("milk", 5), damaged]);
    ok(&function, sent.by("till-1", "store_manager", "store-1")).await;
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
async fn sku_lookup_is_limited_to_the_callers_locations() {
    let (function, _) = function();
    let of_milk = || call("GET", STOCK_LOOKUP).path("sku", "milk");
    assert_eq!(
        ok(&function, of_milk()).await,
        json!({"levels": []}),
        "the product is known and has no level"
    );
    let unknown = call("GET", STOCK_LOOKUP).path("sku", "oysters");
    assert_eq!(refused(&function, unknown).await.0, 404);
    ok(
        &function,
        by_manager_of_both(changes("k", &[receipt("milk", 5), transfer(2)])),
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

    let first = ok(&function, by_manager_of_both(of_milk().query("limit", "1"))).await;
    assert_eq!(locations(&first), ["store-1"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = by_manager_of_both(of_milk().query("limit", "1").query("cursor", cursor));
    let rest = ok(&function, rest).await;
    assert_eq!(
        (locations(&rest), rest.get("next_cursor")),
        (vec!["store-2".to_owned()], None)
    );
    let cursor_of_other_caller = of_milk().query("cursor", cursor);
    assert_eq!(refused(&function, cursor_of_other_caller).await.0, 400);
}

#[tokio::test]
async fn levels_of_given_skus_are_listed_once_by_sku() {
    let (function, _) = function();
    let sent = [receipt("milk", 5), receipt("bread", 3)];
    ok(&function, changes("k", &sent)).await;
    let stock_of = |location: &str| call("GET", STOCK).path("location_id", location);
    let skus = |asked: &[&str]| {
        let stock = stock_of("store-1");
        asked
            .iter()
            .fold(stock, |stock, sku| stock.query("sku", sku))
    };
    let body = ok(&function, skus(&["milk", "caviar", "bread", "milk"])).await;
    let levels: Vec<_> = body["levels"].as_array().unwrap().iter().collect();
    assert_eq!(levels.len(), 2);
    assert_eq!(
        (&levels[0]["sku"], &levels[1]["sku"]),
        (&json!("bread"), &json!("milk"))
    );
    assert_eq!(levels[1], &ok(&function, of_milk("GET", LEVEL)).await);
    assert_eq!(
        ok(&function, skus(&["caviar"])).await,
        json!({"levels": []})
    );

    let too_many: Vec<String> = (0..101).map(|number| format!("sku-{number}")).collect();
    let too_many: Vec<&str> = too_many.iter().map(String::as_str).collect();
    for invalid in [
        skus(&["milk"]).query("limit", "10"),
        skus(&[" "]),
        skus(&too_many),
    ] {
        assert_eq!(
            refused(&function, invalid).await,
            (400, "invalid-request".to_owned())
        );
    }
    let unknown = stock_of("store-404")
        .by("boss", "admin", "*")
        .query("sku", "milk");
    assert_eq!(
        refused(&function, unknown).await,
        (404, "not-found".to_owned())
    );
}
