//! What was done for a request is told to the same request, however much of it was seen when that came.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod store;

use stockline_domain::order::{FulfilOrder, RefundLine, RefundOrder, RefundPlace};
use stockline_platform::ports::orders::{Fulfilling, KnownOrder, Refunding, fulfil, refund};
use stockline_testkit::conformance::orders::{deadline, found, minute, placed, request};
use stockline_testkit::orders::{fulfilment_id, order, refund_id};

use store::Store;

/// A `Query` is no snapshot: beside a transaction it may show one of its items as it was and another as it is. The
/// fulfilments of an order sort before it.
#[tokio::test(start_paused = true)]
async fn a_fulfilment_sent_twice_is_told_as_made_though_only_the_order_was_seen_after_it() {
    let store = Store::new(1);
    store.receive(3, minute(0)).await;
    let sale = order("a", "store-1", "online", &[("milk", 1)]);
    let known = placed(&store.shop, &sale).await;
    let send = async |known: &KnownOrder| {
        let (id, all) = (fulfilment_id(&sale, "a"), FulfilOrder { lines: None });
        fulfil(
            &store.shop,
            known,
            &all,
            id,
            &request("a"),
            minute(2),
            deadline(),
        )
        .await
    };
    let first = send(&known).await;
    assert!(matches!(first, Ok(Fulfilling::Fulfilled(_))), "{first:?}");
    let torn = KnownOrder {
        fulfilments: Vec::new(),
        ..found(&store.shop, sale.order_id).await
    };
    let second = send(&torn).await;
    assert!(matches!(second, Ok(Fulfilling::Replayed(_))), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refund_sent_twice_is_told_as_made_though_only_the_order_was_seen_after_it() {
    let store = Store::new(1);
    store.receive(3, minute(0)).await;
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    let known = placed(&store.shop, &sale).await;
    let send = async |known: &KnownOrder| {
        let body = RefundOrder {
            reason: "sour".to_owned(),
            location_id: None,
            lines: vec![RefundLine {
                line: 1,
                quantity: 1,
                restock: false,
            }],
        };
        let place = RefundPlace {
            refund_id: refund_id(&sale, "a"),
            location_id: sale.location_id.clone(),
            business_date: sale.business_date,
            at: minute(2),
        };
        let same = request("a");
        refund(&store.shop, known, &body, &place, &same, deadline()).await
    };
    let first = send(&known).await;
    assert!(matches!(first, Ok(Refunding::Refunded(_))), "{first:?}");
    let torn = KnownOrder {
        refunds: Vec::new(),
        ..found(&store.shop, sale.order_id).await
    };
    let second = send(&torn).await;
    assert!(matches!(second, Ok(Refunding::Replayed(_))), "{second:?}");
}
