//! What the same request is answered when it comes again.

use super::*;

#[tokio::test]
async fn a_request_that_has_grown_older_than_its_times_may_be_is_still_answered_as_it_was() {
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
    let sent = [receipt("milk", 5), transfer(6)];
    let first = ok(&function, by_manager_of_both(changes("k", &sent))).await;
    assert_eq!(outcomes(&first), ["applied", "refused"]);
    ok(&function, changes("later", &[receipt("milk", 1)])).await;
    let again = function
        .handle(by_manager_of_both(changes("k", &sent)).build())
        .await
        .unwrap();
    assert_eq!(outcomes(again.body()), ["applied", "applied"]);
    assert!(!again.is_replayed(), "it changed something");
    assert_eq!(ok(&function, of_milk("GET", LEVEL)).await["on_hand"], 0);
}
