//! What every store of replenishment orders must do, together with the stock store that receives their goods.

mod closing;
mod levels;
mod receipts;

use jiff::Timestamp;
use serde_json::json;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::replenishment::{OrderWriteOutcome, ReplenishmentStore};
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::replenishment::{ReplenishOutcome, replenish};
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::ids::ReplenishmentOrderId;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::replenishment::{
    NoOrder, OrderTrigger, ReplenishmentCycle, ReplenishmentOrder, ReplenishmentState,
};
use stockline_domain::stock_change::RequestedChange;

use self::closing::{
    canceled_order_expects_nothing, concurrent_cancel_and_receipt_keep_incoming_exact,
    handled_alert_places_no_order_after_a_cancellation,
    next_cycle_starts_after_the_order_is_closed, orders_are_listed_by_state_in_pages,
};
use self::levels::{
    other_changes_keep_what_is_incoming, receipt_of_a_selling_split_level_counts_once,
    split_level_keeps_what_is_incoming,
};
use self::receipts::{
    arrivals_of_a_transfer_close_its_order, concurrent_duplicates_of_a_receipt_count_once,
    concurrent_receipts_all_count, over_receipt_closes_the_order_at_zero_incoming,
    receipt_of_an_order_that_expects_nothing_is_refused,
    receipt_of_another_levels_order_is_refused, receipts_add_up_until_the_order_is_received,
    replayed_receipt_counts_once,
};
use super::orders::minute;
use super::stock::{apply, change, deadline, key, receipt};
use super::story_functions;

story_functions!(
    replenishment,
    [Store: ReplenishmentStore + StockStore + StockChangeStore],
    [super],
    Store
);

/// A reorder point of 10 and a target level of 40, ordered in crates of 6, with the level split over `buckets`.
fn policy(buckets: u8) -> ReorderPolicy {
    let policy =
        json!({"reorder_point": 10, "target_level": 40, "order_multiple": 6, "buckets": buckets});
    serde_json::from_value(policy).unwrap()
}

/// Milk at `location` with `on_hand` units and the policy above.
pub async fn stock_milk<Store: StockStore + StockChangeStore>(
    store: &Store,
    location: &str,
    on_hand: i64,
) {
    apply(store, location, 0, &receipt(location, on_hand)).await;
    set_buckets(store, location, 1).await;
}

async fn set_buckets<Store: StockStore>(store: &Store, location: &str, buckets: u8) {
    let (milk, policy) = (key(location, "milk"), policy(buckets));
    store
        .set_policy(&milk, &policy, minute(0), deadline())
        .await
        .unwrap()
        .unwrap();
}

async fn milk<Store: StockStore>(store: &Store, location: &str) -> Level {
    store.find(&key(location, "milk")).await.unwrap().unwrap()
}

/// The alert that milk at `location` is low, as version `level_version` raised it.
pub fn alert(location: &str, level_version: u64) -> StockAlert {
    let LevelKey { location_id, sku } = key(location, "milk");
    StockAlert {
        location_id,
        sku,
        kind: AlertKind::Low,
        severity: AlertKind::Low.severity(),
        available: 4,
        reorder_point: Some(10),
        level_version,
    }
}

async fn handle<Store: ReplenishmentStore>(store: &Store, alert: &StockAlert) -> ReplenishOutcome {
    replenish(store, alert, minute(1), deadline())
        .await
        .unwrap()
}

/// Stocks 4 units of milk at `location` and handles its alert, which orders 36.
async fn ordered_milk<Store: ReplenishmentStore + StockStore + StockChangeStore>(
    store: &Store,
    location: &str,
) -> ReplenishmentOrder {
    stock_milk(store, location, 4).await;
    let version = milk(store, location).await.version;
    match handle(store, &alert(location, version)).await {
        ReplenishOutcome::Placed(order) => *order,
        other => panic!("no order is placed: {other:?}"),
    }
}

/// A receipt of `quantity` milk at `location` for `order`.
fn receipt_of(order: &ReplenishmentOrder, location: &str, quantity: i64) -> RequestedChange {
    change(
        json!({"kind": "receipt", "location_id": location, "sku": "milk", "quantity": quantity,
        "replenishment_order_id": order.replenishment_order_id}),
    )
}

async fn stored<Store: ReplenishmentStore>(
    store: &Store,
    order: &ReplenishmentOrder,
) -> ReplenishmentOrder {
    let found = store.find_order(order.replenishment_order_id).await;
    found.unwrap().unwrap()
}

async fn list<Store: ReplenishmentStore>(
    store: &Store,
    location: &str,
    state: Option<ReplenishmentState>,
    (limit, after): (u8, Option<Position>),
) -> Listing<ReplenishmentOrder> {
    let page = Page { limit, after };
    let location = location.parse().unwrap();
    store.list_orders(&location, state, page).await.unwrap()
}

