//! Orders of one SKU are spread over the items of its level once somebody stood in somebody's way.

use std::time::Duration;

use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::keys;
use stockline_testkit::orders::order;

use crate::store::{SEEDS, Store, milk};

async fn sell(store: &Store, name: &str, lines: &[(&str, i64)]) {
    store.place(&order(name, "store-1", "pos", lines)).await;
}

const ONE: [(&str, i64); 1] = [("milk", 1)];

#[tokio::test(start_paused = true)]
async fn an_order_that_meets_another_learns_that_the_level_is_split_and_those_after_it_know() {
    // given a level that is split, which the store that sells has not heard of
    let store = Store::of_split_milk(1, 400).await;
    store.put("bread", 10).await;
    let looked = store.sent("GetItem");
    // when two orders come at once, one of which wants bread too, and more one after the other
    tokio::join!(
        sell(&store, "one", &[("milk", 1), ("bread", 1)]),
        sell(&store, "another", &ONE),
        sell(&store, "and another", &[("milk", 1), ("bread", 1)]),
    );
    assert!(store.conflicts() > 0, "nobody stood in anybody's way");
    for number in 0..40 {
        sell(&store, &number.to_string(), &ONE).await;
    }
    // then it was looked up, and each item sold some
    assert!(store.sent("GetItem") - looked < 4);
    for item in store.items().await {
        assert!(item.on_hand < 100, "item {} sold nothing", item.bucket);
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_meets_another_looks_only_at_the_level_they_met_at() {
    let mut met = 0;
    for seed in SEEDS {
        let store = Store::of_split_milk(seed, 400).await;
        store.put("bread", 10).await;
        let looked = store.sent("GetItem");
        let both = [("bread", 1), ("milk", 1)];
        tokio::join!(sell(&store, "one", &both), sell(&store, "another", &ONE));
        let looked = store.sent("GetItem") - looked;
        assert_eq!(looked, u64::from(store.conflicts() > 0), "seed {seed}");
        met += store.conflicts();
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_meets_another_tries_another_item() {
    let mut in_the_first = 0;
    for seed in 0..20 {
        let store = Store::of_split_milk(seed, 400).await;
        tokio::join!(sell(&store, "one", &ONE), sell(&store, "another", &ONE));
        in_the_first += 100 - store.items().await[0].on_hand;
    }
    // Every order begins with the first; of 20 that stood back, three in four took another.
    assert!((21..35).contains(&in_the_first), "{in_the_first}");
}

#[tokio::test(start_paused = true)]
async fn a_sale_in_several_parts_that_meets_another_keeps_to_what_was_planned() {
    let mut met = 0;
    for delay in 20..60 {
        // given an order that no item has enough for, and another write of one of its items
        let store = Store::of_split_milk(delay, 40).await;
        let before = (store.seen_in_one_moment(), store.conflicts());
        let writing = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            store.write_again(1).await;
        };
        tokio::join!(sell(&store, "big", &[("milk", 25)]), writing);
        // then its level is read once to plan and once to even it out, whoever stood in its way
        assert_eq!(store.seen_in_one_moment() - before.0, 2, "{delay} ms");
        met += store.conflicts() - before.1;
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn a_level_of_which_an_item_is_missing_is_stocked_all_the_same() {
    // given a level that is known to be split, and of which an item is gone
    let store = Store::of_split_milk(1, 400).await;
    tokio::join!(sell(&store, "one", &ONE), sell(&store, "another", &ONE));
    let last = key_of(&keys::level_bucket(&milk(), 3));
    let delete = store.shop.client.delete_item();
    let delete = delete.table_name(&store.shop.stock_table);
    delete.set_key(Some(last)).send().await.unwrap();
    // then what is left of it is sold
    for number in 0..20 {
        sell(&store, &number.to_string(), &ONE).await;
    }
}
