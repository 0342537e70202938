//! What holds of a level that is split over several items: it sells like one that is not.
//!
//! Each story works at a location of its own.

use futures::future::join_all;
use serde_json::json;
use stockline_application::order_lifecycle::CancelOutcome;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock::{MissingLevel, StockStore};
use stockline_domain::ids::OrderId;
use stockline_domain::level::{LevelKey, ReorderPolicy};
use stockline_domain::place_order::MAX_SKUS;

use super::orders::{cancel, found, minute, request};
use super::stock::{apply, change, deadline, key, receipt};
use crate::orders::order;

/// Runs every story on `orders` and `stock`, which are of one shop.
pub async fn all<O: OrderStore, S: StockStore>(orders: &O, stock: &S) {
    what_comes_in_is_there_whatever_the_level_is_split_over(stock).await;
    the_last_unit_of_a_split_level_is_sold_and_no_more(orders, stock).await;
    many_buyers_of_a_split_level_get_all_of_it_and_no_more(orders, stock).await;
    what_was_promised_in_several_parts_comes_back_once(orders, stock).await;
    a_split_level_that_is_short_sells_nothing(orders, stock).await;
    what_comes_back_to_a_short_split_level_is_owed_first(orders, stock).await;
    a_short_level_that_is_split_sells_nothing_from_its_new_items(orders, stock).await;
    splitting_a_level_while_it_sells_loses_nothing(orders, stock).await;
}

/// Runs the stories of as many SKUs as an order may have.
pub async fn wide<O: OrderStore, S: StockStore>(orders: &O, stock: &S) {
    orders_of_many_split_levels_gather_what_no_bucket_has(orders, stock).await;
    a_canceled_order_makes_many_short_split_levels_good(orders, stock).await;
}

async fn split<S: StockStore>(stock: &S, location: &str, buckets: u8) {
    split_sku(stock, &key(location, "milk"), buckets).await;
}

async fn split_sku<S: StockStore>(stock: &S, level: &LevelKey, buckets: u8) {
    let policy: ReorderPolicy =
        serde_json::from_value(json!({"reorder_point": 1, "target_level": 9, "buckets": buckets}))
            .unwrap();
    stock
        .set_policy(level, &policy, MissingLevel::Create, minute(0), deadline())
        .await
        .unwrap()
        .unwrap();
}

/// On hand, allocated and available of milk at `location`.
async fn level<S: StockStore>(stock: &S, location: &str) -> (i64, i64, i64) {
    let level = stock.find(&key(location, "milk")).await.unwrap().unwrap();
    (level.on_hand, level.allocated, level.available())
}

async fn buy<O: OrderStore>(
    orders: &O,
    location: &str,
    buyer: usize,
    channel: &str,
    quantity: i64,
) -> PlaceOutcome {
    let name = format!("{location}-{buyer}");
    let order = order(&name, location, channel, &[("milk", quantity)]);
    orders
        .place(&order, &request(&name), deadline())
        .await
        .unwrap()
}

async fn what_comes_in_is_there_whatever_the_level_is_split_over<S: StockStore>(stock: &S) {
    let at = "split-in";
    split(stock, at, 4).await;
    apply(stock, at, 0, &receipt(at, 10)).await;
    split(stock, at, 2).await;
    let broken = json!({"kind": "adjustment", "location_id": at, "sku": "milk", "delta": -3, "reason": "damage"});
    apply(stock, at, 1, &change(broken)).await;
    assert_eq!(level(stock, at).await, (7, 0, 7));
    split(stock, at, 1).await;
    assert_eq!(level(stock, at).await, (7, 0, 7));
    let listed = stock
        .list(
            &at.parse().unwrap(),
            stockline_application::paging::Page {
                limit: 10,
                after: None,
            },
            deadline(),
        )
        .await
        .unwrap();
    let listed: Vec<i64> = listed.items.iter().map(|level| level.on_hand).collect();
    assert_eq!(listed, [7], "a level is listed once");
}

async fn the_last_unit_of_a_split_level_is_sold_and_no_more<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
) {
    let at = "split-last";
    split(stock, at, 4).await;
    apply(stock, at, 0, &receipt(at, 7)).await;
    assert_eq!(buy(orders, at, 1, "pos", 5).await, PlaceOutcome::Placed);
    assert_eq!(buy(orders, at, 2, "pos", 2).await, PlaceOutcome::Placed);
    let PlaceOutcome::Short(short) = buy(orders, at, 3, "pos", 1).await else {
        panic!("more was sold than was there");
    };
    assert_eq!((short[0].requested, short[0].available), (1, 0));
    assert_eq!(level(stock, at).await, (0, 0, 0));
}

async fn many_buyers_of_a_split_level_get_all_of_it_and_no_more<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
) {
    let at = "split-many";
    split(stock, at, 4).await;
    apply(stock, at, 0, &receipt(at, 20)).await;
    let placements = join_all((0..30).map(|buyer| buy(orders, at, buyer, "pos", 1))).await;
    let sold = placements
        .iter()
        .filter(|placement| **placement == PlaceOutcome::Placed)
        .count();
    assert_eq!((sold, level(stock, at).await), (20, (0, 0, 0)));
}

