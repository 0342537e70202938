//! Receipts of replenishment orders.

use stockline_application::deadline::Deadline;
use stockline_application::ports::stock::LevelReader;
use stockline_application::replenishment::{ReplenishOutcome, replenish};
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::key;

use super::*;

/// Five units of milk, of which an order of 36 is placed. Returns the order's id.
async fn order_milk(function: &Function) -> String {
    ok(function, changes("opening", &[receipt("milk", 5)])).await;
    let policy = json!({"reorder_point": 10, "target_level": 40, "order_multiple": 6});
    let set = of_milk("PUT", POLICY).body(&policy);
    ok(function, set.by("ana", "store_manager", "store-1")).await;
    let key = key("store-1", "milk");
    let level = function.stock.read_level(&key).await.unwrap().unwrap();
    let alert = StockAlert::raised_by(&level, AlertKind::Recovered).unwrap();
    let deadline = Deadline::within(std::time::Duration::from_secs(1));
    let placed = replenish(&function.stock, &alert, minute(0), deadline).await;
    let Ok(ReplenishOutcome::Placed(order)) = placed else {
        panic!("no order is placed: {placed:?}")
    };
    order.replenishment_order_id.to_string()
}

fn receipt_of(order: &str, quantity: i64) -> Value {
    json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity,
        "replenishment_order_id": order})
}

#[tokio::test]
async fn receipt_lowers_incoming_and_is_replayed() {
    let (function, _) = function();
    let order = order_milk(&function).await;
    let level = ok(&function, of_milk("GET", LEVEL)).await;
    assert_eq!(
        (&level["on_hand"], &level["incoming"]),
        (&json!(5), &json!(36))
    );
    let parts = [receipt_of(&order, 10), receipt_of(&order, 30)];
    let first = ok(&function, changes("delivery", &parts)).await;
    assert_eq!(outcomes(&first), ["applied", "applied"]);
    let incoming = |index: usize| first["results"][index]["levels"][0]["incoming"].clone();
    assert_eq!((incoming(0), incoming(1)), (json!(26), json!(0)));
    let again = changes("delivery", &parts).build();
    let again = function.handle(again).await.unwrap();
    assert!(again.is_replayed());
    assert_eq!(*again.body(), first);
    let level = ok(&function, of_milk("GET", LEVEL)).await;
    assert_eq!(
        (&level["on_hand"], &level["incoming"]),
        (&json!(45), &json!(0))
    );
    let movements = ok(&function, of_milk("GET", MOVEMENTS)).await;
    let newest = &movements["movements"][0];
    assert_eq!(newest["incoming_delta"], -26);
    assert_eq!(newest["reference"], json!(order));
}

#[tokio::test]
async fn receipt_of_a_closed_or_unknown_order_is_refused() {
    let (function, _) = function();
    let order = order_milk(&function).await;
    let unknown = "00000000-0000-0000-0000-000000000000";
    let sent = changes(
        "delivery",
        &[
            receipt_of(&order, 36),
            receipt_of(&order, 1),
            receipt_of(unknown, 1),
        ],
    );
    let body = ok(&function, sent).await;
    assert_eq!(outcomes(&body), ["applied", "refused", "refused"]);
    let problem = |index: usize| {
        let problem = &body["results"][index]["problem"];
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .ends_with("/change-refused")
        );
        problem["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        problem(1),
        "Nothing was changed: the replenishment order is received; send the change without replenishment_order_id."
    );
    assert_eq!(
        problem(2),
        "Nothing was changed: there is no such replenishment order of the SKU at the location."
    );
}

#[tokio::test]
async fn receipt_with_a_malformed_order_id_is_400() {
    let (function, _) = function();
    let malformed = changes("delivery", &[receipt_of("order-1", 1)]);
    let malformed = refused(&function, malformed).await;
    assert_eq!(malformed, (400, "invalid-request".to_owned()));
}
