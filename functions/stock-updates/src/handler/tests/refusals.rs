//! Rejected requests and refused changes.

use super::*;

#[tokio::test]
async fn sku_or_location_outside_catalog_is_refused() {
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

    // A location of another caller gets the same problem as one that does not exist.
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
async fn invalid_request_changes_nothing() {
    let (function, _) = function();
    let without_key =
        call("POST", "/v1/stock/changes").body(&json!({"changes": [receipt("milk", 1)]}));
    assert_eq!(
        refused(&function, without_key).await,
        (400, "missing-idempotency-key".to_owned())
    );
    let invalid = changes("k", &[receipt("milk", 1), receipt("milk", 0)]);
    assert_eq!(
        refused(&function, invalid).await,
        (400, "invalid-request".to_owned())
    );
    let mut unknown = receipt("milk", 1);
    unknown["colour"] = json!("red");
    assert_eq!(
        refused(&function, changes("k", &[unknown])).await,
        (400, "invalid-request".to_owned())
    );
    // Without a version the change would be applied to any.
    let mut null_version = receipt("milk", 1);
    null_version["expected_version"] = Value::Null;
    assert_eq!(
        refused(&function, changes("k", &[null_version])).await,
        (400, "invalid-request".to_owned())
    );
    let not_json = changes("k", &[]).text("{\"changes\": [");
    assert_eq!(
        refused(&function, not_json).await,
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
async fn busy_store_returns_503_and_retry_succeeds() {
    let (function, _) = function();
    function.catalog.lock().busy = true;
    assert_eq!(
        refused(&function, changes("k", &[receipt("milk", 1)])).await,
        (503, "busy".to_owned())
    );
    function.catalog.lock().busy = false;
    assert_eq!(
        outcomes(&ok(&function, changes("k", &[receipt("milk", 1)])).await),
        ["applied"]
    );
}

#[tokio::test]
async fn foreign_stock_is_not_found() {
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
async fn write_off_by_a_till_is_forbidden() {
    let (function, _) = function();
    ok(&function, changes("k", &[receipt("milk", 5)])).await;
    let adjust = |delta: i64, reason: &str| json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": delta, "reason": reason});
    for (key, write_off) in [
        ("w1", adjust(-1, "correction")),
        ("w2", adjust(1, "damage")),
    ] {
        let sent = [receipt("milk", 1), write_off];
        assert_eq!(
            refused(&function, changes(key, &sent)).await,
            (403, "forbidden".to_owned())
        );
        let by_manager = changes(key, &sent).by("ana", "store_manager", "store-1");
        assert_eq!(
            outcomes(&ok(&function, by_manager).await),
            ["applied", "applied"]
        );
    }
    let found = ok(&function, changes("f", &[adjust(1, "found")])).await;
    assert_eq!(found["results"][0]["levels"][0]["on_hand"], 8);
}

#[tokio::test]
async fn analyst_without_locations_is_forbidden() {
    let (function, _) = function();
    for asked in [
        of_milk("GET", LEVEL),
        of_milk("GET", STOCK),
        of_milk("GET", STOCK_LOOKUP),
    ] {
        let analyst = asked.by("ada", "analyst", "");
        assert_eq!(
            refused(&function, analyst).await,
            (403, "forbidden".to_owned())
        );
    }
}
