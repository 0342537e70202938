//! A policy splits a level over several items, each of which knows what holds of the whole.

use std::time::Duration;

use futures::future::join_all;
use stockline_application::ports::stock::{ChangeOutcome, MissingLevel, StockStore};
use stockline_domain::level::MovementKind;
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::conformance::stock::{apply, receipt};
use stockline_testkit::simulated_dynamodb::Fault;
use tokio::time::Instant;

use crate::store::{SEEDS, Store, damaged, milk, over};

impl Store {
    async fn on_hand_of_each_item(&self) -> Vec<i64> {
        let items = self.items().await;
        items.iter().map(|item| item.on_hand).collect()
    }

    /// What each item says of the whole: whether more is promised of it than is left.
    async fn each_item_says_short(&self) -> Vec<bool> {
        let items = self.items().await;
        items.iter().map(|item| item.whole_short).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_level_that_its_policy_makes_is_split_before_anything_comes_in() {
    let store = Store::new(1);
    let (milk, create) = (milk(), MissingLevel::Create);
    let made = store
        .stock
        .set_policy(&milk, &over(4), create, minute(0), deadline())
        .await;
    assert_eq!(made.unwrap().unwrap().version, 4);
    apply(&store.stock, "in", 0, &receipt("store-1", 40)).await;
    assert_eq!(store.on_hand_of_each_item().await, [10; 4]);
}

#[tokio::test(start_paused = true)]
async fn every_new_item_of_a_level_that_is_short_says_so() {
    // given a level of which more is promised than is left
    let store = Store::new(1);
    apply(&store.stock, "in", 0, &receipt("store-1", 4)).await;
    store.promise(4).await;
    apply(&store.stock, "in", 1, &damaged(1)).await;
    // when it is split
    let split = store.set_policy(&over(4), minute(0)).await;
    assert_eq!(split.unwrap().unwrap().available(), -1);
    // then none of its items takes for its own what comes back
    assert_eq!(store.each_item_says_short().await, [true; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_level_that_turns_short_while_it_is_split_says_so_on_every_item() {
    // given a level of which all is promised
    let store = Store::new(1);
    apply(&store.stock, "in", 0, &receipt("store-1", 4)).await;
    store.promise(4).await;
    // when it is split, and one unit breaks before that is written
    let policy = over(4);
    let slow = Fault::Delay(Duration::from_secs(1));
    store.database.fail_next("TransactWriteItems", slow);
    let splitting = store.set_policy(&policy, minute(0));
    let breaking = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        apply(&store.stock, "in", 1, &damaged(1)).await;
    };
    let (split, ()) = tokio::join!(splitting, breaking);
    // then no item takes for its own what comes back
    assert_eq!(split.unwrap().unwrap().available(), -1);
    assert_eq!(store.each_item_says_short().await, [true; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_splits_nothing_says_nothing_of_a_whole() {
    let store = Store::new(1);
    apply(&store.stock, "in", 0, &receipt("store-1", 4)).await;
    store.promise(4).await;
    apply(&store.stock, "in", 1, &damaged(1)).await;
    let set = store.set_policy(&over(1), minute(0)).await;
    assert_eq!(set.unwrap().unwrap().policy, Some(over(1)));
    assert_eq!(store.each_item_says_short().await, [false]);
}

#[tokio::test(start_paused = true)]
async fn a_level_that_is_split_is_even_at_once_though_others_write_its_items() {
    let mut met = 0;
    for seed in SEEDS {
        // given a level of which everything is in its first item
        let store = Store::new(seed);
        apply(&store.stock, "in", 0, &receipt("store-1", 40)).await;
        // when it is split while that item is written all the time
        let policy = over(4);
        let splitting = store.set_policy(&policy, minute(0));
        let writing = async {
            for _ in 0..10 {
                store.write_again(0).await;
            }
        };
        let (split, ()) = tokio::join!(splitting, writing);
        // then each item has its share
        assert_eq!(split.unwrap().unwrap().on_hand, 40);
        let on_hand = store.on_hand_of_each_item().await;
        assert_eq!(on_hand, [10; 4], "seed {seed}");
        met += store.conflicts();
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_a_level_that_is_even_is_answered_at_once() {
    let store = Store::of_split_milk(1, 40).await;
    let begun = Instant::now();
    let again = store.set_policy(&over(4), minute(0)).await;
    assert_eq!(again.unwrap().unwrap().on_hand, 40);
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn goods_that_could_only_go_into_one_item_are_shared_out_once_they_are_there() {
    let mut met = 0;
    for seed in 0..20 {
        // given a level whose items are written too often to write all of them together
        let store = Store::of_split_milk(seed, 40).await;
        let writing = join_all((0..4).map(async |bucket| {
            for _ in 0..20 {
                store.write_again(bucket).await;
            }
        }));
        // when goods come in until that is over
        let goods = receipt("store-1", 100);
        let (received, _) = tokio::join!(store.send("in", &goods, minute(1)), writing);
        assert!(
            matches!(received, Ok(ChangeOutcome::Applied(_))),
            "{received:?}"
        );
        // then each item has its share
        let on_hand = store.on_hand_of_each_item().await;
        assert_eq!(on_hand, [35; 4], "seed {seed}");
        let last = store
            .items()
            .await
            .into_iter()
            .filter_map(|item| item.last_change);
        met += usize::from(
            last.map(|change| change.kind)
                .any(|kind| kind == MovementKind::Rebalance),
        );
    }
    assert!(met > 0, "they never had to go into one item");
}
