//! Damaged stock and stock on hold stays on hand, and no order can be fulfilled with it.

use serde_json::json;
use stockline_application::order_lifecycle::FulfilOutcome;
use stockline_domain::order::{FulfilLine, FulfilOrder, Order};
use stockline_domain::stock_change::RequestedChange;
use stockline_testkit::conformance::orders::{found, minute};
use stockline_testkit::conformance::stock::{change, receipt};

use crate::test_store::{FULFIL_ALL, TestStore};

fn state_change(quantity: i64, state: &str) -> RequestedChange {
    change(
        json!({"kind": "state_change", "location_id": "store-1", "sku": "milk",
        "quantity": quantity, "from": "sellable", "to": state}),
    )
}

#[tokio::test(start_paused = true)]
async fn damaged_stock_does_not_fulfil_an_order() {
    let store = TestStore::new(1);
    store.receive(3, minute(0)).await;
    let online_order = store.place_online(1).await;
    let damage = state_change(3, "damaged");
    store.apply_and_record("broken", &damage, minute(1)).await;
    let known = found(&store.shop, online_order.order_id).await;
    let fulfilled = store.fulfil(&known, &FULFIL_ALL, "a").await;
    assert!(
        matches!(fulfilled, Ok(FulfilOutcome::Short(_))),
        "{fulfilled:?}"
    );
    let level = store.level().await;
    assert!(level.damaged <= level.on_hand, "{level:?}");
}

#[tokio::test(start_paused = true)]
async fn short_fulfilment_reports_the_sellable_quantity() {
    // given six units, of which three are allocated and four become damaged
    let store = TestStore::new(1);
    store.receive(6, minute(0)).await;
    let online_order = store.place_online(3).await;
    let damage = state_change(4, "damaged");
    store.apply_and_record("broken", &damage, minute(1)).await;
    // when the whole order is fulfilled
    let known = found(&store.shop, online_order.order_id).await;
    let fulfilled = store.fulfil(&known, &FULFIL_ALL, "a").await;
    // then the two sellable units are reported as available
    let Ok(FulfilOutcome::Short(short)) = fulfilled else {
        panic!("{fulfilled:?}");
    };
    assert_eq!((short[0].requested, short[0].available), (3, 2));
}

/// Creates a level of six units over `buckets`, of which an order allocates three. Then one unit becomes damaged and one
/// is put on hold.
async fn with_two_unsellable(seed: u64, buckets: u8) -> (TestStore, Order) {
    let store = TestStore::new(seed);
    store.receive(6, minute(0)).await;
    if buckets > 1 {
        store.split(buckets, minute(0)).await;
    }
    let online_order = store.place_online(3).await;
    for (name, state) in [("broken", "damaged"), ("held", "on_hold")] {
        let unsellable = state_change(1, state);
        store.apply_and_record(name, &unsellable, minute(1)).await;
    }
    (store, online_order)
}

#[tokio::test(start_paused = true)]
async fn sellable_units_of_a_split_level_are_fulfilled() {
    for buckets in [1, 2, 4] {
        for seed in 0..8 {
            let (store, online_order) = with_two_unsellable(seed, buckets).await;
            for key in ["a", "b", "c"] {
                let known = found(&store.shop, online_order.order_id).await;
                let one = FulfilOrder {
                    occurred_at: None,
                    lines: Some(vec![FulfilLine {
                        line: 1,
                        quantity: 1,
                    }]),
                };
                let fulfilled = store.fulfil(&known, &one, key).await;
                assert!(
                    matches!(fulfilled, Ok(FulfilOutcome::Fulfilled(_))),
                    "{fulfilled:?}"
                );
            }
            let level = store.level().await;
            let unsellable = level.damaged + level.on_hold;
            assert_eq!((level.on_hand, level.allocated, unsellable), (3, 0, 2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn late_fulfilment_from_before_a_count_succeeds() {
    let (store, online_order) = with_two_unsellable(1, 1).await;
    store
        .apply_and_record("more", &receipt("store-1", 2), minute(1))
        .await;
    // given a count of the five units that remain after three were handed over, reported before their fulfilment
    store.count(5, minute(3), minute(3)).await;
    let known = found(&store.shop, online_order.order_id).await;
    let fulfilled = store.fulfil(&known, &FULFIL_ALL, "a").await;
    assert!(
        matches!(fulfilled, Ok(FulfilOutcome::Fulfilled(_))),
        "{fulfilled:?}"
    );
    let level = store.level().await;
    assert_eq!((level.on_hand, level.allocated), (5, 0));
}
