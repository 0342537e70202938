//! The results of stock changes.

use super::*;

#[tokio::test]
async fn receipt_creates_the_level_and_returns_it() {
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
async fn refused_change_does_not_block_others() {
    let (function, _) = function();
    let sent = [
        receipt("milk", 5),
        transfer(6),
        receipt("bread", 3),
        transfer(2),
    ];
    let body = ok(&function, by_manager_of_both(changes("k", &sent))).await;
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
async fn arrivals_are_limited_to_quantity_in_transit() {
    let (function, _) = function();
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
    let body = ok(&function, by_manager_of_both(changes("k", &sent))).await;
    assert_eq!(
        outcomes(&body),
        ["applied", "applied", "applied", "refused", "applied"]
    );
    assert_eq!(
        body["results"][3]["problem"]["detail"],
        "Nothing was changed: only 1 in transit."
    );
    let level = &body["results"][4]["levels"][0];
    assert_eq!(
        (&level["on_hand"], &level["in_transit"]),
        (&json!(3), &json!(0))
    );
}

#[tokio::test]
async fn transfer_requires_access_to_both_locations() {
    let (function, _) = function();
    let body = ok(&function, changes("k", &[receipt("milk", 5), transfer(1)])).await;
    assert_eq!(outcomes(&body), ["applied", "refused"]);
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 5);
}

#[tokio::test]
async fn count_with_stale_expected_version_is_refused() {
    let (function, _) = function();
    ok(&function, changes("a", &[receipt("milk", 5)])).await;
    let mut count = count(4);
    count["expected_version"] = json!(7);
    let body = ok(&function, changes("b", &[count])).await;
    assert_eq!(
        body["results"][0]["problem"]["detail"],
        "Nothing was changed: the level is at version 1, not 7."
    );
}

#[tokio::test]
async fn blocked_change_delays_only_changes_of_its_level() {
    let (function, clock) = function();
    ok(
        &function,
        changes("k", &[receipt("milk", 3), receipt("milk", 4)]),
    )
    .await;
    clock.advance(SignedDuration::from_secs(1));
    // given a count of milk whose first movement is not in the ledger, followed by two receipts
    let unrecorded = std::mem::take(&mut function.stock.lock().movements);
    let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 5,
        "counted_at": "2026-03-01T12:00:01Z"});
    let sent = [count, receipt("milk", 1), receipt("bread", 3)];
    // when the request is sent
    let answer = refused(&function, changes("l", &sent)).await;
    // then bread is received, and milk is unchanged
    assert_eq!(answer, (503, "busy".to_owned()));
    let on_hand = async |sku| {
        let level = call("GET", LEVEL).path("location_id", "store-1");
        ok(&function, level.path("sku", sku)).await["on_hand"].clone()
    };
    assert_eq!(
        (on_hand("milk").await, on_hand("bread").await),
        (7.into(), 3.into())
    );
    // when the movements are in the ledger and the request is sent again
    function.stock.lock().movements.extend(unrecorded);
    let body = ok(&function, changes("l", &sent)).await;
    assert_eq!(outcomes(&body), ["applied", "applied", "applied"]);
    assert_eq!(
        (on_hand("milk").await, on_hand("bread").await),
        (6.into(), 3.into())
    );
}
