//! Orders of one SKU are spread over the items of its level once somebody stood in somebody's way.

use stockline_domain::level::Level;
use stockline_platform::dynamodb::attributes::value;

use super::*;

async fn item(shop: &DynamoShop, bucket: u8) -> Level {
    let key = key_of(&keys::level_bucket(&milk(), bucket));
    let get = shop.client.get_item().table_name(&shop.stock_table);
    let found = get.set_key(Some(key)).consistent_read(true).send().await;
    value(found.unwrap().item.unwrap()).unwrap()
}

async fn sell(shop: &DynamoShop, name: &str, lines: &[(&str, i64)]) {
    let sale = order(name, "store-1", "pos", lines);
    let placed = OrderStore::place(shop, &sale, &request(), within(5)).await;
    assert_eq!(placed.unwrap(), Placement::Placed, "{name}");
}

const ONE: [(&str, i64); 1] = [("milk", 1)];

#[tokio::test(start_paused = true)]
async fn an_order_that_meets_another_learns_that_the_level_is_split_and_those_after_it_know() {
    // given a level that is split, which the store that sells has not heard of
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    StockedOrders::stock(&shop, "store-1", "bread", 10).await;
    split_milk(&database, &shop, 400).await;
    let looked = sent(&database, "GetItem");
    // when two orders come at once, one of which wants bread too, and more one after the other
    tokio::join!(
        sell(&shop, "one", &[("milk", 1), ("bread", 1)]),
        sell(&shop, "another", &ONE),
        sell(&shop, "and another", &[("milk", 1), ("bread", 1)]),
    );
    assert!(conflicts(&database) > 0, "nobody stood in anybody's way");
    for number in 0..40 {
        sell(&shop, &number.to_string(), &ONE).await;
    }
    // then it was looked up, and each item sold some
    assert!(sent(&database, "GetItem") - looked < 4);
    for bucket in 0..4 {
        let on_hand = item(&shop, bucket).await.on_hand;
        assert!(on_hand < 100, "item {bucket} sold nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_meets_another_looks_only_at_the_level_they_met_at() {
    let mut met = 0;
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        StockedOrders::stock(&shop, "store-1", "bread", 10).await;
        split_milk(&database, &shop, 400).await;
        let looked = sent(&database, "GetItem");
        let both = [("bread", 1), ("milk", 1)];
        tokio::join!(sell(&shop, "one", &both), sell(&shop, "another", &ONE));
        let looked = sent(&database, "GetItem") - looked;
        assert_eq!(looked, u64::from(conflicts(&database) > 0), "seed {seed}");
        met += conflicts(&database);
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_meets_another_tries_another_item() {
    let mut in_the_first = 0;
    for seed in 0..20 {
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        split_milk(&database, &shop, 400).await;
        tokio::join!(sell(&shop, "one", &ONE), sell(&shop, "another", &ONE));
        in_the_first += 100 - item(&shop, 0).await.on_hand;
    }
    // Every order begins with the first; of 20 that stood back, three in four took another.
    assert!((21..35).contains(&in_the_first), "{in_the_first}");
}

#[tokio::test(start_paused = true)]
async fn a_sale_in_several_parts_that_meets_another_keeps_to_what_was_planned() {
    let mut met = 0;
    for delay in 20..60 {
        // given an order that no item has enough for, and another write of one of its items
        let database = SimulatedDynamoDb::new(delay);
        let shop = shop(&database);
        split_milk(&database, &shop, 40).await;
        let seen = ("TransactGetItems".to_owned(), "OK".to_owned());
        let seen = || database.tally().get(&seen).copied().unwrap_or_default();
        let before = (seen(), conflicts(&database));
        let writing = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            write_again(&shop, keys::level_bucket(&milk(), 1)).await;
        };
        tokio::join!(sell(&shop, "big", &[("milk", 25)]), writing);
        // then its level is read once to plan and once to even it out, whoever stood in its way
        assert_eq!(seen() - before.0, 2, "{delay} ms");
        met += conflicts(&database) - before.1;
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn a_level_of_which_an_item_is_missing_is_stocked_all_the_same() {
    // given a level that is known to be split, and of which an item is gone
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    split_milk(&database, &shop, 400).await;
    tokio::join!(sell(&shop, "one", &ONE), sell(&shop, "another", &ONE));
    let last = key_of(&keys::level_bucket(&milk(), 3));
    let delete = shop.client.delete_item().table_name(&shop.stock_table);
    delete.set_key(Some(last)).send().await.unwrap();
    // then what is left of it is sold
    for number in 0..20 {
        sell(&shop, &number.to_string(), &ONE).await;
    }
}
