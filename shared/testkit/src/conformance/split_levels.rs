//! What holds for a split level, which is stored as several items (buckets): it sells like a level of one item.

pub mod max_skus;

use futures::future::join_all;
use serde_json::json;
use stockline_application::order_lifecycle::CancelOutcome;
use stockline_application::paging::Page;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::reorder_policy::{PolicyOutcome, PolicyRequest, set_policy};
use stockline_domain::level::{LevelKey, ReorderPolicy};

use super::orders::{cancel, found, minute, request};
use super::stock::{apply, change, deadline, key, receipt};
use super::story_functions;
use crate::memory::catalog::EveryLevelStockable;
use crate::orders::order;

/// The order store and the stock store of one shop.
#[derive(Debug, Clone)]
pub struct Shop<Orders, Stock> {
    /// The order store.
    pub orders: Orders,
    /// The stock store, on the same levels.
    pub stock: Stock,
}

story_functions!(split_levels, [Orders: OrderStore, Stock: StockStore + StockChangeStore], [super], Shop<Orders, Stock>);

/// Sets the number of buckets of milk at `location`.
async fn split<Stock: StockStore + StockChangeStore>(stock: &Stock, location: &str, buckets: u8) {
    split_sku(stock, &key(location, "milk"), buckets).await;
}

async fn split_sku<Stock: StockStore + StockChangeStore>(
    stock: &Stock,
    level: &LevelKey,
    buckets: u8,
) {
    let policy: ReorderPolicy =
        serde_json::from_value(json!({"reorder_point": 1, "target_level": 9, "buckets": buckets}))
            .unwrap();
    let request = PolicyRequest {
        key: level,
        policy: &policy,
        at: minute(0),
        deadline: deadline(),
    };
    let set = set_policy(stock, &EveryLevelStockable, request).await;
    assert!(matches!(set, Ok(PolicyOutcome::Set(_))), "{set:?}");
}

/// On hand, allocated and available of milk at `location`.
async fn level<Stock: StockStore + StockChangeStore>(
    stock: &Stock,
    location: &str,
) -> (i64, i64, i64) {
    let level = stock.find(&key(location, "milk")).await.unwrap().unwrap();
    (level.on_hand, level.allocated, level.available())
}

/// Places order number `number` at `location`.
async fn buy<Orders: OrderStore>(
    orders: &Orders,
    location: &str,
    number: usize,
    channel: &str,
    quantity: i64,
) -> PlaceOutcome {
    let name = format!("{location}-{number}");
    let order = order(&name, location, channel, &[("milk", quantity)]);
    orders
        .place(&order, &request(&name), deadline())
        .await
        .unwrap()
}

/// Removes `quantity` damaged units of milk at `location`.
async fn damage<Stock: StockStore + StockChangeStore>(
    stock: &Stock,
    location: &str,
    quantity: i64,
) {
    let damaged = json!({"kind": "adjustment", "location_id": location, "sku": "milk", "delta": -quantity, "reason": "damage"});
    apply(stock, location, 1, &change(damaged)).await;
}

/// Cancels the online order number `number` at `location`.
async fn cancel_order<Orders: OrderStore>(orders: &Orders, location: &str, number: usize) {
    let order = order(
        &format!("{location}-{number}"),
        location,
        "online",
        &[("milk", 1)],
    );
    let known = found(orders, order.order_id).await;
    cancel(orders, &known, minute(1)).await.unwrap();
}

fn placed_count(placements: &[PlaceOutcome]) -> usize {
    placements
        .iter()
        .filter(|placement| **placement == PlaceOutcome::Placed)
        .count()
}

async fn stock_survives_changes_of_bucket_count<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { stock, .. }: &Shop<Orders, Stock>,
) {
    let at = "split-in";
    split(stock, at, 4).await;
    apply(stock, at, 0, &receipt(at, 10)).await;
    split(stock, at, 2).await;
    damage(stock, at, 3).await;
    assert_eq!(level(stock, at).await, (7, 0, 7));
    split(stock, at, 1).await;
    assert_eq!(level(stock, at).await, (7, 0, 7));
    let page = Page {
        limit: 10,
        after: None,
    };
    let listing = stock.list(&at.parse().unwrap(), page, deadline()).await;
    let listed: Vec<i64> = listing
        .unwrap()
        .items
        .iter()
        .map(|level| level.on_hand)
        .collect();
    assert_eq!(listed, [7], "a level is listed once");
}

async fn split_level_sells_its_last_unit_and_no_more<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    let at = "split-last";
    split(stock, at, 4).await;
    apply(stock, at, 0, &receipt(at, 7)).await;
    assert_eq!(buy(orders, at, 1, "pos", 5).await, PlaceOutcome::Placed);
    assert_eq!(buy(orders, at, 2, "pos", 2).await, PlaceOutcome::Placed);
    let PlaceOutcome::Short(short) = buy(orders, at, 3, "pos", 1).await else {
        panic!("the level is oversold");
    };
    assert_eq!((short[0].requested, short[0].available), (1, 0));
    assert_eq!(level(stock, at).await, (0, 0, 0));
}

