//! What every order store must do when an order is canceled.

use futures::future::join_all;
use stockline_application::order_lifecycle::{self, CancelOutcome, StepRequest, fulfil};
use stockline_domain::ids::CancellationId;
use stockline_domain::order::{CancelOrder, FulfilLine, FulfilOrder, LineState, OrderStatus};

use super::refunds::make_refund;
use super::{StockedOrders, cancel, deadline, found, minute, placed, request};
use crate::conformance::story_functions;
use crate::orders::order;

story_functions!(cancellations, [Store: StockedOrders], [super], Store);

async fn concurrent_cancellations_release_stock_once<Store: StockedOrders>(store: &Store) {
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
            other => panic!("the order is not canceled: {other:?}"),
        };
        assert_eq!(order.status, OrderStatus::Canceled);
    }
    assert_eq!(done, 1);
    assert_eq!(store.level_of("cancel", "milk").await, (5, 0));
}

async fn cancellation_reason_is_read_back<Store: StockedOrders>(store: &Store) {
    store.stock("reason", "milk", 5).await;
    let held = order("reason-1", "reason", "online", &[("milk", 1)]);
    let known = placed(store, &held).await;
    let body = CancelOrder {
        reason: Some("the customer left".to_owned()),
    };
    let id = CancellationId::derive(held.order_id, "till-1", "c");
    let same = request("c");
    let step = StepRequest {
        order: &known,
        fingerprint: &same,
        at: minute(1),
        deadline: deadline(),
    };
    let canceled = order_lifecycle::cancel(store, step, &body, id).await;
    assert!(matches!(canceled, Ok(CancelOutcome::Canceled(_))));
    let (cancellation, _) = found(store, held.order_id).await.cancellation.unwrap();
    assert_eq!(cancellation.reason, body.reason);
}

async fn fulfilled_order_is_too_late_to_cancel<Store: StockedOrders>(store: &Store) {
    store.stock("left", "milk", 5).await;
    let known = placed(store, &order("left-1", "left", "pos", &[("milk", 1)])).await;
    let refused = cancel(store, &known, minute(1)).await;
    assert_eq!(refused.unwrap(), CancelOutcome::TooLate);
    assert_eq!(store.level_of("left", "milk").await, (4, 0));
}

async fn partly_fulfilled_order_cancels_the_rest<Store: StockedOrders>(store: &Store) {
    store.stock("part", "milk", 5).await;
    store.stock("part", "bread", 5).await;
    let placed_order = order("part-1", "part", "online", &[("milk", 3), ("bread", 2)]);
    let known = placed(store, &placed_order).await;
    let id = crate::orders::fulfilment_id(&placed_order, "f1");
    let one_unit = FulfilOrder {
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
        &one_unit,
        id,
    )
    .await
    .unwrap();

    // `known` is a read from before the fulfilment: the fulfilled unit must not be released.
    for at in [minute(2), minute(3)] {
        let (CancelOutcome::Canceled(order) | CancelOutcome::Replayed(order)) =
            cancel(store, &known, at).await.unwrap()
        else {
            panic!("the order is not canceled");
        };
        assert_eq!(order.status, OrderStatus::Fulfilled);
        assert_eq!(order.canceled_at, Some(minute(2)));
        assert_eq!(order.lines[0].canceled_quantity, 2);
        assert_eq!(order.lines[1].state(), LineState::Canceled);
    }
    assert_eq!(store.level_of("part", "milk").await, (4, 0));
    assert_eq!(store.level_of("part", "bread").await, (5, 0));
}

async fn replayed_cancellation_returns_first_response<Store: StockedOrders>(store: &Store) {
    store.stock("undone", "milk", 9).await;
    store.stock("undone", "bread", 9).await;
    let placed_order = order("undone-1", "undone", "online", &[("milk", 5), ("bread", 3)]);
    let known = placed(store, &placed_order).await;
    let line = |line, quantity| FulfilLine { line, quantity };
    let partial = FulfilOrder {
        occurred_at: None,
        lines: Some(vec![line(1, 3), line(2, 2)]),
    };
    let (id, same) = (
        crate::orders::fulfilment_id(&placed_order, "f1"),
        request("f"),
    );
    fulfil(
        store,
        StepRequest {
            order: &known,
            fingerprint: &same,
            at: minute(1),
            deadline: deadline(),
        },
        &partial,
        id,
    )
    .await
    .unwrap();
    let known = found(store, placed_order.order_id).await;
    make_refund(store, &known, "before", "undone", &[(1, 1, true)]).await;
    let known = found(store, placed_order.order_id).await;
    let Ok(CancelOutcome::Canceled(first)) = cancel(store, &known, minute(2)).await else {
        panic!("the order is not canceled");
    };
    let after_cancel = found(store, placed_order.order_id).await;
    let returned = [(1, 2, true), (2, 1, false)];
    make_refund(store, &after_cancel, "after", "undone", &returned).await;
    let again = cancel(store, &known, minute(3)).await.unwrap();
    assert_eq!(again, CancelOutcome::Replayed(first));
}

async fn concurrent_cancel_and_fulfil_settle_every_unit<Store: StockedOrders>(store: &Store) {
    store.stock("race", "milk", 9).await;
    let placed_order = order("race-1", "race", "online", &[("milk", 4)]);
    let known = placed(store, &placed_order).await;
    let all = FulfilOrder::default();
    let (id, same) = (
        crate::orders::fulfilment_id(&placed_order, "f1"),
        request("f"),
    );
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
    let order = found(store, placed_order.order_id).await.order;
    let line = &order.lines[0];
    assert_eq!(line.open_quantity(), 0, "{canceled:?} {left:?}");
    let level = store.level_of("race", "milk").await;
    assert_eq!(level, (9 - line.fulfilled_quantity, 0));
}
