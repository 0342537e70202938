//! What was done for a request is told to the same request, however much of it was seen when that came.

use stockline_domain::order::RefundLine;
use stockline_platform::ports::orders::{Fulfilling, KnownOrder, Refunding};
use stockline_testkit::conformance::orders::{found, minute, placed};
use stockline_testkit::orders::order;

use crate::store::{ALL, Store};

/// A `Query` is no snapshot: beside a transaction it may show one of its items as it was and another as it is. The
/// fulfilments of an order sort before it.
#[tokio::test(start_paused = true)]
async fn a_fulfilment_sent_twice_is_told_as_made_though_only_the_order_was_seen_after_it() {
    let store = Store::new(1);
    store.receive(3, minute(0)).await;
    let sale = order("a", "store-1", "online", &[("milk", 1)]);
    let known = placed(&store.shop, &sale).await;
    let first = store.fulfil(&known, &ALL, "a").await;
    assert!(matches!(first, Ok(Fulfilling::Fulfilled(_))), "{first:?}");
    let torn = KnownOrder {
        fulfilments: Vec::new(),
        ..found(&store.shop, sale.order_id).await
    };
    let second = store.fulfil(&torn, &ALL, "a").await;
    assert!(matches!(second, Ok(Fulfilling::Replayed(_))), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refund_sent_twice_is_told_as_made_though_only_the_order_was_seen_after_it() {
    let store = Store::new(1);
    store.receive(3, minute(0)).await;
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    let known = placed(&store.shop, &sale).await;
    let line = RefundLine {
        line: 1,
        quantity: 1,
        restock: false,
    };
    let first = store.refund(&known, line.clone(), "a").await;
    assert!(matches!(first, Ok(Refunding::Refunded(_))), "{first:?}");
    let torn = KnownOrder {
        refunds: Vec::new(),
        ..found(&store.shop, sale.order_id).await
    };
    let second = store.refund(&torn, line, "a").await;
    assert!(matches!(second, Ok(Refunding::Replayed(_))), "{second:?}");
}
