//! Receipts of replenishment orders.

use futures::future::join_all;
use serde_json::json;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::replenishment::{ReceiptRefused, ReplenishmentState};
use stockline_domain::stock_change::ChangeRefused;

use super::{assert_incoming_is_expected, milk, ordered_milk, receipt_of, set_buckets, stored};
use crate::conformance::stock::{apply, change, receipt};

fn refusal(refused: ReceiptRefused) -> ChangeOutcome {
    ChangeOutcome::Refused(ChangeRefused::ReplenishmentOrder(refused))
}

pub(super) async fn receipts_add_up_until_the_order_is_received<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "add-up";
    let order = ordered_milk(store, at).await;
    for (index, (quantity, expected)) in [
        (10, (14, 26, ReplenishmentState::PartlyReceived)),
        (20, (34, 6, ReplenishmentState::PartlyReceived)),
        (6, (40, 0, ReplenishmentState::Received)),
    ]
    .into_iter()
    .enumerate()
    {
        let received = apply(store, "add-up-1", index, &receipt_of(&order, at, quantity)).await;
        let ChangeOutcome::Applied(levels) = received else {
            panic!("the receipt is not applied: {received:?}")
        };
        let level = milk(store, at).await;
        assert_eq!(levels, std::slice::from_ref(&level));
        let order = stored(store, &order).await;
        assert_eq!((level.on_hand, level.incoming, order.state), expected);
        assert_incoming_is_expected(store, at).await;
    }
    let closed = stored(store, &order).await;
    assert_eq!(closed.received_quantity, 36);
    assert!(closed.closed_at.is_some());
    let last_change = milk(store, at).await.last_change.unwrap();
    assert_eq!(last_change.on_hand_delta, 6);
    assert_eq!(last_change.states.incoming_delta, -6);
    let id = order.replenishment_order_id.to_string();
    assert_eq!(last_change.reference, Some(id));
}

pub(super) async fn arrivals_of_a_transfer_close_its_order<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    // given an order of 36 that the warehouse answers with a transfer
    let (at, hub) = ("arrivals", "arrivals-hub");
    let order = ordered_milk(store, at).await;
    apply(store, hub, 0, &receipt(hub, 50)).await;
    let transfer = change(json!({"kind": "transfer", "from_location_id": hub,
        "to_location_id": at, "sku": "milk", "quantity": 36}));
    apply(store, hub, 1, &transfer).await;
    // when it arrives in two parts, also where the level is split meanwhile
    for (index, (buckets, quantity, expected)) in [
        (1, 16, (20, 20, 20, ReplenishmentState::PartlyReceived)),
        (4, 20, (40, 0, 0, ReplenishmentState::Received)),
    ]
    .into_iter()
    .enumerate()
    {
        set_buckets(store, at, buckets).await;
        let arrival = change(
            json!({"kind": "arrival", "location_id": at, "sku": "milk", "quantity": quantity,
            "replenishment_order_id": order.replenishment_order_id}),
        );
        let arrived = apply(store, "arrivals-1", index, &arrival).await;
        assert!(matches!(arrived, ChangeOutcome::Applied(_)), "{arrived:?}");
        // then nothing is in transit or incoming any more, and each unit is on hand once
        let level = milk(store, at).await;
        let state = stored(store, &order).await.state;
        assert_eq!(
            (level.on_hand, level.in_transit, level.incoming, state),
            expected
        );
        assert_incoming_is_expected(store, at).await;
    }
}

pub(super) async fn over_receipt_closes_the_order_at_zero_incoming<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "over";
    let order = ordered_milk(store, at).await;
    apply(store, "over-1", 0, &receipt_of(&order, at, 50)).await;
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (54, 0));
    let closed = stored(store, &order).await;
    assert_eq!(closed.state, ReplenishmentState::Received);
    assert_eq!((closed.quantity, closed.received_quantity), (36, 50));
    assert_incoming_is_expected(store, at).await;
}

pub(super) async fn replayed_receipt_counts_once<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "replayed";
    let order = ordered_milk(store, at).await;
    // The second receipt closes the order, and its replay finds the order closed.
    for (index, quantity, incoming) in [(0, 10, 26), (1, 26, 0)] {
        let change = receipt_of(&order, at, quantity);
        let first = apply(store, "replayed-1", index, &change).await;
        let ChangeOutcome::Applied(levels) = first else {
            panic!("the receipt is not applied: {first:?}")
        };
        for _ in 0..3 {
            let again = apply(store, "replayed-1", index, &change).await;
            assert_eq!(again, ChangeOutcome::AlreadyApplied(levels.clone()));
        }
        assert_eq!(milk(store, at).await.incoming, incoming);
    }
    assert_eq!(milk(store, at).await.on_hand, 40);
    assert_eq!(stored(store, &order).await.received_quantity, 36);
}

pub(super) async fn concurrent_receipts_all_count<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "parallel";
    let order = ordered_milk(store, at).await;
    let change = receipt_of(&order, at, 6);
    let keys: Vec<String> = (0..6).map(|number| format!("parallel-{number}")).collect();
    let received = join_all(keys.iter().map(|key| apply(store, key, 0, &change))).await;
    for outcome in received {
        assert!(matches!(outcome, ChangeOutcome::Applied(_)), "{outcome:?}");
    }
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (40, 0));
    let closed = stored(store, &order).await;
    assert_eq!(closed.state, ReplenishmentState::Received);
    assert_eq!(closed.received_quantity, 36);
    assert_incoming_is_expected(store, at).await;
}

pub(super) async fn concurrent_duplicates_of_a_receipt_count_once<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "duplicates";
    let order = ordered_milk(store, at).await;
    let change = receipt_of(&order, at, 36);
    let received = join_all((0..5).map(|_| apply(store, "duplicates-1", 0, &change))).await;
    let applied = |outcome: &&ChangeOutcome| matches!(outcome, ChangeOutcome::Applied(_));
    let refused = |outcome: &ChangeOutcome| matches!(outcome, ChangeOutcome::Refused(_));
    assert_eq!(received.iter().filter(applied).count(), 1, "{received:?}");
    assert!(!received.iter().any(refused), "{received:?}");
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (40, 0));
    assert_eq!(stored(store, &order).await.received_quantity, 36);
}

pub(super) async fn receipt_of_an_order_that_expects_nothing_is_refused<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "closed";
    let order = ordered_milk(store, at).await;
    apply(store, "closed-1", 0, &receipt_of(&order, at, 36)).await;
    let again = apply(store, "closed-1", 1, &receipt_of(&order, at, 1)).await;
    let closed = ReceiptRefused::Closed(ReplenishmentState::Received);
    assert_eq!(again, refusal(closed));
    let without = apply(store, "closed-1", 2, &receipt(at, 1)).await;
    assert!(matches!(without, ChangeOutcome::Applied(_)), "{without:?}");
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (41, 0));
}

pub(super) async fn receipt_of_another_levels_order_is_refused<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let order = ordered_milk(store, "here").await;
    ordered_milk(store, "elsewhere").await;
    let received = apply(store, "there", 0, &receipt_of(&order, "elsewhere", 6)).await;
    assert_eq!(received, refusal(ReceiptRefused::Unknown));
    for at in ["here", "elsewhere"] {
        assert_eq!(milk(store, at).await.on_hand, 4);
        assert_incoming_is_expected(store, at).await;
    }
}
