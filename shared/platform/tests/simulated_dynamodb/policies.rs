//! A policy splits a level over several items, each of which knows what holds of the whole.

use stockline_domain::level::{Level, ReorderPolicy};
use stockline_domain::stock_change::StockChange;
use stockline_platform::dynamodb::attributes::value;
use stockline_testkit::conformance::stock::{apply, change, receipt};

use super::*;

fn over(buckets: u8) -> ReorderPolicy {
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
    serde_json::from_value(policy).unwrap()
}

fn damaged(quantity: i64) -> StockChange {
    change(
        json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -quantity,
        "reason": "damage"}),
    )
}

/// The items that milk at `store-1` has of its first four.
async fn items(shop: &DynamoShop) -> Vec<Level> {
    let mut items = Vec::new();
    for bucket in 0..4 {
        let key = key_of(&keys::level_bucket(&milk(), bucket));
        let get = shop.client.get_item().table_name(&shop.stock_table);
        let found = get.set_key(Some(key)).send().await.unwrap();
        items.extend(found.item.map(|item| value::<Level>(item).unwrap()));
    }
    items
}

/// An order that promises all of what is there.
async fn promise(shop: &DynamoShop, quantity: i64) {
    let promised = order("promised", "store-1", "online", &[("milk", quantity)]);
    let placed = OrderStore::place(shop, &promised, &request(), within(20)).await;
    assert_eq!(placed.unwrap(), Placement::Placed);
}

#[tokio::test(start_paused = true)]
async fn a_level_that_its_policy_makes_is_split_before_anything_comes_in() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    let made = stock
        .set_policy(
            &milk(),
            &over(4),
            MissingLevel::Create,
            minute(0),
            within(20),
        )
        .await;
    assert_eq!(made.unwrap().unwrap().version, 4);
    apply(&stock, "in", 0, &receipt("store-1", 40)).await;
    let on_hand: Vec<i64> = items(&shop).await.iter().map(|item| item.on_hand).collect();
    assert_eq!(on_hand, [10; 4]);
}

#[tokio::test(start_paused = true)]
async fn every_new_item_of_a_level_that_is_short_says_so() {
    // given a level of which more is promised than is left
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    apply(&stock, "in", 0, &receipt("store-1", 4)).await;
    promise(&shop, 4).await;
    apply(&stock, "in", 1, &damaged(1)).await;
    // when it is split
    let split = stock
        .set_policy(
            &milk(),
            &over(4),
            MissingLevel::Report,
            minute(0),
            within(20),
        )
        .await;
    assert_eq!(split.unwrap().unwrap().available(), -1);
    // then none of its items takes for its own what comes back
    let short: Vec<bool> = items(&shop)
        .await
        .iter()
        .map(|item| item.whole_short)
        .collect();
    assert_eq!(short, [true; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_level_that_turns_short_while_it_is_split_says_so_on_every_item() {
    // given a level of which all is promised
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    apply(&stock, "in", 0, &receipt("store-1", 4)).await;
    promise(&shop, 4).await;
    // when it is split, and one unit breaks before that is written
    let policy = over(4);
    database.fail_next("TransactWriteItems", Fault::Delay(Duration::from_secs(1)));
    let level = milk();
    let splitting = stock.set_policy(&level, &policy, MissingLevel::Report, minute(0), within(20));
    let breaking = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        apply(&stock, "in", 1, &damaged(1)).await;
    };
    let (split, ()) = tokio::join!(splitting, breaking);
    // then no item takes for its own what comes back
    assert_eq!(split.unwrap().unwrap().available(), -1);
    let short: Vec<bool> = items(&shop)
        .await
        .iter()
        .map(|item| item.whole_short)
        .collect();
    assert_eq!(short, [true; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_splits_nothing_says_nothing_of_a_whole() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    apply(&stock, "in", 0, &receipt("store-1", 4)).await;
    promise(&shop, 4).await;
    apply(&stock, "in", 1, &damaged(1)).await;
    let set = stock
        .set_policy(
            &milk(),
            &over(1),
            MissingLevel::Report,
            minute(0),
            within(20),
        )
        .await;
    assert_eq!(set.unwrap().unwrap().policy, Some(over(1)));
    let items = items(&shop).await;
    assert_eq!((items.len(), items[0].whole_short), (1, false));
}

#[tokio::test(start_paused = true)]
async fn a_level_that_is_split_is_even_at_once_though_others_write_its_items() {
    let mut met = 0;
    for seed in SEEDS {
        // given a level of which everything is in its first item
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
        apply(&stock, "in", 0, &receipt("store-1", 40)).await;
        // when it is split while that item is written all the time
        let (level, policy) = (milk(), over(4));
        let splitting =
            stock.set_policy(&level, &policy, MissingLevel::Report, minute(0), within(20));
        let writing = async {
            for _ in 0..10 {
                write_again(&shop, keys::level(&level)).await;
            }
        };
        let (split, ()) = tokio::join!(splitting, writing);
        // then each item has its share
        assert_eq!(split.unwrap().unwrap().on_hand, 40);
        let on_hand: Vec<i64> = items(&shop).await.iter().map(|item| item.on_hand).collect();
        assert_eq!(on_hand, [10; 4], "seed {seed}");
        met += conflicts(&database);
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_a_level_that_is_even_is_answered_at_once() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let stock = split_milk(&database, &shop, 40).await;
    let begun = Instant::now();
    let again = stock
        .set_policy(
            &milk(),
            &over(4),
            MissingLevel::Report,
            minute(0),
            within(20),
        )
        .await;
    assert_eq!(again.unwrap().unwrap().on_hand, 40);
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
}
