//! Faults that a review found: each test tells what should be, and fails until it is.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod store;

use serde_json::json;
use stockline_domain::order::FulfilOrder;
use stockline_platform::ports::orders::{Fulfilling, fulfil};
use stockline_testkit::conformance::orders::{deadline, minute, placed, request};
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