async fn what_was_promised_in_several_parts_comes_back_once<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
) {
    let at = "split-back";
    split(stock, at, 3).await;
    apply(stock, at, 0, &receipt(at, 9)).await;
    assert_eq!(buy(orders, at, 1, "online", 8).await, PlaceOutcome::Placed);
    assert_eq!(level(stock, at).await, (9, 8, 1));
    let promised = order(&format!("{at}-1"), at, "online", &[("milk", 8)]);
    for _ in 0..2 {
        let known = found(orders, promised.order_id).await;
        let canceled = cancel(orders, &known, minute(1)).await;
        let is_canceled = matches!(
            canceled,
            Ok(CancelOutcome::Canceled(_) | CancelOutcome::Replayed(_))
        );
        assert!(is_canceled, "{canceled:?}");
        assert_eq!(level(stock, at).await, (9, 0, 9));
    }
}

async fn a_split_level_that_is_short_sells_nothing<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
) {
    let at = "split-short";
    split(stock, at, 3).await;
    apply(stock, at, 0, &receipt(at, 6)).await;
    assert_eq!(buy(orders, at, 1, "online", 2).await, PlaceOutcome::Placed);
    assert_eq!(buy(orders, at, 2, "online", 4).await, PlaceOutcome::Placed);
    let broken = json!({"kind": "adjustment", "location_id": at, "sku": "milk", "delta": -5, "reason": "damage"});
    apply(stock, at, 1, &change(broken)).await;
    assert_eq!(level(stock, at).await, (1, 6, -5));
    let first = order(&format!("{at}-1"), at, "online", &[("milk", 2)]);
    let known = found(orders, first.order_id).await;
    cancel(orders, &known, minute(1)).await.unwrap();
    assert_eq!(level(stock, at).await, (1, 4, -3));
    assert!(matches!(
        buy(orders, at, 3, "pos", 1).await,
        PlaceOutcome::Short(_)
    ));
}

/// One unit is damaged of which all are promised, then an order of three is canceled: two are left to sell, and not three,
/// whichever item the three come back to.
async fn what_comes_back_to_a_short_split_level_is_owed_first<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
) {
    for round in 0..8 {
        let at = &format!("split-owed-{round}");
        split(stock, at, 4).await;
        apply(stock, at, 0, &receipt(at, 40)).await;
        assert_eq!(buy(orders, at, 1, "online", 37).await, PlaceOutcome::Placed);
        assert_eq!(buy(orders, at, 2, "online", 3).await, PlaceOutcome::Placed);
        damage_one(stock, at).await;
        assert_eq!(level(stock, at).await, (39, 40, -1));
        give_back(orders, at, 2).await;
        assert_eq!(level(stock, at).await, (39, 37, 2));
        assert!(
            matches!(buy(orders, at, 3, "pos", 3).await, PlaceOutcome::Short(_)),
            "round {round}"
        );
        assert_eq!(buy(orders, at, 4, "pos", 2).await, PlaceOutcome::Placed);
        assert_eq!(level(stock, at).await, (37, 37, 0));
    }
}

async fn a_short_level_that_is_split_sells_nothing_from_its_new_items<
    O: OrderStore,
    S: StockStore,
>(
    orders: &O,
    stock: &S,
) {
    for round in 0..4 {
        let at = &format!("split-late-{round}");
        apply(stock, at, 0, &receipt(at, 4)).await;
        assert_eq!(buy(orders, at, 1, "online", 2).await, PlaceOutcome::Placed);
        assert_eq!(buy(orders, at, 2, "online", 2).await, PlaceOutcome::Placed);
        damage_one(stock, at).await;
        split(stock, at, 4).await;
        assert_eq!(level(stock, at).await, (3, 4, -1));
        give_back(orders, at, 2).await;
        assert_eq!(level(stock, at).await, (3, 2, 1));
        assert!(
            matches!(buy(orders, at, 3, "pos", 2).await, PlaceOutcome::Short(_)),
            "round {round}"
        );
        assert_eq!(buy(orders, at, 4, "pos", 1).await, PlaceOutcome::Placed);
    }
}

async fn damage_one<S: StockStore>(stock: &S, at: &str) {
    let broken = json!({"kind": "adjustment", "location_id": at, "sku": "milk", "delta": -1, "reason": "damage"});
    apply(stock, at, 1, &change(broken)).await;
}

/// Cancels the online order of `buyer`.
async fn give_back<O: OrderStore>(orders: &O, at: &str, buyer: usize) {
    let order = order(&format!("{at}-{buyer}"), at, "online", &[("milk", 1)]);
    let known = found(orders, order.order_id).await;
    cancel(orders, &known, minute(1)).await.unwrap();
}

async fn splitting_a_level_while_it_sells_loses_nothing<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
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
    let sold = placements
        .iter()
        .filter(|placement| **placement == PlaceOutcome::Placed)
        .count();
    assert_eq!((sold, level(stock, at).await), (24, (24, 24, 0)));
}

