//! Retries and replays of stock changes.

use super::*;

#[tokio::test]
async fn expired_request_is_still_replayed() {
    let (function, clock) = function();
    let count = count(4);
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
async fn duplicate_request_is_applied_once() {
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
async fn keys_reject_other_bodies_and_are_per_caller() {
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
async fn refused_change_is_replayed_as_refused() {
    let (function, _) = function();
    let sent = [receipt("milk", 5), transfer(6)];
    let request = || by_manager_of_both(changes("k", &sent)).build();
    let first = function.handle(request()).await.unwrap();
    assert_eq!(outcomes(first.body()), ["applied", "refused"]);
    // given enough stock for the refused change
    ok(&function, changes("later", &[receipt("milk", 1)])).await;
    // when the request is sent again
    let again = function.handle(request()).await.unwrap();
    // then its answer is the first one
    assert!(!first.is_replayed() && again.is_replayed());
    assert_eq!(again.body(), first.body());
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 6);
    // and another key decides the change anew
    let anew = ok(&function, by_manager_of_both(changes("k2", &sent[1..]))).await;
    assert_eq!(outcomes(&anew), ["applied"]);
}

#[tokio::test]
async fn refusal_for_a_missing_product_is_replayed() {
    let (function, _) = function();
    let sent = [receipt("caviar", 1), receipt_at_store_9()];
    let first = ok(&function, changes("k", &sent)).await;
    assert_eq!(outcomes(&first), ["refused", "refused"]);
    let caviar = product("caviar");
    let sku = caviar.sku.clone();
    function.catalog.lock().products.insert(sku, caviar);
    let again = function.handle(changes("k", &sent).build()).await.unwrap();
    assert!(again.is_replayed());
    assert_eq!(again.body(), &first);
}

/// A receipt at a location that `till-1` cannot access.
fn receipt_at_store_9() -> Value {
    json!({"kind": "receipt", "location_id": "store-9", "sku": "milk", "quantity": 1})
}

/// Makes request `k` of the manager end before its last change, as a crash would.
fn forget_last_change(function: &Function) {
    let mut data = function.stock.lock();
    let request = RequestId::derive("ana", "k");
    data.settled.get_mut(&request).unwrap().pop_last().unwrap();
}

#[tokio::test]
async fn retry_settles_only_the_remaining_changes() {
    let (function, _) = function();
    let sent = [receipt("milk", 5), transfer(6)];
    ok(&function, by_manager_of_both(changes("k", &sent))).await;
    forget_last_change(&function);
    ok(&function, changes("later", &[receipt("milk", 1)])).await;
    let again = function
        .handle(by_manager_of_both(changes("k", &sent)).build())
        .await
        .unwrap();
    assert_eq!(outcomes(again.body()), ["applied", "applied"]);
    assert!(!again.is_replayed(), "the retry applied a change");
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 0);
}

#[tokio::test]
async fn retry_uses_the_time_of_the_first_request() {
    let (function, clock) = function();
    let sent = [receipt("milk", 5), transfer(6)];
    let first = ok(&function, by_manager_of_both(changes("k", &sent))).await;
    assert_eq!(outcomes(&first), ["applied", "refused"]);
    forget_last_change(&function);
    // given a count that is made and sent after the first request
    clock.advance(SignedDuration::from_mins(10));
    let counted = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 8,
                         "counted_at": clock.now().to_string()});
    ok(&function, changes("count", &[counted])).await;
    // when the request is sent again, and its second change has enough stock
    clock.advance(SignedDuration::from_mins(10));
    let again = ok(&function, by_manager_of_both(changes("k", &sent))).await;
    assert_eq!(outcomes(&again), ["applied", "applied"]);
    // then the count includes the transfer, which does not change the counted quantity
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 8);
}

#[tokio::test]
async fn remaining_changes_are_applied_at_any_age() {
    let (function, clock) = function();
    let mut late = transfer(6);
    late["occurred_at"] = json!((clock.now() - SignedDuration::from_hours(7 * 24)).to_string());
    let sent = [receipt("milk", 5), late];
    let first = ok(&function, by_manager_of_both(changes("k", &sent))).await;
    assert_eq!(outcomes(&first), ["applied", "refused"]);
    forget_last_change(&function);
    ok(&function, changes("later", &[receipt("milk", 1)])).await;
    clock.advance(SignedDuration::from_hours(24));
    let again = ok(&function, by_manager_of_both(changes("k", &sent))).await;
    assert_eq!(outcomes(&again), ["applied", "applied"]);
}
