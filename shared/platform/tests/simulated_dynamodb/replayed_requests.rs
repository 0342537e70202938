//! A replayed request returns the first result, even if the caller read the order's items from different points in time.

use stockline_application::order_lifecycle::{FulfilOutcome, RefundOutcome};
use stockline_application::ports::orders::StoredOrder;
use stockline_domain::order::RefundLine;
use stockline_testkit::conformance::orders::{found, minute, placed};
use stockline_testkit::orders::order;

use crate::test_store::{FULFIL_ALL, TestStore};

/// A `Query` is not a snapshot: during a transaction it may return one item before and another after the commit. The
/// fulfilments of an order sort before the order, so a query can miss a fulfilment that the order already includes.
#[tokio::test(start_paused = true)]
async fn fulfilment_missing_from_a_torn_read_is_replayed() {
    let store = TestStore::new(1);
    store.receive(3, minute(0)).await;
    let sale = order("a", "store-1", "online", &[("milk", 1)]);
    let known = placed(&store.shop, &sale).await;
    let first = store.fulfil(&known, &FULFIL_ALL, "a").await;
    assert!(
        matches!(first, Ok(FulfilOutcome::Fulfilled(_))),
        "{first:?}"
    );
    let torn = StoredOrder {
        fulfilments: Vec::new(),
        ..found(&store.shop, sale.order_id).await
    };
    let second = store.fulfil(&torn, &FULFIL_ALL, "a").await;
    assert!(
        matches!(second, Ok(FulfilOutcome::Replayed(_))),
        "{second:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn refund_missing_from_a_torn_read_is_replayed() {
    let store = TestStore::new(1);
    store.receive(3, minute(0)).await;
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    let known = placed(&store.shop, &sale).await;
    let line = RefundLine {
        line: 1,
        quantity: 1,
        restock: false,
    };
    let first = store.refund(&known, line.clone(), "a").await;
    assert!(matches!(first, Ok(RefundOutcome::Refunded(_))), "{first:?}");
    let torn = StoredOrder {
        refunds: Vec::new(),
        ..found(&store.shop, sale.order_id).await
    };
    let second = store.refund(&torn, line, "a").await;
    assert!(
        matches!(second, Ok(RefundOutcome::Replayed(_))),
        "{second:?}"
    );
}