/// Asserts that milk at `location` has at most one open order, and that `incoming` is what its orders expect.
async fn assert_incoming_is_expected<Store: ReplenishmentStore + StockStore + StockChangeStore>(
    store: &Store,
    location: &str,
) {
    let orders = list(store, location, None, (100, None)).await.items;
    let expected: i64 = orders.iter().map(ReplenishmentOrder::expected).sum();
    assert_eq!(milk(store, location).await.incoming, expected, "{orders:?}");
    let open: Vec<_> = orders
        .iter()
        .filter(|order| order.state.is_open())
        .collect();
    assert!(open.len() <= 1, "{open:?}");
    let status = store.status(&key(location, "milk"), deadline()).await;
    let open_order = status.unwrap().unwrap().cycle.open_order;
    assert_eq!(
        open_order,
        open.first().map(|order| order.replenishment_order_id)
    );
}

async fn low_level_gets_one_order_and_expects_it<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "low";
    let missing = handle(store, &alert(at, 1)).await;
    assert_eq!(missing, ReplenishOutcome::UnknownLevel);
    let order = ordered_milk(store, at).await;
    let id = ReplenishmentOrderId::derive(&order.location_id, &order.sku, 1);
    assert_eq!(order.replenishment_order_id, id);
    assert_eq!((order.quantity, order.reasons.rounded_from), (36, 36));
    let level = milk(store, at).await;
    assert_eq!((level.on_hand, level.incoming), (4, 36));
    assert_eq!(stored(store, &order).await, order);
    let listed = list(store, at, Some(ReplenishmentState::Open), (10, None)).await;
    assert_eq!(listed.items, [order]);
    assert_eq!(listed.next, None);
}

async fn repeated_alerts_place_one_order<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "repeated";
    let order = ordered_milk(store, at).await;
    let version = milk(store, at).await.version;
    let open = NoOrder::OrderOpen(order.replenishment_order_id);
    for alert_version in [order.decided_version, version, version + 5] {
        let handled = handle(store, &alert(at, alert_version)).await;
        assert_eq!(handled, ReplenishOutcome::NotNeeded(open));
    }
    let recovered = StockAlert {
        kind: AlertKind::Recovered,
        ..alert(at, version)
    };
    assert_eq!(handle(store, &recovered).await, ReplenishOutcome::Recovered);
    assert_eq!(milk(store, at).await.version, version);
    assert_incoming_is_expected(store, at).await;
}

async fn concurrent_alerts_place_one_order<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "concurrent";
    stock_milk(store, at, 4).await;
    let alerts: Vec<StockAlert> = (2..8).map(|version| alert(at, version)).collect();
    let handled = alerts.iter().map(|alert| handle(store, alert));
    let handled = futures::future::join_all(handled).await;
    let placed = |outcome: &&ReplenishOutcome| matches!(outcome, ReplenishOutcome::Placed(_));
    assert_eq!(handled.iter().filter(placed).count(), 1, "{handled:?}");
    assert_eq!(milk(store, at).await.incoming, 36);
    assert_incoming_is_expected(store, at).await;
}

async fn second_open_order_is_a_conflict<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "second";
    let order = ordered_milk(store, at).await;
    let level = Level {
        incoming: 0,
        ..milk(store, at).await
    };
    // As a faulty caller would decide it, who overlooks the open order.
    for last_cycle in 0..3 {
        let cycle = ReplenishmentCycle {
            last_cycle,
            ..ReplenishmentCycle::default()
        };
        let mut second =
            ReplenishmentOrder::place(&level, &cycle, OrderTrigger::Alert(9), minute(2)).unwrap();
        second.reasons.incoming = 36;
        let written = store.place(&second, deadline()).await.unwrap();
        assert_eq!(written, OrderWriteOutcome::Conflict, "cycle {last_cycle}");
    }
    assert_eq!(stored(store, &order).await, order);
    assert_incoming_is_expected(store, at).await;
}

async fn order_decided_on_outdated_incoming_is_a_conflict<
    Store: ReplenishmentStore + StockStore + StockChangeStore,
>(
    store: &Store,
) {
    let at = "outdated";
    stock_milk(store, at, 4).await;
    let level = Level {
        incoming: 1,
        ..milk(store, at).await
    };
    let cycle = ReplenishmentCycle::default();
    let order =
        ReplenishmentOrder::place(&level, &cycle, OrderTrigger::Alert(9), minute(2)).unwrap();
    let written = store.place(&order, deadline()).await.unwrap();
    assert_eq!(written, OrderWriteOutcome::Conflict);
    assert_eq!(milk(store, at).await.incoming, 0);
    let found = store.find_order(order.replenishment_order_id).await;
    assert_eq!(found.unwrap(), None);
}

/// A moment after the order was placed.
fn later() -> Timestamp {
    minute(5)
}
