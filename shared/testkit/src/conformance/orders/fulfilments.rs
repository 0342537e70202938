//! What every order store must do when an order is fulfilled by hand.

use futures::future::join_all;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{FulfilOutcome, fulfil};
use stockline_application::ports::orders::{OrderStore, ShortSku, StoredOrder};
use stockline_domain::order::{FulfilLine, FulfilOrder, OrderRequestRefused, OrderStatus};

use super::{StockedOrders, deadline, found, minute, placed, request};
use crate::conformance::story_functions;
use crate::orders::{fulfilment_id, order};

story_functions!(fulfilments, [Store: StockedOrders], [super], Store);

/// Fulfils `lines` under the idempotency key `key`. A line is its number and the quantity. Empty `lines` fulfil all open
/// quantities.
pub(super) async fn make_fulfilment<Store: OrderStore>(
    store: &Store,
    known: &StoredOrder,
    key: &str,
    lines: &[(u16, i64)],
) -> FulfilOutcome {
    let fulfil_lines = lines.iter().map(|(line, quantity)| FulfilLine {
        line: *line,
        quantity: *quantity,
    });
    let body = FulfilOrder {
        occurred_at: None,
        lines: (!lines.is_empty()).then(|| fulfil_lines.collect()),
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

async fn allocated_order<Store: StockedOrders>(
    store: &Store,
    at: &str,
    lines: &[(&str, i64)],
) -> StoredOrder {
    for (sku, _) in lines {
        store.stock(at, sku, 10).await;
    }
    let allocated = order(&format!("{at}-1"), at, "click_and_collect", lines);
    placed(store, &allocated).await
}

async fn partial_fulfilments_complete_the_order<Store: StockedOrders>(store: &Store) {
    let known = allocated_order(store, "counter", &[("milk", 3), ("bread", 1)]).await;
    let first = make_fulfilment(store, &known, "f1", &[(1, 2)]).await;
    assert!(matches!(first, FulfilOutcome::Fulfilled(_)), "{first:?}");
    assert_eq!(store.level_of("counter", "milk").await, (8, 1));
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.order.status, OrderStatus::PartiallyFulfilled);
    let rest = make_fulfilment(store, &known, "f2", &[]).await;
    assert!(matches!(rest, FulfilOutcome::Fulfilled(_)), "{rest:?}");
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.order.status, OrderStatus::Fulfilled);
    assert_eq!(known.fulfilments.len(), 2);
    assert_eq!(store.level_of("counter", "milk").await, (7, 0));
    assert_eq!(store.level_of("counter", "bread").await, (9, 0));
    let nothing = make_fulfilment(store, &known, "f3", &[]).await;
    assert_eq!(
        nothing,
        FulfilOutcome::NotPossible(OrderRequestRefused::TooMuch(Vec::new()))
    );
}

async fn replay_returns_first_fulfilment_and_reused_key_is_rejected<Store: StockedOrders>(
    store: &Store,
) {
    let known = allocated_order(store, "twice", &[("milk", 3)]).await;
    let first = make_fulfilment(store, &known, "f1", &[]).await;
    let FulfilOutcome::Fulfilled(first) = first else {
        panic!("{first:?}");
    };
    let after_fulfilment = found(store, known.order.order_id).await;
    for known in [&known, &after_fulfilment] {
        let again = make_fulfilment(store, known, "f1", &[]).await;
        assert_eq!(again, FulfilOutcome::Replayed(first.clone()));
        let other = make_fulfilment(store, known, "f1", &[(1, 1)]).await;
        assert_eq!(other, FulfilOutcome::KeyReused);
    }
    assert_eq!(store.level_of("twice", "milk").await, (7, 0));
}

async fn concurrent_duplicates_fulfil_once<Store: StockedOrders>(store: &Store) {
    let known = allocated_order(store, "crowd", &[("milk", 5)]).await;
    let results = join_all((0..8).map(|_| make_fulfilment(store, &known, "f1", &[(1, 1)]))).await;
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

async fn fulfilment_beyond_on_hand_is_short<Store: StockedOrders>(store: &Store) {
    let known = allocated_order(store, "lost", &[("milk", 3), ("bread", 1)]).await;
    store.stock("lost", "milk", 1).await;
    let refused = make_fulfilment(store, &known, "f1", &[]).await;
    let short = ShortSku {
        sku: "milk".parse().unwrap(),
        requested: 3,
        available: 1,
    };
    assert_eq!(refused, FulfilOutcome::Short(vec![short]));
    assert_eq!(store.level_of("lost", "bread").await, (10, 1));
    assert_eq!(found(store, known.order.order_id).await, known);
}
