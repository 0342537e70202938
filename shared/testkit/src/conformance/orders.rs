//! What every order store must do.
//!
//! Each story works at a location of its own in a store where the caller has put `on_hand` of each SKU.

mod cancellations;
mod fulfilments;
mod refunds;
pub mod wide;

use std::future::Future;
use std::time::Duration;
use stockline_application::order_lifecycle::StepRequest;

use futures::future::join_all;
use jiff::Timestamp;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::order_lifecycle::{self, CancelOutcome};
use stockline_application::paging::Page;
use stockline_application::ports::orders::{
    OpenOrders, OrderStore, PlaceOutcome, ShortSku, StoredOrder,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{CancellationId, OrderId};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{CancelOrder, Order};

use crate::orders::order;

/// A store under test, and a view of its levels that does not go through it.
pub trait StockedOrders: OrderStore + OpenOrders {
    /// Puts `on_hand` of `sku` at `location`.
    fn stock(&self, location: &str, sku: &str, on_hand: i64) -> impl Future<Output = ()> + Send;

    /// On hand and allocated of `sku` at `location`.
    fn level_of(&self, location: &str, sku: &str) -> impl Future<Output = (i64, i64)> + Send;
}

impl StockedOrders for crate::memory::shop::MemoryShop {
    async fn stock(&self, location: &str, sku: &str, on_hand: i64) {
        let one = Self::stocked(location, &[(sku, on_hand)]);
        let levels = std::mem::take(&mut one.open().levels);
        self.open().levels.extend(levels);
    }

    async fn level_of(&self, location: &str, sku: &str) -> (i64, i64) {
        self.level(location, sku)
    }
}

/// A deadline no story reaches.
pub fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// A request that says `text`.
pub fn request(text: &str) -> Fingerprint {
    Fingerprint::of(&text).unwrap()
}

/// So many minutes past noon of 1 March 2026, UTC, when every order of the stories is placed.
pub fn minute(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon.checked_add(jiff::SignedDuration::from_mins(minutes))
        .unwrap()
}

/// Places the order that `key` names and answers it as it is then found.
pub async fn placed<S: OrderStore>(store: &S, order: &Order) -> StoredOrder {
    let placement = store.place(order, &request("a"), deadline()).await;
    assert_eq!(placement.unwrap(), PlaceOutcome::Placed);
    found(store, order.order_id).await
}

/// The order as it is now.
pub async fn found<S: OrderStore>(store: &S, id: OrderId) -> StoredOrder {
    store.find(id).await.unwrap().unwrap()
}

/// Cancels what is open of the order at `at`, as one request of the till that placed it.
pub async fn cancel<S: OrderStore>(
    store: &S,
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

/// Runs every story.
pub async fn all<S: StockedOrders>(store: &S) {
    a_sale_takes_goods_and_an_online_order_promises_them(store).await;
    the_same_request_places_one_order(store).await;
    another_request_under_the_same_key_is_refused(store).await;
    a_short_order_takes_nothing_and_names_every_short_sku(store).await;
    what_is_promised_is_not_said_to_be_available_though_it_is_there(store).await;
    a_sku_that_the_location_does_not_stock_is_named(store).await;
    the_last_unit_is_sold_once_however_many_want_it(store).await;
    the_same_order_sent_many_times_at_once_is_one_order(store).await;
    cancellations::all(store).await;
    refunds::all(store).await;
    fulfilments::all(store).await;
    a_day_is_listed_in_pages_in_the_order_it_was_sold(store).await;
    an_order_is_open_while_it_holds_stock_and_no_longer(store).await;
}

async fn a_sale_takes_goods_and_an_online_order_promises_them<S: StockedOrders>(store: &S) {
    store.stock("takes", "milk", 10).await;
    let sale = order("takes-1", "takes", "pos", &[("milk", 2), ("milk", 1)]);
    let promise = order("takes-2", "takes", "online", &[("milk", 4)]);
    assert_eq!(
        store.place(&sale, &request("a"), deadline()).await.unwrap(),
        PlaceOutcome::Placed
    );
    assert_eq!(
        store
            .place(&promise, &request("b"), deadline())
            .await
            .unwrap(),
        PlaceOutcome::Placed
    );
    assert_eq!(store.level_of("takes", "milk").await, (7, 4));
    for order in [sale, promise] {
        let known = found(store, order.order_id).await;
        assert_eq!(known.order, order);
        assert!(known.refunds.is_empty() && known.fulfilments.is_empty());
    }
    assert_eq!(
        store.find(OrderId::derive("nobody", "x")).await.unwrap(),
        None
    );
}

async fn the_same_request_places_one_order<S: StockedOrders>(store: &S) {
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

async fn another_request_under_the_same_key_is_refused<S: StockedOrders>(store: &S) {
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

async fn a_short_order_takes_nothing_and_names_every_short_sku<S: StockedOrders>(store: &S) {
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

async fn what_is_promised_is_not_said_to_be_available_though_it_is_there<S: StockedOrders>(
    store: &S,
) {
    store.stock("promised", "milk", 5).await;
    placed(
        store,
        &order("promised-1", "promised", "online", &[("milk", 4)]),
    )
    .await;
    let wanted = order("promised-2", "promised", "pos", &[("milk", 6)]);
    let refused = store.place(&wanted, &request("a"), deadline()).await;
    let short = ShortSku {
        sku: "milk".parse().unwrap(),
        requested: 6,
        available: 1,
    };
    assert_eq!(refused.unwrap(), PlaceOutcome::Short(vec![short]));
}

async fn a_sku_that_the_location_does_not_stock_is_named<S: StockedOrders>(store: &S) {
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

async fn the_last_unit_is_sold_once_however_many_want_it<S: StockedOrders>(store: &S) {
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

async fn the_same_order_sent_many_times_at_once_is_one_order<S: StockedOrders>(store: &S) {
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

async fn a_day_is_listed_in_pages_in_the_order_it_was_sold<S: StockedOrders>(store: &S) {
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

async fn an_order_is_open_while_it_holds_stock_and_no_longer<S: StockedOrders>(store: &S) {
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
    assert_eq!(listed, held, "those placed last come first");
    assert_eq!(listed[0].quantity_of(&"milk".parse().unwrap()), 3);

    let asked = [sale.order_id, canceled.order_id, placed[0].order_id];
    let now = store.open_among(&asked, deadline()).await.unwrap();
    assert_eq!(now, held[..1]);
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn orders_in_memory_conform() {
        super::wide::all(&crate::memory::shop::MemoryShop::default()).await;
        super::all(&crate::memory::shop::MemoryShop::default()).await;
    }
}
