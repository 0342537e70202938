//! What every order store must do with an order of [`MAX_SKUS`] SKUs, the most an order may have.

use futures::future::join_all;
use stockline_application::order_lifecycle::{CancelOutcome, FulfilOutcome, RefundOutcome};
use stockline_application::ports::orders::StoredOrder;
use stockline_domain::order::{OrderRequestRefused, OrderStatus};
use stockline_domain::place_order::MAX_SKUS;

use super::fulfilments::{completion, make_completion, make_fulfilment};
use super::refunds::make_refund;
use super::{StockedOrders, cancel, found, minute, placed};
use crate::conformance::story_functions;
use crate::orders::order;

story_functions!(max_skus, [Store: StockedOrders], [super], Store);

fn skus() -> Vec<String> {
    (1..=MAX_SKUS)
        .map(|number| format!("sku-{number}"))
        .collect()
}

/// An online order at `at` of one unit of each SKU, of which two are on hand.
async fn allocated_order<Store: StockedOrders>(store: &Store, at: &str) -> StoredOrder {
    let skus = skus();
    join_all(skus.iter().map(|sku| store.stock(at, sku, 2))).await;
    let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    placed(store, &order(&format!("{at}-1"), at, "online", &lines)).await
}

/// Asserts on hand and allocated of each SKU at `at`.
async fn assert_levels<Store: StockedOrders>(store: &Store, at: &str, expected: (i64, i64)) {
    for sku in skus() {
        assert_eq!(store.level_of(at, &sku).await, expected, "{sku}");
    }
}

async fn max_skus_are_allocated_and_released<Store: StockedOrders>(store: &Store) {
    let at = "max-canceled";
    let known = allocated_order(store, at).await;
    assert_levels(store, at, (2, 1)).await;
    let canceled = cancel(store, &known, minute(1)).await;
    assert!(matches!(canceled, Ok(CancelOutcome::Canceled(_))));
    assert_levels(store, at, (2, 0)).await;
}

async fn max_skus_leave_in_one_fulfilment_and_return_in_two_refunds<Store: StockedOrders>(
    store: &Store,
) {
    // given an order that one fulfilment fulfils completely
    let at = "max-fulfilled";
    let known = allocated_order(store, at).await;
    let FulfilOutcome::Fulfilled(fulfilment) = make_fulfilment(store, &known, "f1", &[]).await
    else {
        panic!("the order is not fulfilled");
    };
    assert_levels(store, at, (1, 0)).await;
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.order.status, OrderStatus::Fulfilled);
    assert_eq!(known.fulfilments.len(), 1);
    // when one refund asks for all of its lines
    let returned: Vec<(u16, i64, bool)> = (1..=99).map(|line| (line, 1, true)).collect();
    let refused = make_refund(store, &known, "r1", at, &returned).await;
    // then it is rejected as too large for one refund, and two refunds succeed
    assert!(
        matches!(
            refused,
            RefundOutcome::NotPossible(OrderRequestRefused::Invalid(_))
        ),
        "{refused:?}"
    );
    assert_levels(store, at, (1, 0)).await;
    for (key, lines) in [("r2", &returned[..98]), ("r3", &returned[98..])] {
        let known = found(store, known.order.order_id).await;
        let refund = make_refund(store, &known, key, at, lines).await;
        assert!(matches!(refund, RefundOutcome::Refunded(_)), "{refund:?}");
    }
    assert_levels(store, at, (2, 0)).await;
    // and the fulfilment is still found, both by a read and by a replay
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.refunds.len(), 2);
    assert_eq!(known.fulfilments[0].0, *fulfilment);
    let again = make_fulfilment(store, &known, "f1", &[]).await;
    assert_eq!(again, FulfilOutcome::Replayed(fulfilment));
}

async fn shipment_of_max_skus_is_read_back<Store: StockedOrders>(store: &Store) {
    let known = allocated_order(store, "max-shipped").await;
    let body = completion("1Z999");
    let FulfilOutcome::Fulfilled(shipped) = make_completion(store, &known, "c1", &body).await
    else {
        panic!("the order is not completed");
    };
    assert_levels(store, "max-shipped", (1, 0)).await;
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.fulfilments[0].0, *shipped);
    assert_eq!(shipped.shipment, Some(body.shipment()));
    let again = make_completion(store, &known, "c1", &body).await;
    assert_eq!(again, FulfilOutcome::Replayed(shipped));
}
