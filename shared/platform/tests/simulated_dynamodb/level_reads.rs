//! Reads of levels, their movements and their history while orders change them.

use std::time::Duration;

use stockline_application::paging::{Page, Position};
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::conformance::stock::key;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::Fault;

use crate::test_store::{SEEDS, TestStore, milk_key};

#[tokio::test(start_paused = true)]
async fn split_level_read_is_a_snapshot() {
    for seed in SEEDS {
        // given online orders that allocate from a split level, of which the large ones also rebalance it
        let store = TestStore::with_split_milk(seed, 400).await;
        let selling = async {
            for number in 0..15 {
                let name = number.to_string();
                let sale = order(&name, "store-1", "online", &[("milk", 1)]);
                store.place(&sale).await;
                let sale = order(&format!("{name}-big"), "store-1", "online", &[("milk", 20)]);
                store.place(&sale).await;
            }
        };
        // when the level is read concurrently
        let reading = async {
            for _ in 0..100 {
                assert_eq!(store.level().await.on_hand, 400, "seed {seed}");
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        // then on_hand is the same in every read
        tokio::join!(selling, reading);
    }
}

#[tokio::test(start_paused = true)]
async fn level_read_takes_one_request_and_split_is_cached() {
    let store = TestStore::with_split_milk(1, 40).await;
    store.put_level("bread", 1).await;
    let reads =
        || ["GetItem", "TransactGetItems", "BatchGetItem"].map(|name| store.requests_sent(name));
    let stock = store.stock_without_cache();
    let mut before = reads();
    for (level, expected) in [
        (key("store-1", "bread"), [1, 0, 0]),
        (milk_key(), [1, 1, 0]),
        (milk_key(), [0, 1, 0]),
    ] {
        stock.find(&level).await.unwrap().unwrap();
        let after = reads();
        let requests = [0, 1, 2].map(|index| after[index] - before[index]);
        assert_eq!(requests, expected, "{level:?}");
        before = after;
    }
}

#[tokio::test(start_paused = true)]
async fn movement_pages_exclude_movements_recorded_later() {
    let store = TestStore::new(1);
    store.receive(20, minute(0)).await;
    store.split(2, minute(1)).await;
    store.sell("before", minute(2), minute(2)).await;
    let page = |limit: u8, after: Option<Position>| {
        let (milk, stock) = (milk_key(), &store.stock);
        async move { stock.movements(&milk, Page { after, limit }).await.unwrap() }
    };
    // given the first page
    let all = page(100, None).await.items;
    let mut paged = page(1, None).await;
    let mut listed = std::mem::take(&mut paged.items);
    // when both buckets sell more
    for number in 0..8 {
        store.sell(&number.to_string(), minute(3), minute(3)).await;
    }
    // then the next pages list only the movements that existed at the first page
    while let Some(next) = paged.next {
        paged = page(1, Some(next)).await;
        listed.append(&mut paged.items);
    }
    assert_eq!(listed, all);
}

#[tokio::test(start_paused = true)]
async fn history_ends_with_the_level_that_was_read() {
    // given a level in four buckets
    let (store, milk) = (TestStore::new(1), milk_key());
    store.receive(400, minute(0)).await;
    store.split(4, minute(0)).await;
    store.cache_split().await;
    // when its history is read while every bucket sells and records movements; the first bucket's query is slow
    let slow = Fault::Delay(Duration::from_secs(5));
    store.database.fail_next("Query", slow);
    let selling = async {
        for number in 0..20 {
            store.sell(&number.to_string(), minute(1), minute(1)).await;
        }
    };
    let (histories, ()) = tokio::join!(store.stock.history(&milk, deadline()), selling);
    // then movements recorded after the level was read are left out
    for history in histories.unwrap() {
        let last = history.level.last_change.map(|change| change.movement_id);
        let newest = history.movements.first();
        assert_eq!(newest.map(|movement| movement.change.movement_id), last);
    }
}
