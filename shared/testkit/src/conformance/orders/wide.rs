//! Orders of as many SKUs as an order may have.

use futures::future::join_all;
use stockline_application::order_lifecycle::{CancelOutcome, FulfilOutcome, RefundOutcome};
use stockline_application::ports::orders::StoredOrder;
use stockline_domain::order::{OrderRequestRefused, OrderStatus};
use stockline_domain::place_order::MAX_SKUS;

use super::fulfilments::hand_over;
use super::refunds::pay_back;
use super::{StockedOrders, cancel, found, minute, placed};
use crate::orders::order;

/// Runs every story.
pub async fn all<S: StockedOrders>(store: &S) {
    as_many_skus_as_may_be_are_promised_and_released(store).await;
    as_many_skus_as_may_be_leave_at_once_and_come_back_in_two(store).await;
}

fn skus() -> Vec<String> {
    (1..=MAX_SKUS)
        .map(|number| format!("sku-{number}"))
        .collect()
}

/// An online order at `at` of one of each SKU, of which there are two.
async fn promised<S: StockedOrders>(store: &S, at: &str) -> StoredOrder {
    let skus = skus();
    join_all(skus.iter().map(|sku| store.stock(at, sku, 2))).await;
    let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    placed(store, &order(&format!("{at}-1"), at, "online", &lines)).await
}

/// That each SKU at `at` is at this on hand and allocated.
async fn levels_are<S: StockedOrders>(store: &S, at: &str, expected: (i64, i64)) {
    for sku in skus() {
        assert_eq!(store.level_of(at, &sku).await, expected, "{sku}");
    }
}

async fn as_many_skus_as_may_be_are_promised_and_released<S: StockedOrders>(store: &S) {
    let at = "wide-given-up";
    let known = promised(store, at).await;
    levels_are(store, at, (2, 1)).await;
    let canceled = cancel(store, &known, minute(1)).await;
    assert!(matches!(canceled, Ok(CancelOutcome::Canceled(_))));
    levels_are(store, at, (2, 0)).await;
}

async fn as_many_skus_as_may_be_leave_at_once_and_come_back_in_two<S: StockedOrders>(store: &S) {
    // given all of an order has left at once
    let at = "wide-sent";
    let known = promised(store, at).await;
    let FulfilOutcome::Fulfilled(left) = hand_over(store, &known, "f1", &[]).await else {
        panic!("it did not leave");
    };
    levels_are(store, at, (1, 0)).await;
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.order.status, OrderStatus::Fulfilled);
    assert_eq!(known.fulfilments.len(), 1);
    // when all of it is to come back at once
    let back: Vec<(u16, i64, bool)> = (1..=99).map(|line| (line, 1, true)).collect();
    let refused = pay_back(store, &known, "r1", at, &back).await;
    // then that is more than one refund may, and two may
    assert!(
        matches!(
            refused,
            RefundOutcome::NotPossible(OrderRequestRefused::Invalid(_))
        ),
        "{refused:?}"
    );
    levels_are(store, at, (1, 0)).await;
    for (key, part) in [("r2", &back[..98]), ("r3", &back[98..])] {
        let known = found(store, known.order.order_id).await;
        let made = pay_back(store, &known, key, at, part).await;
        assert!(matches!(made, RefundOutcome::Refunded(_)), "{made:?}");
    }
    levels_are(store, at, (2, 0)).await;
    // and the fulfilment is known still, to whoever asks and to whoever sends it again
    let known = found(store, known.order.order_id).await;
    assert_eq!(known.refunds.len(), 2);
    assert_eq!(known.fulfilments[0].0, *left);
    let again = hand_over(store, &known, "f1", &[]).await;
    assert_eq!(again, FulfilOutcome::Replayed(left));
}
