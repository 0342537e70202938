//! What a change of stock is answered.

use super::*;

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
async fn what_is_in_transit_arrives_in_parts_and_no_more_than_left() {
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
    let there = &body["results"][4]["levels"][0];
    assert_eq!(
        (&there["on_hand"], &there["in_transit"]),
        (&json!(3), &json!(0))
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
    let mut count = count(4);
    count["expected_version"] = json!(7);
    let body = ok(&function, changes("b", &[count])).await;
    assert_eq!(
        body["results"][0]["problem"]["detail"],
        "Nothing was changed: the level is at version 1, not 7."
    );
}

#[tokio::test]
async fn a_change_that_has_to_wait_keeps_none_waiting_but_those_of_its_level() {
    let (function, clock) = function();
    ok(&function, changes("k", &[receipt("milk", 7)])).await;
    clock.advance(SignedDuration::from_secs(1));
    // given a count of milk whose last movement the ledger has not yet, and what comes after the count
    let late = std::mem::take(&mut function.stock.open().movements);
    let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 5,
        "counted_at": "2026-03-01T12:00:01Z"});
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