async fn concurrent_buyers_sell_all_of_a_split_level<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    let at = "split-many";
    split(stock, at, 4).await;
    apply(stock, at, 0, &receipt(at, 20)).await;
    let placements = join_all((0..30).map(|buyer| buy(orders, at, buyer, "pos", 1))).await;
    let sold = placed_count(&placements);
    assert_eq!((sold, level(stock, at).await), (20, (0, 0, 0)));
}

async fn canceled_split_allocation_is_released_once<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    let at = "split-back";
    split(stock, at, 3).await;
    apply(stock, at, 0, &receipt(at, 9)).await;
    assert_eq!(buy(orders, at, 1, "online", 8).await, PlaceOutcome::Placed);
    assert_eq!(level(stock, at).await, (9, 8, 1));
    let allocated = order(&format!("{at}-1"), at, "online", &[("milk", 8)]);
    for _ in 0..2 {
        let known = found(orders, allocated.order_id).await;
        let canceled = cancel(orders, &known, minute(1)).await;
        let is_canceled = matches!(
            canceled,
            Ok(CancelOutcome::Canceled(_) | CancelOutcome::Replayed(_))
        );
        assert!(is_canceled, "{canceled:?}");
        assert_eq!(level(stock, at).await, (9, 0, 9));
    }
}

async fn short_split_level_sells_nothing<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    let at = "split-short";
    split(stock, at, 3).await;
    apply(stock, at, 0, &receipt(at, 6)).await;
    assert_eq!(buy(orders, at, 1, "online", 2).await, PlaceOutcome::Placed);
    assert_eq!(buy(orders, at, 2, "online", 4).await, PlaceOutcome::Placed);
    damage(stock, at, 5).await;
    assert_eq!(level(stock, at).await, (1, 6, -5));
    cancel_order(orders, at, 1).await;
    assert_eq!(level(stock, at).await, (1, 4, -3));
    assert!(matches!(
        buy(orders, at, 3, "pos", 1).await,
        PlaceOutcome::Short(_)
    ));
}

/// All 40 units are allocated and one of them is damaged. An order of three is canceled: two units are then available, not
/// three, whichever buckets receive the three.
async fn canceled_stock_covers_split_shortage_first<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    for round in 0..8 {
        let at = &format!("split-owed-{round}");
        split(stock, at, 4).await;
        apply(stock, at, 0, &receipt(at, 40)).await;
        assert_eq!(buy(orders, at, 1, "online", 37).await, PlaceOutcome::Placed);
        assert_eq!(buy(orders, at, 2, "online", 3).await, PlaceOutcome::Placed);
        damage(stock, at, 1).await;
        assert_eq!(level(stock, at).await, (39, 40, -1));
        cancel_order(orders, at, 2).await;
        assert_eq!(level(stock, at).await, (39, 37, 2));
        assert!(
            matches!(buy(orders, at, 3, "pos", 3).await, PlaceOutcome::Short(_)),
            "round {round}"
        );
        assert_eq!(buy(orders, at, 4, "pos", 2).await, PlaceOutcome::Placed);
        assert_eq!(level(stock, at).await, (37, 37, 0));
    }
}

async fn new_buckets_of_a_short_level_sell_nothing<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    for round in 0..4 {
        let at = &format!("split-late-{round}");
        apply(stock, at, 0, &receipt(at, 4)).await;
        assert_eq!(buy(orders, at, 1, "online", 2).await, PlaceOutcome::Placed);
        assert_eq!(buy(orders, at, 2, "online", 2).await, PlaceOutcome::Placed);
        damage(stock, at, 1).await;
        split(stock, at, 4).await;
        assert_eq!(level(stock, at).await, (3, 4, -1));
        cancel_order(orders, at, 2).await;
        assert_eq!(level(stock, at).await, (3, 2, 1));
        assert!(
            matches!(buy(orders, at, 3, "pos", 2).await, PlaceOutcome::Short(_)),
            "round {round}"
        );
        assert_eq!(buy(orders, at, 4, "pos", 1).await, PlaceOutcome::Placed);
    }
}

async fn splitting_while_selling_loses_no_stock<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    let at = "split-live";
    split(stock, at, 1).await;
    apply(stock, at, 0, &receipt(at, 24)).await;
    let buyers = join_all((0..30).map(|buyer| buy(orders, at, buyer, "online", 1)));
    let splits = async {
        for buckets in [4, 8, 2, 1] {
            split(stock, at, buckets).await;
        }
    };
    let (placements, ()) = futures::join!(buyers, splits);
    let sold = placed_count(&placements);
    assert_eq!((sold, level(stock, at).await), (24, (24, 24, 0)));
}
