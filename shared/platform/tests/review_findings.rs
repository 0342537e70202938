//! Faults that a review found: each test tells what should be, and fails until it is.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod store;

use serde_json::json;
use stockline_domain::order::FulfilOrder;
use stockline_platform::ports::orders::{Fulfilling, KnownOrder, fulfil};
use stockline_testkit::conformance::orders::{deadline, found, minute, placed, request};
use stockline_testkit::conformance::stock::change;
use stockline_testkit::orders::{fulfilment_id, order};

use store::Store;

#[tokio::test(start_paused = true)]
async fn a_sale_that_was_told_before_the_shelf_was_counted_did_not_happen_after_it() {
    // given ten, and one sold at noon by a till whose clock is four minutes ahead
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.sell("a", minute(14), minute(10)).await;
    // when nine are counted two minutes later
    let counted = store.count(9, minute(12), minute(12)).await;
    // then nine are there
    assert_eq!(counted.on_hand, 9);
}

#[tokio::test(start_paused = true)]
async fn goods_that_are_damaged_do_not_leave_with_an_order() {
    let store = Store::new(1);
    store.receive(3, minute(0)).await;
    let known = placed(
        &store.shop,
        &order("a", "store-1", "online", &[("milk", 1)]),
    )
    .await;
    store.tell().await;
    let broken = change(
        json!({"kind": "state_change", "location_id": "store-1", "sku": "milk",
        "quantity": 3, "from": "sellable", "to": "damaged"}),
    );
    store.apply("broken", &broken, minute(1)).await;
    let all = FulfilOrder { lines: None };
    let id = fulfilment_id(&known.order, "a");
    let left = fulfil(
        &store.shop,
        &known,
        &all,
        id,
        &request("a"),
        minute(2),
        deadline(),
    )
    .await;
    assert!(matches!(left, Ok(Fulfilling::Short(_))), "{left:?}");
    let level = store.level().await;
    assert!(level.damaged <= level.on_hand, "{level:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sale_at_the_moment_of_a_count_is_seen_by_it_or_not_whichever_is_told_first() {
    let mut left = Vec::new();
    for sale_is_first in [true, false] {
        let store = Store::new(1);
        store.receive(10, minute(0)).await;
        if sale_is_first {
            store.sell("a", minute(10), minute(11)).await;
            store.count(10, minute(10), minute(12)).await;
        } else {
            store.count(10, minute(10), minute(11)).await;
            store.sell("a", minute(10), minute(12)).await;
        }
        left.push(store.level().await.on_hand);
    }
    assert_eq!(left[0], left[1]);
}

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
