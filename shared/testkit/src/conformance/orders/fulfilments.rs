//! What every order store must do when an order is fulfilled by hand.

use futures::future::join_all;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{FulfilOutcome, complete, fulfil};
use stockline_application::ports::orders::{OrderStore, ShortSku, StoredOrder};
use stockline_domain::ids::FulfilmentId;
use stockline_domain::order::{
    CompleteOrder, FulfilLine, FulfilOrder, Fulfilment, OrderRequestRefused, OrderStatus, Parcel,
};

use super::{StockedOrders, cancel, deadline, found, minute, placed, request};
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

/// A completion of all open lines, in two parcels that left three minutes after noon.
pub(super) fn completion(tracking_number: &str) -> CompleteOrder {
    CompleteOrder {
        carrier: "Österreichische Post".to_owned(),
        tracking_number: tracking_number.to_owned(),
        parcels: [1200, 350]
            .map(|weight_grams| Parcel { weight_grams })
            .into(),
        lines: None,
        occurred_at: Some(minute(3)),
    }
}

/// Completes the order with `body` under the idempotency key `key`.
pub(super) async fn make_completion<Store: OrderStore>(
    store: &Store,
    known: &StoredOrder,
    key: &str,
    body: &CompleteOrder,
) -> FulfilOutcome {
    let same = request(&serde_json::to_string(body).unwrap());
    let id = FulfilmentId::derive_for_completion(known.order.order_id, "packer", key);
    let step = StepRequest {
        order: known,
        fingerprint: &same,
        at: minute(5),
        deadline: deadline(),
    };
    complete(store, step, body, id).await.unwrap()
}

fn fulfilled(outcome: FulfilOutcome) -> Box<Fulfilment> {
    match outcome {
        FulfilOutcome::Fulfilled(fulfilment) => fulfilment,
        other => panic!("the order is not fulfilled: {other:?}"),
    }
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
        FulfilOutcome::NotPossible(OrderRequestRefused::NothingOpen)
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

async fn completion_is_read_back_with_its_shipment<Store: StockedOrders>(store: &Store) {
    // given an order of which one unit was handed over
    let known = allocated_order(store, "shipped", &[("milk", 3), ("bread", 1)]).await;
    let handed_over = fulfilled(make_fulfilment(store, &known, "f1", &[(1, 1)]).await);
    assert_eq!(handed_over.shipment, None);
    assert_eq!(handed_over.occurred_at, minute(5));
    // when the rest is shipped
    let known = found(store, known.order.order_id).await;
    let body = completion("1Z999");
    let shipped = fulfilled(make_completion(store, &known, "c1", &body).await);
    // then the order is fulfilled, and its fulfilments are read back as they were made
    assert_eq!(shipped.shipment, Some(body.shipment()));
    assert_eq!(
        (shipped.occurred_at, shipped.fulfilled_at),
        (minute(3), minute(5))
    );
    let left = shipped.lines.iter().map(|line| (line.line, line.quantity));
    assert_eq!(left.collect::<Vec<_>>(), [(1, 2), (2, 1)]);
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.order.status, OrderStatus::Fulfilled);
    let mut read: Vec<_> = known.fulfilments.iter().map(|(made, _)| made).collect();
    read.sort_by_key(|made| made.shipment.is_some());
    assert_eq!(read, [&*handed_over, &*shipped]);
    assert_eq!(store.level_of("shipped", "milk").await, (7, 0));
    assert_eq!(store.level_of("shipped", "bread").await, (9, 0));
}

async fn replayed_completion_returns_the_first_shipment<Store: StockedOrders>(store: &Store) {
    let known = allocated_order(store, "reshipped", &[("milk", 3)]).await;
    let first = fulfilled(make_completion(store, &known, "c1", &completion("1Z999")).await);
    let after = found(store, known.order.order_id).await;
    for known in [&known, &after] {
        let again = make_completion(store, known, "c1", &completion("1Z999")).await;
        assert_eq!(again, FulfilOutcome::Replayed(first.clone()));
        let changed = make_completion(store, known, "c1", &completion("2Z000")).await;
        assert_eq!(changed, FulfilOutcome::KeyReused);
        let second = make_completion(store, known, "c2", &completion("1Z999")).await;
        let refused = FulfilOutcome::NotPossible(OrderRequestRefused::NothingOpen);
        assert_eq!(second, refused);
    }
    let invalid = make_completion(store, &after, "c1", &completion("1Z 999")).await;
    assert!(
        matches!(
            invalid,
            FulfilOutcome::NotPossible(OrderRequestRefused::Invalid(_))
        ),
        "{invalid:?}"
    );
    assert_eq!(after.fulfilments.len(), 1);
    assert_eq!(store.level_of("reshipped", "milk").await, (7, 0));
}

async fn completion_of_a_canceled_order_changes_nothing<Store: StockedOrders>(store: &Store) {
    let known = allocated_order(store, "unshipped", &[("milk", 3)]).await;
    cancel(store, &known, minute(1)).await.unwrap();
    let canceled = found(store, known.order.order_id).await;
    for known in [&known, &canceled] {
        let refused = make_completion(store, known, "c1", &completion("1Z999")).await;
        let expected = FulfilOutcome::NotPossible(OrderRequestRefused::Canceled);
        assert_eq!(refused, expected);
    }
    assert_eq!(found(store, known.order.order_id).await, canceled);
    assert_eq!(store.level_of("unshipped", "milk").await, (10, 0));
}

async fn concurrent_completions_ship_each_unit_once<Store: StockedOrders>(store: &Store) {
    let known = allocated_order(store, "packers", &[("milk", 6)]).await;
    let body = completion("1Z999");
    let keys = ["c1", "c2", "c1", "c3", "c2", "c1"];
    let outcomes = join_all(keys.map(|key| make_completion(store, &known, key, &body))).await;
    let made = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, FulfilOutcome::Fulfilled(_)));
    assert_eq!(made.count(), 1, "{outcomes:?}");
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.fulfilments.len(), 1);
    assert_eq!(store.level_of("packers", "milk").await, (4, 0));
}
