//! What is open of an order is given up.

use futures::future::join_all;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{CancelOutcome, fulfil};
use stockline_domain::order::{FulfilLine, FulfilOrder, LineState, OrderStatus};

use super::refunds::pay_back;
use super::{StockedOrders, cancel, deadline, found, minute, placed, request};
use crate::orders::order;

/// Runs every story.
pub async fn all<S: StockedOrders>(store: &S) {
    a_canceled_order_releases_what_it_held_once(store).await;
    an_order_of_which_all_has_left_is_not_canceled(store).await;
    an_order_of_which_a_part_has_left_gives_up_the_rest_and_is_fulfilled(store).await;
    a_cancellation_is_answered_again_as_it_was_whatever_came_back_before_it_or_since(store).await;
    of_a_cancellation_and_a_fulfilment_at_once_what_leaves_and_what_is_released_is_all_of_it(store)
        .await;
}

async fn a_canceled_order_releases_what_it_held_once<S: StockedOrders>(store: &S) {
    store.stock("cancel", "milk", 5).await;
    let held = order("cancel-1", "cancel", "online", &[("milk", 5)]);
    let known = placed(store, &held).await;
    let results = join_all((0..6).map(|_| cancel(store, &known, minute(60)))).await;
    let mut done = 0;
    for result in results {
        let order = match result.unwrap() {
            CancelOutcome::Canceled(order) => {
                done += 1;
                order
            }
            CancelOutcome::Replayed(order) => order,
            other => panic!("it was not canceled: {other:?}"),
        };
        assert_eq!(order.status, OrderStatus::Canceled);
    }
    assert_eq!(done, 1);
    assert_eq!(store.level_of("cancel", "milk").await, (5, 0));
}

async fn an_order_of_which_all_has_left_is_not_canceled<S: StockedOrders>(store: &S) {
    store.stock("left", "milk", 5).await;
    let known = placed(store, &order("left-1", "left", "pos", &[("milk", 1)])).await;
    let refused = cancel(store, &known, minute(1)).await;
    assert_eq!(refused.unwrap(), CancelOutcome::TooLate);
    assert_eq!(store.level_of("left", "milk").await, (4, 0));
}

async fn an_order_of_which_a_part_has_left_gives_up_the_rest_and_is_fulfilled<S: StockedOrders>(
    store: &S,
) {
    store.stock("part", "milk", 5).await;
    store.stock("part", "bread", 5).await;
    let promise = order("part-1", "part", "online", &[("milk", 3), ("bread", 2)]);
    let known = placed(store, &promise).await;
    let id = crate::orders::fulfilment_id(&promise, "f1");
    let one = FulfilOrder {
        occurred_at: None,
        lines: Some(vec![FulfilLine {
            line: 1,
            quantity: 1,
        }]),
    };
    let same = request("f");
    fulfil(
        store,
        StepRequest {
            order: &known,
            fingerprint: &same,
            at: minute(1),
            deadline: deadline(),
        },
        &one,
        id,
    )
    .await
    .unwrap();

    // What was read before the goods left is no reason to release them.
    for at in [minute(2), minute(3)] {
        let (CancelOutcome::Canceled(order) | CancelOutcome::Replayed(order)) =
            cancel(store, &known, at).await.unwrap()
        else {
            panic!("it was not canceled");
        };
        assert_eq!(order.status, OrderStatus::Fulfilled);
        assert_eq!(order.canceled_at, Some(minute(2)));
        assert_eq!(order.lines[0].canceled_quantity, 2);
        assert_eq!(order.lines[1].state(), LineState::Canceled);
    }
    assert_eq!(store.level_of("part", "milk").await, (4, 0));
    assert_eq!(store.level_of("part", "bread").await, (5, 0));
}

async fn a_cancellation_is_answered_again_as_it_was_whatever_came_back_before_it_or_since<
    S: StockedOrders,
>(
    store: &S,
) {
    store.stock("undone", "milk", 9).await;
    store.stock("undone", "bread", 9).await;
    let promise = order("undone-1", "undone", "online", &[("milk", 5), ("bread", 3)]);
    let known = placed(store, &promise).await;
    let part = |line, quantity| FulfilLine { line, quantity };
    let some = FulfilOrder {
        occurred_at: None,
        lines: Some(vec![part(1, 3), part(2, 2)]),
    };
    let (id, same) = (crate::orders::fulfilment_id(&promise, "f1"), request("f"));
    fulfil(
        store,
        StepRequest {
            order: &known,
            fingerprint: &same,
            at: minute(1),
            deadline: deadline(),
        },
        &some,
        id,
    )
    .await
    .unwrap();
    let known = found(store, promise.order_id).await;
    pay_back(store, &known, "before", "undone", &[(1, 1, true)]).await;
    let known = found(store, promise.order_id).await;
    let Ok(CancelOutcome::Canceled(first)) = cancel(store, &known, minute(2)).await else {
        panic!("it was not canceled");
    };
    let since = found(store, promise.order_id).await;
    let back = [(1, 2, true), (2, 1, false)];
    pay_back(store, &since, "since", "undone", &back).await;
    let again = cancel(store, &known, minute(3)).await.unwrap();
    assert_eq!(again, CancelOutcome::Replayed(first));
}

async fn of_a_cancellation_and_a_fulfilment_at_once_what_leaves_and_what_is_released_is_all_of_it<
    S: StockedOrders,
>(
    store: &S,
) {
    store.stock("race", "milk", 9).await;
    let promise = order("race-1", "race", "online", &[("milk", 4)]);
    let known = placed(store, &promise).await;
    let all = FulfilOrder::default();
    let (id, same) = (crate::orders::fulfilment_id(&promise, "f1"), request("f"));
    let (canceled, left) = futures::join!(
        cancel(store, &known, minute(1)),
        fulfil(
            store,
            StepRequest {
                order: &known,
                fingerprint: &same,
                at: minute(1),
                deadline: deadline()
            },
            &all,
            id
        ),
    );
    let (canceled, left) = (canceled.unwrap(), left.unwrap());
    let order = found(store, promise.order_id).await.order;
    let line = &order.lines[0];
    assert_eq!(line.open_quantity(), 0, "{canceled:?} {left:?}");
    let level = store.level_of("race", "milk").await;
    assert_eq!(level, (9 - line.fulfilled_quantity, 0));
}
