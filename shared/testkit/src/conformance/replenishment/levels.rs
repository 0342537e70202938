//! What is incoming survives every other write of the level, also where the level is split.

use futures::future::join_all;
use serde_json::json;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::replenishment::ReplenishmentState;

use super::{
    assert_incoming_is_expected, milk, ordered_milk, policy, receipt_of, set_buckets, stored,
};
use crate::conformance::orders::minute;
use crate::conformance::stock::{apply, change, deadline, key, receipt};

pub(super) async fn other_changes_keep_what_is_incoming<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "others";
    ordered_milk(store, at).await;
    let milk_at = |kind: &str, rest: serde_json::Value| {
        let mut body = json!({"kind": kind, "location_id": at, "sku": "milk"});
        for (name, value) in rest.as_object().unwrap() {
            body[name] = value.clone();
        }
        change(body)
    };
    let transfer = change(json!({"kind": "transfer", "from_location_id": at,
        "to_location_id": "others-2", "sku": "milk", "quantity": 1}));
    // Index 900 is 15 minutes after noon: such a count depends on no earlier movement, which the ledger would have to hold.
    let changes = [
        (1, receipt(at, 5)),
        (
            2,
            milk_at("adjustment", json!({"delta": -1, "reason": "damage"})),
        ),
        (
            3,
            milk_at(
                "state_change",
                json!({"quantity": 1, "from": "sellable", "to": "on_hold"}),
            ),
        ),
        (4, transfer),
        (
            900,
            milk_at(
                "count",
                json!({"quantity": 3, "counted_at": "2026-03-01T12:15:00Z"}),
            ),
        ),
    ];
    for (index, change) in &changes {
        let applied = apply(store, "others-1", *index, change).await;
        assert!(matches!(applied, ChangeOutcome::Applied(_)), "{applied:?}");
        assert_eq!(milk(store, at).await.incoming, 36, "{change:?}");
    }
    let mut other_policy = policy(1);
    other_policy.safety_stock = 2;
    let milk_key = key(at, "milk");
    let set = store.set_policy(&milk_key, &other_policy, minute(2), deadline());
    assert_eq!(set.await.unwrap().unwrap().incoming, 36);
    assert_incoming_is_expected(store, at).await;
}

pub(super) async fn split_level_keeps_what_is_incoming<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "split";
    let order = ordered_milk(store, at).await;
    for buckets in [4, 2, 16, 1] {
        set_buckets(store, at, buckets).await;
        let level = milk(store, at).await;
        assert_eq!(
            (level.on_hand, level.incoming),
            (4, 36),
            "{buckets} buckets"
        );
    }
    set_buckets(store, at, 4).await;
    apply(store, "split-1", 0, &receipt(at, 8)).await;
    apply(store, "split-1", 1, &receipt_of(&order, at, 10)).await;
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (22, 26));
    apply(store, "split-1", 2, &receipt_of(&order, at, 26)).await;
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (48, 0));
    assert_eq!(
        stored(store, &order).await.state,
        ReplenishmentState::Received
    );
    assert_incoming_is_expected(store, at).await;
}

/// Concurrent changes of a split level make a receipt lose its version conditions, so it is added to bucket 0 instead.
pub(super) async fn receipt_of_a_selling_split_level_counts_once<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "selling";
    let order = ordered_milk(store, at).await;
    set_buckets(store, at, 4).await;
    let keys: Vec<String> = (0..12).map(|number| format!("selling-{number}")).collect();
    let (of_order, other) = (receipt_of(&order, at, 6), receipt(at, 1));
    let changes = keys.iter().enumerate().map(|(number, key)| {
        let change = if number % 3 == 0 { &of_order } else { &other };
        apply(store, key, 0, change)
    });
    for outcome in join_all(changes).await {
        assert!(matches!(outcome, ChangeOutcome::Applied(_)), "{outcome:?}");
    }
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (4 + 24 + 8, 12));
    assert_eq!(stored(store, &order).await.received_quantity, 24);
    assert_incoming_is_expected(store, at).await;
}
