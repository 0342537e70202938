//! Cancellations, the next cycle, and lists.

use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::replenishment::{
    CancelOutcome, CancelRequest, ReplenishOutcome, cancel_order,
};
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::replenishment::{NoOrder, ReplenishmentOrder, ReplenishmentState};

use super::{
    alert, assert_incoming_is_expected, handle, later, list, milk, ordered_milk, receipt_of, stored,
};
use crate::conformance::stock::{apply, deadline, receipt};

fn manager() -> Caller {
    Caller {
        subject: "ana".to_owned(),
        role: Role::StoreManager,
        locations: Locations::All,
        controller: None,
    }
}

async fn cancel<Store: ReplenishmentStore>(
    store: &Store,
    order: &ReplenishmentOrder,
) -> CancelOutcome {
    let request = CancelRequest {
        order: order.replenishment_order_id,
        caller: &manager(),
        at: later(),
        deadline: deadline(),
    };
    cancel_order(store, request).await.unwrap()
}

/// Handles a new alert of milk at `location` and returns its order.
async fn order_again<Store: ReplenishmentStore + StockStore + StockChangeStore>(
    store: &Store,
    location: &str,
) -> ReplenishmentOrder {
    let version = milk(store, location).await.version;
    match handle(store, &alert(location, version)).await {
        ReplenishOutcome::Placed(order) => *order,
        other => panic!("no order is placed: {other:?}"),
    }
}

pub(super) async fn canceled_order_expects_nothing<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "cancel";
    let order = ordered_milk(store, at).await;
    apply(store, "cancel-1", 0, &receipt_of(&order, at, 10)).await;
    let partly_received = stored(store, &order).await;
    for _ in 0..2 {
        let CancelOutcome::Canceled(canceled) = cancel(store, &order).await else {
            panic!("the order is not canceled")
        };
        assert_eq!(*canceled, stored(store, &order).await);
        assert_eq!(canceled.state, ReplenishmentState::Canceled);
        assert_eq!(canceled.version, partly_received.version + 1);
        assert_eq!(canceled.canceled_by.as_deref(), Some("ana"));
    }
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (14, 0));
    let late = apply(store, "cancel-1", 1, &receipt_of(&order, at, 26)).await;
    assert!(matches!(late, ChangeOutcome::Refused(_)), "{late:?}");
    assert_incoming_is_expected(store, at).await;
}

pub(super) async fn concurrent_cancel_and_receipt_keep_incoming_exact<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "race";
    let order = ordered_milk(store, at).await;
    let change = receipt_of(&order, at, 36);
    let (canceled, received) =
        futures::future::join(cancel(store, &order), apply(store, "race-1", 0, &change)).await;
    let level = milk(store, at).await;
    let is_received = matches!(received, ChangeOutcome::Applied(_));
    assert_eq!(
        is_received,
        matches!(canceled, CancelOutcome::TooLate(_)),
        "{canceled:?} {received:?}"
    );
    assert_eq!(level.on_hand, if is_received { 40 } else { 4 });
    assert_eq!(level.incoming, 0);
    assert_incoming_is_expected(store, at).await;
}

pub(super) async fn next_cycle_starts_after_the_order_is_closed<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "cycles";
    let first = ordered_milk(store, at).await;
    // A short delivery, of which the rest is canceled: the level is still low.
    apply(store, "cycles-1", 0, &receipt_of(&first, at, 3)).await;
    cancel(store, &first).await;
    let second = order_again(store, at).await;
    assert_eq!((second.cycle, second.quantity), (2, 36));
    assert_eq!(second.reasons.available, 7);
    apply(store, "cycles-1", 1, &receipt_of(&second, at, 36)).await;
    let version = milk(store, at).await.version;
    let enough = handle(store, &alert(at, version)).await;
    let projected = NoOrder::Enough { projected: 43 };
    assert_eq!(enough, ReplenishOutcome::NotNeeded(projected));
    let states: Vec<_> = list(store, at, None, (10, None)).await.items;
    let states: Vec<_> = states
        .iter()
        .map(|order| (order.cycle, order.state))
        .collect();
    let expected = [
        (2, ReplenishmentState::Received),
        (1, ReplenishmentState::Canceled),
    ];
    assert_eq!(states, expected);
    assert_incoming_is_expected(store, at).await;
}

pub(super) async fn handled_alert_places_no_order_after_a_cancellation<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "handled";
    let order = ordered_milk(store, at).await;
    cancel(store, &order).await;
    let again = handle(store, &alert(at, order.decided_version)).await;
    assert_eq!(again, ReplenishOutcome::NotNeeded(NoOrder::AlertHandled));
    assert_eq!(milk(store, at).await.incoming, 0);
}

pub(super) async fn orders_are_listed_by_state_in_pages<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "pages";
    let mut orders = vec![ordered_milk(store, at).await];
    ordered_milk(store, "pages-2").await;
    for _ in 0..4 {
        cancel(store, orders.last().unwrap()).await;
        apply(store, "pages-1", orders.len(), &receipt(at, 1)).await;
        orders.push(order_again(store, at).await);
    }
    let canceled = Some(ReplenishmentState::Canceled);
    for (state, count) in [
        (None, 5),
        (canceled, 4),
        (Some(ReplenishmentState::Open), 1),
        (Some(ReplenishmentState::Received), 0),
    ] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = list(store, at, state, (2, after)).await;
            assert!(page.items.len() <= 2);
            listed.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed.len(), count, "{state:?}");
        let is_listed = |order: &ReplenishmentOrder| {
            order.location_id.as_str() == at && state.is_none_or(|state| order.state == state)
        };
        assert!(listed.iter().all(is_listed), "{listed:?}");
        listed.dedup_by_key(|order| order.replenishment_order_id);
        assert_eq!(listed.len(), count, "{state:?}");
    }
    let first = list(store, at, None, (1, None)).await.items;
    assert_eq!(first[0].state, ReplenishmentState::Open);
}
