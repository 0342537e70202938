//! After a transaction conflict, orders of one SKU are spread over the buckets of its split level.

use std::time::Duration;

use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::keys;
use stockline_testkit::orders::order;

use crate::test_store::{SEEDS, TestStore, milk_key};

async fn sell(store: &TestStore, name: &str, lines: &[(&str, i64)]) {
    store.place(&order(name, "store-1", "pos", lines)).await;
}

const ONE: [(&str, i64); 1] = [("milk", 1)];

#[tokio::test(start_paused = true)]
async fn conflict_makes_later_orders_use_all_buckets() {
    // given a level that is split, which the order store has not cached
    let store = TestStore::with_split_milk(1, 400).await;
    store.put_level("bread", 10).await;
    let reads = store.requests_sent("GetItem");
    // when three orders arrive concurrently, two of them for bread too, and 40 more follow one after the other
    tokio::join!(
        sell(&store, "one", &[("milk", 1), ("bread", 1)]),
        sell(&store, "another", &ONE),
        sell(&store, "and another", &[("milk", 1), ("bread", 1)]),
    );
    assert!(
        store.transaction_conflicts() > 0,
        "no transaction conflict occurred"
    );
    for number in 0..40 {
        sell(&store, &number.to_string(), &ONE).await;
    }
    // then the split was looked up at most three times, and every bucket sold some
    assert!(store.requests_sent("GetItem") - reads < 4);
    for item in store.bucket_items().await {
        assert!(item.on_hand < 100, "bucket {} sold nothing", item.bucket);
    }
}

#[tokio::test(start_paused = true)]
async fn conflict_looks_up_only_the_conflicting_level() {
    let mut conflicts = 0;
    for seed in SEEDS {
        let store = TestStore::with_split_milk(seed, 400).await;
        store.put_level("bread", 10).await;
        let reads_before = store.requests_sent("GetItem");
        let both = [("bread", 1), ("milk", 1)];
        tokio::join!(sell(&store, "one", &both), sell(&store, "another", &ONE));
        let reads = store.requests_sent("GetItem") - reads_before;
        assert_eq!(
            reads,
            u64::from(store.transaction_conflicts() > 0),
            "seed {seed}"
        );
        conflicts += store.transaction_conflicts();
    }
    assert!(conflicts > 0, "no transaction conflict occurred");
}

#[tokio::test(start_paused = true)]
async fn retry_after_a_conflict_chooses_another_bucket() {
    let mut sold_from_first = 0;
    for seed in 0..20 {
        let store = TestStore::with_split_milk(seed, 400).await;
        tokio::join!(sell(&store, "one", &ONE), sell(&store, "another", &ONE));
        sold_from_first += 100 - store.bucket_items().await[0].on_hand;
    }
    // Every order tries the first bucket first. Of 20 retries, three in four choose another bucket.
    assert!((21..35).contains(&sold_from_first), "{sold_from_first}");
}

#[tokio::test(start_paused = true)]
async fn multi_bucket_order_keeps_its_plan_after_a_conflict() {
    let mut conflicts = 0;
    for delay in 20..60 {
        // given an order that no bucket has enough for, and a concurrent write of one of its buckets
        let store = TestStore::with_split_milk(delay, 40).await;
        let before = (store.snapshot_reads(), store.transaction_conflicts());
        let writing = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            store.bump_version(1).await;
        };
        tokio::join!(sell(&store, "big", &[("milk", 25)]), writing);
        // then the level is read once to plan the order and once to rebalance, with or without a conflict
        assert_eq!(store.snapshot_reads() - before.0, 2, "{delay} ms");
        conflicts += store.transaction_conflicts() - before.1;
    }
    assert!(conflicts > 0, "no transaction conflict occurred");
}

#[tokio::test(start_paused = true)]
async fn level_with_a_missing_bucket_still_sells() {
    // given a level that is known to be split, and whose last bucket is deleted
    let store = TestStore::with_split_milk(1, 400).await;
    tokio::join!(sell(&store, "one", &ONE), sell(&store, "another", &ONE));
    let last = key_of(&keys::level_bucket(&milk_key(), 3));
    let delete = store.shop.client.delete_item();
    let delete = delete.table_name(&store.shop.stock_table);
    delete.set_key(Some(last)).send().await.unwrap();
    // then orders are placed from the other buckets
    for number in 0..20 {
        sell(&store, &number.to_string(), &ONE).await;
    }
}