/// Of each of 99 SKUs there are five, one in each of five of 16 buckets: what wants two of each finds them in two items of
/// each level, 198 in all, and a transaction takes 100.
async fn orders_of_many_split_levels_gather_what_no_bucket_has<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
) {
    let aisle = Aisle::stocked(stock, "split-wide", MAX_SKUS, 5).await;
    // when two such orders come at once, and then one for the last of each
    let ((first, ana), (_, ben)) =
        futures::join!(aisle.buy(orders, "ana", 2), aisle.buy(orders, "ben", 2));
    assert_eq!((ana, ben), (PlaceOutcome::Placed, PlaceOutcome::Placed));
    aisle.all_are(stock, (5, 4, 1)).await;
    let (_, last) = aisle.buy(orders, "cas", 1).await;
    assert_eq!(last, PlaceOutcome::Placed);
    // then nothing is left, until one is given up
    let (_, PlaceOutcome::Short(short)) = aisle.buy(orders, "dan", 1).await else {
        panic!("more was sold than was there");
    };
    assert_eq!(short.len(), MAX_SKUS);
    assert!(matches!(
        give_up(orders, first).await,
        CancelOutcome::Canceled(_)
    ));
    aisle.all_are(stock, (5, 3, 2)).await;
}

/// Of each of twelve SKUs three are promised and two break, so that every item of every level owes: what is given up makes
/// them good, though it concerns 192 items and a transaction takes 100.
async fn a_canceled_order_makes_many_short_split_levels_good<O: OrderStore, S: StockStore>(
    orders: &O,
    stock: &S,
) {
    let aisle = Aisle::stocked(stock, "split-broken", 12, 3).await;
    let (first, ana) = aisle.buy(orders, "ana", 1).await;
    let (second, ben) = aisle.buy(orders, "ben", 2).await;
    assert_eq!((ana, ben), (PlaceOutcome::Placed, PlaceOutcome::Placed));
    aisle.breaks(stock, 2).await;
    aisle.all_are(stock, (1, 3, -2)).await;
    // when the first is canceled, they owe still; when the second is, there is one to sell
    assert!(matches!(
        give_up(orders, first).await,
        CancelOutcome::Canceled(_)
    ));
    aisle.all_are(stock, (1, 2, -1)).await;
    let (_, refused) = aisle.buy(orders, "cas", 1).await;
    assert!(matches!(refused, PlaceOutcome::Short(short) if short.len() == 12));
    assert!(matches!(
        give_up(orders, second).await,
        CancelOutcome::Canceled(_)
    ));
    aisle.all_are(stock, (1, 0, 1)).await;
    let (_, dan) = aisle.buy(orders, "dan", 1).await;
    assert_eq!(dan, PlaceOutcome::Placed);
    aisle.all_are(stock, (1, 1, 0)).await;
}

async fn give_up<O: OrderStore>(orders: &O, order: OrderId) -> CancelOutcome {
    let known = found(orders, order).await;
    cancel(orders, &known, minute(1)).await.unwrap()
}

/// Several SKUs, each split over 16 buckets.
struct Aisle<'a> {
    location: &'a str,
    skus: Vec<String>,
}

impl<'a> Aisle<'a> {
    /// With `quantity` of each of so many SKUs.
    async fn stocked<S: StockStore>(
        stock: &S,
        location: &'a str,
        skus: usize,
        quantity: i64,
    ) -> Self {
        let skus = (1..=skus).map(|number| format!("sku-{number}"));
        let aisle = Self {
            location,
            skus: skus.collect(),
        };
        join_all((0..).zip(&aisle.skus).map(async |(index, sku)| {
            let receipt = json!({"kind": "receipt", "location_id": location, "sku": sku, "quantity": quantity});
            apply(stock, location, index, &change(receipt)).await;
            split_sku(stock, &key(location, sku), 16).await;
        }))
        .await;
        aisle
    }

    /// `quantity` of each is damaged.
    async fn breaks<S: StockStore>(&self, stock: &S, quantity: i64) {
        join_all((self.skus.len()..).zip(&self.skus).map(async |(index, sku)| {
            let broken = json!({"kind": "adjustment", "location_id": self.location, "sku": sku, "delta": -quantity, "reason": "damage"});
            apply(stock, self.location, index, &change(broken)).await;
        }))
        .await;
    }

    /// `buyer` orders `quantity` of each.
    async fn buy<O: OrderStore>(
        &self,
        orders: &O,
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

    /// On hand, allocated and available of each.
    async fn all_are<S: StockStore>(&self, stock: &S, expected: (i64, i64, i64)) {
        for sku in &self.skus {
            let level = stock.find(&key(self.location, sku)).await.unwrap().unwrap();
            let found = (level.on_hand, level.allocated, level.available());
            assert_eq!(found, expected, "{sku}");
        }
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_split_level_in_memory_conforms() {
        let shop = crate::memory::shop::MemoryShop::default();
        super::all(&shop, &shop).await;
        super::wide(&shop, &shop).await;
    }
}
