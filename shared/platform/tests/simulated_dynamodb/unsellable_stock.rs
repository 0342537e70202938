//! What is damaged or on hold is there, and leaves with no order.

use serde_json::json;
use stockline_domain::order::{FulfilLine, FulfilOrder, Order};
use stockline_domain::stock_change::StockChange;
use stockline_platform::ports::orders::Fulfilling;
use stockline_testkit::conformance::orders::{found, minute};
use stockline_testkit::conformance::stock::{change, receipt};

use crate::store::{ALL, Store};

fn no_longer_sellable(quantity: i64, state: &str) -> StockChange {
    change(
        json!({"kind": "state_change", "location_id": "store-1", "sku": "milk",
        "quantity": quantity, "from": "sellable", "to": state}),
    )
}

#[tokio::test(start_paused = true)]
async fn goods_that_are_damaged_do_not_leave_with_an_order() {
    let store = Store::new(1);
    store.receive(3, minute(0)).await;
    let promised = store.promise(1).await;
    let broken = no_longer_sellable(3, "damaged");
    store.apply("broken", &broken, minute(1)).await;
    let known = found(&store.shop, promised.order_id).await;
    let left = store.fulfil(&known, &ALL, "a").await;
    assert!(matches!(left, Ok(Fulfilling::Short(_))), "{left:?}");
    let level = store.level().await;
    assert!(level.damaged <= level.on_hand, "{level:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_hands_over_more_than_is_fit_is_told_how_much_is() {
    // given six, of which three are promised and four break
    let store = Store::new(1);
    store.receive(6, minute(0)).await;
    let promised = store.promise(3).await;
    let broken = no_longer_sellable(4, "damaged");
    store.apply("broken", &broken, minute(1)).await;
    // when all that is promised is to leave
    let known = found(&store.shop, promised.order_id).await;
    let left = store.fulfil(&known, &ALL, "a").await;
    // then two could
    let Ok(Fulfilling::Short(short)) = left else {
        panic!("{left:?}");
    };
    assert_eq!((short[0].requested, short[0].available), (3, 2));
}

/// Six, of which three are promised, over so many items; then two are set aside.
async fn with_two_unfit(seed: u64, buckets: u8) -> (Store, Order) {
    let store = Store::new(seed);
    store.receive(6, minute(0)).await;
    if buckets > 1 {
        store.split(buckets, minute(0)).await;
    }
    let promised = store.promise(3).await;
    for (name, state) in [("broken", "damaged"), ("held", "on_hold")] {
        let unfit = no_longer_sellable(1, state);
        store.apply(name, &unfit, minute(1)).await;
    }
    (store, promised)
}

#[tokio::test(start_paused = true)]
async fn what_is_fit_leaves_beside_what_is_not_whatever_the_level_is_split_over() {
    for buckets in [1, 2, 4] {
        for seed in 0..8 {
            let (store, promised) = with_two_unfit(seed, buckets).await;
            for key in ["a", "b", "c"] {
                let known = found(&store.shop, promised.order_id).await;
                let one = FulfilOrder {
                    occurred_at: None,
                    lines: Some(vec![FulfilLine {
                        line: 1,
                        quantity: 1,
                    }]),
                };
                let left = store.fulfil(&known, &one, key).await;
                assert!(matches!(left, Ok(Fulfilling::Fulfilled(_))), "{left:?}");
            }
            let level = store.level().await;
            let unfit = level.damaged + level.on_hold;
            assert_eq!((level.on_hand, level.allocated, unfit), (3, 0, 2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_count_saw_leave_is_fulfilled_beside_what_is_not_fit() {
    let (store, promised) = with_two_unfit(1, 1).await;
    store.apply("more", &receipt("store-1", 2), minute(1)).await;
    // given three that left before the other five were counted, which is told only now
    store.count(5, minute(3), minute(3)).await;
    let known = found(&store.shop, promised.order_id).await;
    let left = store.fulfil(&known, &ALL, "a").await;
    assert!(matches!(left, Ok(Fulfilling::Fulfilled(_))), "{left:?}");
    let level = store.level().await;
    assert_eq!((level.on_hand, level.allocated), (5, 0));
}
