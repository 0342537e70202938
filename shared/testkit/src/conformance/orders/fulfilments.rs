//! Goods leave by hand.

use futures::future::join_all;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{FulfilOutcome, fulfil};
use stockline_application::ports::orders::{OrderStore, ShortSku, StoredOrder};
use stockline_domain::order::{FulfilLine, FulfilOrder, OrderRequestRefused, OrderStatus};

use super::{StockedOrders, deadline, found, minute, placed, request};
use crate::orders::{fulfilment_id, order};

/// Runs every story.
pub async fn all<S: StockedOrders>(store: &S) {
    goods_leave_in_parts_until_nothing_is_open(store).await;
    the_same_fulfilment_sent_again_is_the_first_one_and_another_under_its_key_is_refused(store)
        .await;
    the_same_fulfilment_sent_many_times_at_once_is_one(store).await;
    what_a_count_did_not_find_cannot_leave(store).await;
}

/// Lets lines leave, (line, quantity) each; all that is open, if none are named.
pub(super) async fn hand_over<S: OrderStore>(
    store: &S,
    known: &StoredOrder,
    key: &str,
    lines: &[(u16, i64)],
) -> FulfilOutcome {
    let named = lines.iter().map(|(line, quantity)| FulfilLine {
        line: *line,
        quantity: *quantity,
    });
    let body = FulfilOrder {
        occurred_at: None,
        lines: (!lines.is_empty()).then(|| named.collect()),
    };
    let same = request(&serde_json::to_string(&body).unwrap());
    let id = fulfilment_id(&known.order, key);
    fulfil(
        store,
        StepRequest {
            order: known,
            fingerprint: &same,
            at: minute(5),
            deadline: deadline(),
        },
        &body,
        id,
    )
    .await
    .unwrap()
}

async fn promised<S: StockedOrders>(store: &S, at: &str, lines: &[(&str, i64)]) -> StoredOrder {
    for (sku, _) in lines {
        store.stock(at, sku, 10).await;
    }
    let promise = order(&format!("{at}-1"), at, "click_and_collect", lines);
    placed(store, &promise).await
}

async fn goods_leave_in_parts_until_nothing_is_open<S: StockedOrders>(store: &S) {
    let known = promised(store, "counter", &[("milk", 3), ("bread", 1)]).await;
    let first = hand_over(store, &known, "f1", &[(1, 2)]).await;
    assert!(matches!(first, FulfilOutcome::Fulfilled(_)), "{first:?}");
    assert_eq!(store.level_of("counter", "milk").await, (8, 1));
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.order.status, OrderStatus::PartiallyFulfilled);
    let rest = hand_over(store, &known, "f2", &[]).await;
    assert!(matches!(rest, FulfilOutcome::Fulfilled(_)), "{rest:?}");
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.order.status, OrderStatus::Fulfilled);
    assert_eq!(known.fulfilments.len(), 2);
    assert_eq!(store.level_of("counter", "milk").await, (7, 0));
    assert_eq!(store.level_of("counter", "bread").await, (9, 0));
    let nothing = hand_over(store, &known, "f3", &[]).await;
    assert_eq!(
        nothing,
        FulfilOutcome::NotPossible(OrderRequestRefused::TooMuch(Vec::new()))
    );
}

async fn the_same_fulfilment_sent_again_is_the_first_one_and_another_under_its_key_is_refused<
    S: StockedOrders,
>(
    store: &S,
) {
    let known = promised(store, "twice", &[("milk", 3)]).await;
    let first = hand_over(store, &known, "f1", &[]).await;
    let FulfilOutcome::Fulfilled(first) = first else {
        panic!("{first:?}");
    };
    let now = found(store, known.order.order_id).await;
    for known in [&known, &now] {
        let again = hand_over(store, known, "f1", &[]).await;
        assert_eq!(again, FulfilOutcome::Replayed(first.clone()));
        let other = hand_over(store, known, "f1", &[(1, 1)]).await;
        assert_eq!(other, FulfilOutcome::KeyReused);
    }
    assert_eq!(store.level_of("twice", "milk").await, (7, 0));
}

async fn the_same_fulfilment_sent_many_times_at_once_is_one<S: StockedOrders>(store: &S) {
    let known = promised(store, "crowd", &[("milk", 5)]).await;
    let results = join_all((0..8).map(|_| hand_over(store, &known, "f1", &[(1, 1)]))).await;
    let fulfilled = results
        .iter()
        .filter(|result| matches!(result, FulfilOutcome::Fulfilled(_)))
        .count();
    let replayed = results
        .iter()
        .filter(|result| matches!(result, FulfilOutcome::Replayed(_)))
        .count();
    assert_eq!((fulfilled, replayed), (1, 7), "{results:?}");
    assert_eq!(store.level_of("crowd", "milk").await, (9, 4));
}

async fn what_a_count_did_not_find_cannot_leave<S: StockedOrders>(store: &S) {
    let known = promised(store, "lost", &[("milk", 3), ("bread", 1)]).await;
    store.stock("lost", "milk", 1).await;
    let refused = hand_over(store, &known, "f1", &[]).await;
    let short = ShortSku {
        sku: "milk".parse().unwrap(),
        requested: 3,
        available: 1,
    };
    assert_eq!(refused, FulfilOutcome::Short(vec![short]));
    assert_eq!(store.level_of("lost", "bread").await, (10, 1));
    assert_eq!(found(store, known.order.order_id).await, known);
}
