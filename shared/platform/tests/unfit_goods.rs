//! What is damaged or on hold is there, and leaves with no order.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod store;

use serde_json::json;
use stockline_domain::order::{FulfilLine, FulfilOrder};
use stockline_platform::ports::orders::{Fulfilling, fulfil};
use stockline_testkit::conformance::orders::{deadline, found, minute, placed, request};
use stockline_testkit::conformance::stock::change;
use stockline_testkit::orders::{fulfilment_id, order};

use store::Store;

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

/// Six, of which three are promised, over so many items; then two are set aside.
async fn with_two_unfit(seed: u64, buckets: u8) -> (Store, stockline_domain::order::Order) {
    let store = Store::new(seed);
    store.receive(6, minute(0)).await;
    if buckets > 1 {
        store.split(buckets).await;
    }
    let promise = order("a", "store-1", "online", &[("milk", 3)]);
    placed(&store.shop, &promise).await;
    store.tell().await;
    for (name, state) in [("broken", "damaged"), ("held", "on_hold")] {
        let unfit = change(
            json!({"kind": "state_change", "location_id": "store-1", "sku": "milk",
            "quantity": 1, "from": "sellable", "to": state}),
        );
        store.apply(name, &unfit, minute(1)).await;
    }
    (store, promise)
}

#[tokio::test(start_paused = true)]
async fn what_is_fit_leaves_beside_what_is_not_whatever_the_level_is_split_over() {
    for buckets in [1, 2, 4] {
        for seed in 0..8 {
            let (store, promise) = with_two_unfit(seed, buckets).await;
            for key in ["a", "b", "c"] {
                let known = found(&store.shop, promise.order_id).await;
                let one = FulfilOrder {
                    lines: Some(vec![FulfilLine {
                        line: 1,
                        quantity: 1,
                    }]),
                };
                let id = fulfilment_id(&promise, key);
                let same = request(key);
                let at = minute(2);
                let left = fulfil(&store.shop, &known, &one, id, &same, at, deadline()).await;
                assert!(matches!(left, Ok(Fulfilling::Fulfilled(_))), "{left:?}");
            }
            let level = store.level().await;
            let unfit = level.damaged + level.on_hold;
            assert_eq!((level.on_hand, level.allocated, unfit), (3, 0, 2));
        }
    }
}
