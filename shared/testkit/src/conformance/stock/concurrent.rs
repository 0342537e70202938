//! Stories of concurrent changes.

use futures::future::join_all;
use serde_json::json;
use stockline_application::ports::stock::{Ledger, RecordMovementOutcome, StockStore};
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::level::Level;

use super::{applied_levels, apply, change, key, ledger, on_hand, receipt};

pub(super) async fn concurrent_changes_add_up_and_leave_every_movement<
    Store: StockStore + StockChangeStore + Ledger,
>(
    store: &Store,
) {
    let writers = (0..8).map(|writer| async move {
        let mut levels = Vec::new();
        for index in 0..5_usize {
            let received = receipt("crowd", 1 + i64::from(writer));
            levels.extend(applied_levels(
                apply(store, &format!("crowd-{writer}"), index, &received).await,
            ));
        }
        levels
    });
    let levels: Vec<Level> = join_all(writers).await.into_iter().flatten().collect();
    let level = store.find(&key("crowd", "milk")).await.unwrap().unwrap();
    assert_eq!(
        (level.on_hand, level.version),
        (5 * (1..=8).sum::<i64>(), 40)
    );

    // The stream delivers each change at least once. Duplicates and another order leave the ledger the same.
    for level in levels.iter().chain(levels.iter().rev()) {
        let movement = level.movement_since(None).unwrap();
        assert_ne!(
            store.record(&movement).await.unwrap(),
            RecordMovementOutcome::Conflict
        );
    }
    let movements = ledger(store, &level.key()).await;
    let versions: Vec<u64> = movements.iter().map(|movement| movement.version).collect();
    assert_eq!(versions, (1..=40).rev().collect::<Vec<_>>());
    let sum: i64 = movements
        .iter()
        .map(|movement| movement.change.on_hand_delta)
        .sum();
    assert_eq!(sum, level.on_hand);
    for pair in movements.windows(2) {
        assert_eq!(
            pair[0].on_hand,
            pair[1].on_hand + pair[0].change.on_hand_delta
        );
    }
}

pub(super) async fn concurrent_duplicates_apply_one_change<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    applied_levels(apply(store, "twins", 0, &receipt("twins", 5)).await);
    let adjustment = change(
        json!({"kind": "adjustment", "location_id": "twins", "sku": "milk", "delta": -5,
        "reason": "theft", "expected_version": 1}),
    );
    let outcomes = join_all((0..8).map(|_| apply(store, "twins", 1, &adjustment))).await;
    let applied = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, ChangeOutcome::Applied(_)))
        .count();
    let replayed = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, ChangeOutcome::AlreadyApplied(_)))
        .count();
    assert_eq!((applied, replayed), (1, 7), "{outcomes:?}");
    assert_eq!(on_hand(store, "twins").await, 0);
}

pub(super) async fn crossing_transfers_both_succeed<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    applied_levels(apply(store, "cross", 0, &receipt("cross-1", 10)).await);
    applied_levels(apply(store, "cross", 1, &receipt("cross-2", 10)).await);
    let transfer = |from: &str, to: &str, quantity: i64| {
        change(
            json!({"kind": "transfer", "from_location_id": from, "to_location_id": to, "sku": "milk",
            "quantity": quantity}),
        )
    };
    let (forward, backward) = (
        transfer("cross-1", "cross-2", 3),
        transfer("cross-2", "cross-1", 1),
    );
    let outcomes = join_all([
        apply(store, "cross", 2, &forward),
        apply(store, "cross", 3, &backward),
    ])
    .await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, ChangeOutcome::Applied(_))),
        "{outcomes:?}"
    );
    for (location, on_hand, in_transit) in [("cross-1", 7, 1), ("cross-2", 9, 3)] {
        let level = store.find(&key(location, "milk")).await.unwrap().unwrap();
        assert_eq!((level.on_hand, level.in_transit), (on_hand, in_transit));
    }
}
