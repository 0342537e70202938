//! What holds for orders of many split levels. They touch more items than the 100 that one transaction takes.

use futures::future::join_all;
use serde_json::json;
use stockline_application::order_lifecycle::CancelOutcome;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_domain::ids::OrderId;
use stockline_domain::place_order::MAX_SKUS;

use super::{Shop, split_sku};
use crate::conformance::orders::{cancel, found, minute, request};
use crate::conformance::stock::{apply, change, deadline, key};
use crate::conformance::story_functions;
use crate::orders::order;

story_functions!(max_skus_split_levels, [Orders: OrderStore, Stock: StockStore + StockChangeStore], [super], Shop<Orders, Stock>);

/// Each of 99 SKUs has five units, one in each of five of its 16 buckets. An order of two of each takes from two buckets of
/// each level, which makes 198 items.
async fn orders_of_max_skus_combine_stock_of_many_buckets<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    let skus = SplitSkus::stocked(stock, "split-wide", MAX_SKUS, 5).await;
    // when two such orders arrive at the same time, and then one for the last unit of each SKU
    let ((first, ana), (_, ben)) =
        futures::join!(skus.buy(orders, "ana", 2), skus.buy(orders, "ben", 2));
    assert_eq!((ana, ben), (PlaceOutcome::Placed, PlaceOutcome::Placed));
    skus.assert_levels(stock, (5, 4, 1)).await;
    let (_, last) = skus.buy(orders, "cas", 1).await;
    assert_eq!(last, PlaceOutcome::Placed);
    // then nothing is available until one of them is canceled
    let (_, PlaceOutcome::Short(short)) = skus.buy(orders, "dan", 1).await else {
        panic!("the levels are oversold");
    };
    assert_eq!(short.len(), MAX_SKUS);
    assert!(matches!(
        cancel_order(orders, first).await,
        CancelOutcome::Canceled(_)
    ));
    skus.assert_levels(stock, (5, 3, 2)).await;
}

/// Three units of each of twelve SKUs are allocated and two are damaged, so that every bucket of every level is short. The
/// cancellations cover the shortages, although they change 192 items.
async fn canceled_order_covers_many_short_split_levels<
    Orders: OrderStore,
    Stock: StockStore + StockChangeStore,
>(
    Shop { orders, stock }: &Shop<Orders, Stock>,
) {
    let skus = SplitSkus::stocked(stock, "split-broken", 12, 3).await;
    let (first, ana) = skus.buy(orders, "ana", 1).await;
    let (second, ben) = skus.buy(orders, "ben", 2).await;
    assert_eq!((ana, ben), (PlaceOutcome::Placed, PlaceOutcome::Placed));
    skus.damage(stock, 2).await;
    skus.assert_levels(stock, (1, 3, -2)).await;
    // when the first order is canceled, the levels are still short; when the second is, one unit of each is available
    assert!(matches!(
        cancel_order(orders, first).await,
        CancelOutcome::Canceled(_)
    ));
    skus.assert_levels(stock, (1, 2, -1)).await;
    let (_, refused) = skus.buy(orders, "cas", 1).await;
    assert!(matches!(refused, PlaceOutcome::Short(short) if short.len() == 12));
    assert!(matches!(
        cancel_order(orders, second).await,
        CancelOutcome::Canceled(_)
    ));
    skus.assert_levels(stock, (1, 0, 1)).await;
    let (_, dan) = skus.buy(orders, "dan", 1).await;
    assert_eq!(dan, PlaceOutcome::Placed);
    skus.assert_levels(stock, (1, 1, 0)).await;
}

async fn cancel_order<Orders: OrderStore>(orders: &Orders, order: OrderId) -> CancelOutcome {
    let known = found(orders, order).await;
    cancel(orders, &known, minute(1)).await.unwrap()
}

/// Several SKUs at one location, each split into 16 buckets.
struct SplitSkus<'a> {
    location: &'a str,
    skus: Vec<String>,
}

impl<'a> SplitSkus<'a> {
    /// Receives `quantity` of each of `count` SKUs at `location`.
    async fn stocked<Stock: StockStore + StockChangeStore>(
        stock: &Stock,
        location: &'a str,
        count: usize,
        quantity: i64,
    ) -> Self {
        let skus = (1..=count).map(|number| format!("sku-{number}")).collect();
        let split_skus = Self { location, skus };
        join_all((0..).zip(&split_skus.skus).map(async |(index, sku)| {
            let receipt = json!({"kind": "receipt", "location_id": location, "sku": sku, "quantity": quantity});
            apply(stock, location, index, &change(receipt)).await;
            split_sku(stock, &key(location, sku), 16).await;
        }))
        .await;
        split_skus
    }

    /// Removes `quantity` damaged units of each SKU.
    async fn damage<Stock: StockStore + StockChangeStore>(&self, stock: &Stock, quantity: i64) {
        join_all((self.skus.len()..).zip(&self.skus).map(async |(index, sku)| {
            let damaged = json!({"kind": "adjustment", "location_id": self.location, "sku": sku, "delta": -quantity, "reason": "damage"});
            apply(stock, self.location, index, &change(damaged)).await;
        }))
        .await;
    }

    /// Places an online order of `buyer` for `quantity` of each SKU.
    async fn buy<Orders: OrderStore>(
        &self,
        orders: &Orders,
        buyer: &str,
        quantity: i64,
    ) -> (OrderId, PlaceOutcome) {
        let lines: Vec<(&str, i64)> = self
            .skus
            .iter()
            .map(|sku| (sku.as_str(), quantity))
            .collect();
        let name = format!("{}-{buyer}", self.location);
        let order = order(&name, self.location, "online", &lines);
        let placed = orders.place(&order, &request(&name), deadline()).await;
        (order.order_id, placed.unwrap())
    }

    /// Asserts on hand, allocated and available of each SKU.
    async fn assert_levels<Stock: StockStore + StockChangeStore>(
        &self,
        stock: &Stock,
        expected: (i64, i64, i64),
    ) {
        for sku in &self.skus {
            let level = stock.find(&key(self.location, sku)).await.unwrap().unwrap();
            let found = (level.on_hand, level.allocated, level.available());
            assert_eq!(found, expected, "{sku}");
        }
    }
}
