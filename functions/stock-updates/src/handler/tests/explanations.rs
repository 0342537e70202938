//! The explain operation.

use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_testkit::conformance::stock::{deadline, key};
use stockline_testkit::orders::order;

use super::*;

#[tokio::test]
async fn explain_sums_movements_and_names_open_orders() {
    let (function, clock) = function();
    ok(&function, changes("k1", &[receipt("milk", 7), count(10)])).await;
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
        let placed = order(key, "store-1", channel, &[("milk", quantity), ("milk", 1)]);
        let request = Fingerprint::of(&"a").unwrap();
        let placement = function.orders.place(&placed, &request, deadline()).await;
        assert_eq!(placement.unwrap(), PlaceOutcome::Placed);
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
async fn explain_reports_differences() {
    let (function, _) = function();
    ok(
        &function,
        changes("k", &[receipt("milk", 7), receipt("milk", 2)]),
    )
    .await;
    let key = key("store-1", "milk");
    {
        let mut shop = function.stock.lock();
        shop.levels.get_mut(&key).unwrap().allocated = 4;
    }
    let explained = ok(&function, of_milk("GET", EXPLAIN)).await;
    assert_eq!(
        explained["differences"],
        json!([
            {"kind": "movements", "quantity": "allocated", "level": 4, "movements": 0},
            {"kind": "orders", "allocated": 4, "open": 0},
        ])
    );
    function.stock.lock().movements.remove(0);
    let explained = ok(&function, of_milk("GET", EXPLAIN)).await;
    assert_eq!(
        explained["differences"][0],
        json!({"kind": "gap", "version": 2})
    );
    function.stock.lock().movements.remove(0);
    let explained = ok(&function, of_milk("GET", EXPLAIN)).await;
    assert_eq!(explained["ledger_complete"], false);
}

#[tokio::test]
async fn explain_requires_access_to_the_level() {
    let (function, _) = function();
    assert_eq!(refused(&function, of_milk("GET", EXPLAIN)).await.0, 404);
    ok(&function, changes("k", &[receipt("milk", 7)])).await;
    let elsewhere = of_milk("GET", EXPLAIN).by("bo", "store_app", "store-2");
    assert_eq!(refused(&function, elsewhere).await.0, 404);
    let controller = of_milk("GET", EXPLAIN).by("bo", "controller", "store-1");
    assert_eq!(refused(&function, controller).await.0, 403);
}
