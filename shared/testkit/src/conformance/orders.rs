//! What every order store must do.

pub mod cancellations;
pub mod fulfilments;
pub mod max_skus;
pub mod refunds;
pub mod search;

use std::future::Future;
use std::time::Duration;
use stockline_application::order_lifecycle::StepRequest;

use futures::future::join_all;
use jiff::Timestamp;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::order_lifecycle::{self, CancelOutcome};
use stockline_application::paging::Page;
use stockline_application::ports::order_search::OrderSearch;
use stockline_application::ports::orders::{
    OpenOrders, OrderStore, OrdersToShip, PlaceOutcome, ShortSku, StoredOrder,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{CancellationId, OrderId};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{CancelOrder, Order};

use super::story_functions;
use crate::orders::order;

story_functions!(orders, [Store: StockedOrders], [super], Store);

/// An order store under test, and direct access to the levels it takes from.
pub trait StockedOrders: OrderStore + OrderSearch + OpenOrders + OrdersToShip {
    /// Writes a level of `sku` at `location` with `on_hand` and nothing allocated.
    fn stock(&self, location: &str, sku: &str, on_hand: i64) -> impl Future<Output = ()> + Send;

    /// The quantities on hand and allocated of `sku` at `location`.
    fn level_of(&self, location: &str, sku: &str) -> impl Future<Output = (i64, i64)> + Send;
}

impl StockedOrders for crate::memory::shop::MemoryShop {
    async fn stock(&self, location: &str, sku: &str, on_hand: i64) {
        let stocked = Self::stocked(location, &[(sku, on_hand)]);
        let levels = std::mem::take(&mut stocked.lock().levels);
        self.lock().levels.extend(levels);
    }

    async fn level_of(&self, location: &str, sku: &str) -> (i64, i64) {
        self.level(location, sku)
    }
}

/// A deadline that no story reaches.
pub fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// The fingerprint of a request with the body `text`.
pub fn request(text: &str) -> Fingerprint {
    Fingerprint::of(&text).unwrap()
}

/// `minutes` after 2026-03-01T12:00:00Z, when the stories place their orders.
pub fn minute(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon.checked_add(jiff::SignedDuration::from_mins(minutes))
        .unwrap()
}

/// Places `order` and reads it back.
pub async fn placed<Store: OrderStore>(store: &Store, order: &Order) -> StoredOrder {
    let placement = store.place(order, &request("a"), deadline()).await;
    assert_eq!(placement.unwrap(), PlaceOutcome::Placed);
    found(store, order.order_id).await
}

/// Reads the order, which exists.
pub async fn found<Store: OrderStore>(store: &Store, id: OrderId) -> StoredOrder {
    store.find(id).await.unwrap().unwrap()
}

/// Cancels the open quantities of the order at `at`. Every call is the same request, so a second call is a replay.
pub async fn cancel<Store: OrderStore>(
    store: &Store,
    known: &StoredOrder,
    at: Timestamp,
) -> Result<CancelOutcome, StoreError> {
    let (body, same) = (CancelOrder::default(), request("c"));
    let id = CancellationId::derive(known.order.order_id, "till-1", "c");
    order_lifecycle::cancel(
        store,
        StepRequest {
            order: known,
            fingerprint: &same,
            at,
            deadline: deadline(),
        },
        &body,
        id,
    )
    .await
}

async fn sale_takes_stock_and_online_order_allocates_it<Store: StockedOrders>(store: &Store) {
    store.stock("takes", "milk", 10).await;
    let sale = order("takes-1", "takes", "pos", &[("milk", 2), ("milk", 1)]);
    let reservation = order("takes-2", "takes", "online", &[("milk", 4)]);
    assert_eq!(
        store.place(&sale, &request("a"), deadline()).await.unwrap(),
        PlaceOutcome::Placed
    );
    assert_eq!(
        store
            .place(&reservation, &request("b"), deadline())
            .await
            .unwrap(),
        PlaceOutcome::Placed
    );
    assert_eq!(store.level_of("takes", "milk").await, (7, 4));
    for order in [sale, reservation] {
        let known = found(store, order.order_id).await;
        assert_eq!(known.order, order);
        assert!(known.refunds.is_empty() && known.fulfilments.is_empty());
    }
    assert_eq!(
        store.find(OrderId::derive("unknown", "x")).await.unwrap(),
        None
    );
}

async fn replayed_request_places_one_order<Store: StockedOrders>(store: &Store) {
    store.stock("once", "milk", 10).await;
    let sale = order("once-1", "once", "pos", &[("milk", 2)]);
    store.place(&sale, &request("a"), deadline()).await.unwrap();
    let mut later = sale.clone();
    later.placed_at = "2026-03-01T12:30:00Z".parse().unwrap();
    let again = store
        .place(&later, &request("a"), deadline())
        .await
        .unwrap();
    assert_eq!(again, PlaceOutcome::Replayed(Box::new(sale)));
    assert_eq!(store.level_of("once", "milk").await, (8, 0));
}

async fn reused_key_with_other_body_is_rejected<Store: StockedOrders>(store: &Store) {
    store.stock("reused", "milk", 10).await;
    let first = order("reused-1", "reused", "pos", &[("milk", 2)]);
    let other = order("reused-1", "reused", "pos", &[("milk", 3)]);
    store
        .place(&first, &request("a"), deadline())
        .await
        .unwrap();
    let refused = store
        .place(&other, &request("b"), deadline())
        .await
        .unwrap();
    assert_eq!(refused, PlaceOutcome::KeyReused);
    assert_eq!(store.level_of("reused", "milk").await, (8, 0));
}

async fn short_order_takes_nothing_and_lists_short_skus<Store: StockedOrders>(store: &Store) {
    store.stock("short", "milk", 1).await;
    store.stock("short", "bread", 9).await;
    store.stock("short", "eggs", 0).await;
    let wanted = order(
        "short-1",
        "short",
        "pos",
        &[("milk", 2), ("bread", 1), ("eggs", 6)],
    );
    let refused = store
        .place(&wanted, &request("a"), deadline())
        .await
        .unwrap();
    let short = |sku: &str, requested, available| ShortSku {
        sku: sku.parse().unwrap(),
        requested,
        available,
    };
    assert_eq!(
        refused,
        PlaceOutcome::Short(vec![short("milk", 2, 1), short("eggs", 6, 0)])
    );
    assert_eq!(store.level_of("short", "bread").await, (9, 0));
    assert_eq!(store.find(wanted.order_id).await.unwrap(), None);
}

async fn short_order_reports_available_without_allocated<Store: StockedOrders>(store: &Store) {
    store.stock("allocated", "milk", 5).await;
    placed(
        store,
        &order("allocated-1", "allocated", "online", &[("milk", 4)]),
    )
    .await;
    let wanted = order("allocated-2", "allocated", "pos", &[("milk", 6)]);
    let refused = store.place(&wanted, &request("a"), deadline()).await;
    let short = ShortSku {
        sku: "milk".parse().unwrap(),
        requested: 6,
        available: 1,
    };
    assert_eq!(refused.unwrap(), PlaceOutcome::Short(vec![short]));
}

async fn unstocked_sku_is_named<Store: StockedOrders>(store: &Store) {
    store.stock("unknown", "milk", 1).await;
    let wanted = order("unknown-1", "unknown", "pos", &[("milk", 1), ("caviar", 1)]);
    let refused = store
        .place(&wanted, &request("a"), deadline())
        .await
        .unwrap();
    assert_eq!(
        refused,
        PlaceOutcome::NotStocked(vec!["caviar".parse().unwrap()])
    );
    assert_eq!(store.level_of("unknown", "milk").await, (1, 0));
}

async fn concurrent_buyers_never_oversell<Store: StockedOrders>(store: &Store) {
    store.stock("last", "milk", 3).await;
    let orders: Vec<_> = (0..12)
        .map(|number| order(&format!("last-{number}"), "last", "pos", &[("milk", 1)]))
        .collect();
    let buyer = request("a");
    let placements = join_all(
        orders
            .iter()
            .map(|order| store.place(order, &buyer, deadline())),
    )
    .await;
    let placed = placements
        .into_iter()
        .filter(|placement| matches!(placement, Ok(PlaceOutcome::Placed)))
        .count();
    assert_eq!(placed, 3);
    assert_eq!(store.level_of("last", "milk").await, (0, 0));
}

async fn concurrent_duplicates_place_one_order<Store: StockedOrders>(store: &Store) {
    store.stock("many", "milk", 100).await;
    let sale = order("many-1", "many", "pos", &[("milk", 1)]);
    let same = request("a");
    let placements = join_all((0..12).map(|_| store.place(&sale, &same, deadline()))).await;
    let placed = placements
        .iter()
        .filter(|placement| matches!(placement, Ok(PlaceOutcome::Placed)))
        .count();
    assert_eq!(placed, 1, "{placements:?}");
    assert_eq!(store.level_of("many", "milk").await, (99, 0));
}

async fn list_pages_orders_by_placement_time<Store: StockedOrders>(store: &Store) {
    store.stock("day", "milk", 50).await;
    let mut placed = Vec::new();
    for number in 0..5 {
        let mut sale = order(&format!("day-{number}"), "day", "pos", &[("milk", 1)]);
        sale.placed_at = format!("2026-03-01T12:00:0{number}Z").parse().unwrap();
        store.place(&sale, &request("a"), deadline()).await.unwrap();
        placed.push(sale);
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = Page { limit: 2, after };
        let listing = store
            .list(&"day".parse().unwrap(), placed[0].business_date, page)
            .await
            .unwrap();
        assert!(listing.items.len() <= 2);
        listed.extend(listing.items);
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, placed);
}

async fn open_orders_are_those_that_hold_stock<Store: StockedOrders>(store: &Store) {
    store.stock("open", "milk", 50).await;
    let sale = order("open-sale", "open", "pos", &[("milk", 1)]);
    store.place(&sale, &request("a"), deadline()).await.unwrap();
    let mut placed = Vec::new();
    for number in 0..5 {
        let lines = [("milk", 2), ("milk", 1)];
        let mut held = order(
            &format!("open-{number}"),
            "open",
            "click_and_collect",
            &lines,
        );
        held.placed_at = format!("2026-03-01T12:00:0{number}Z").parse().unwrap();
        store.place(&held, &request("a"), deadline()).await.unwrap();
        placed.push(held);
    }
    let canceled = placed.remove(2);
    let known = found(store, canceled.order_id).await;
    cancel(store, &known, minute(60)).await.unwrap();

    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .open_at(&"open".parse().unwrap(), after)
            .await
            .unwrap();
        listed.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    placed.reverse();
    let held: Vec<OpenOrder> = placed.iter().filter_map(OpenOrder::of).collect();
    assert_eq!(listed, held, "the newest order comes first");
    assert_eq!(listed[0].quantity_of(&"milk".parse().unwrap()), 3);

    let asked = [sale.order_id, canceled.order_id, placed[0].order_id];
    let now = store.open_among(&asked, deadline()).await.unwrap();
    assert_eq!(now, held[..1]);
}

async fn orders_to_ship_are_open_ones_oldest_first<Store: StockedOrders>(store: &Store) {
    // given a sale, and six orders of which one is canceled and one is partly canceled
    store.stock("ship", "milk", 50).await;
    let sale = order("ship-sale", "ship", "pos", &[("milk", 1)]);
    store.place(&sale, &request("a"), deadline()).await.unwrap();
    let mut expected = Vec::new();
    for number in 0..6 {
        let mut online = order(&format!("ship-{number}"), "ship", "online", &[("milk", 2)]);
        online.placed_at = format!("2026-03-01T12:00:0{number}Z").parse().unwrap();
        online.external_reference = Some(format!("web-{number}"));
        expected.push(placed(store, &online).await.order);
    }
    let canceled = expected.remove(3);
    let known = found(store, canceled.order_id).await;
    cancel(store, &known, minute(60)).await.unwrap();
    let known = found(store, expected[1].order_id).await;
    let fulfilled = fulfilments::make_fulfilment(store, &known, "f1", &[(1, 1)]).await;
    assert!(matches!(
        fulfilled,
        order_lifecycle::FulfilOutcome::Fulfilled(_)
    ));
    expected[1] = found(store, expected[1].order_id).await.order;
    // when the orders to ship are listed two by two
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = Page { limit: 2, after };
        let location = "ship".parse().unwrap();
        let listing = store.to_ship_at(&location, page, deadline()).await.unwrap();
        assert!(listing.items.len() <= 2);
        listed.extend(listing.items);
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    // then those with an open quantity are listed as they are
    assert_eq!(listed, expected);
}
