//! A policy splits a level over several buckets, which share the state of the whole level.

use std::time::Duration;

use futures::future::join_all;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::level::MovementKind;
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::{apply, receipt};
use stockline_testkit::simulated_dynamodb::Fault;
use tokio::time::Instant;

use crate::test_store::{SEEDS, TestStore, damage_change, policy_with_buckets};

impl TestStore {
    async fn on_hand_per_bucket(&self) -> Vec<i64> {
        let items = self.bucket_items().await;
        items.iter().map(|item| item.on_hand).collect()
    }

    /// Returns `whole_short` of each bucket: whether more is allocated from the whole level than is on hand.
    async fn whole_short_per_bucket(&self) -> Vec<bool> {
        let items = self.bucket_items().await;
        items.iter().map(|item| item.whole_short).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn policy_creates_a_split_level_before_any_receipt() {
    let store = TestStore::new(1);
    let policy = policy_with_buckets(4);
    let created = store.set_or_create_policy(&policy, minute(0)).await;
    assert_eq!(created.version, 4);
    apply(&store.stock, "in", 0, &receipt("store-1", 40)).await;
    assert_eq!(store.on_hand_per_bucket().await, [10; 4]);
}

#[tokio::test(start_paused = true)]
async fn split_of_a_short_level_marks_every_bucket_short() {
    // given a level with more allocated than on hand
    let store = TestStore::new(1);
    apply(&store.stock, "in", 0, &receipt("store-1", 4)).await;
    store.place_online(4).await;
    apply(&store.stock, "in", 1, &damage_change(1)).await;
    // when it is split
    let split = store.set_policy(&policy_with_buckets(4), minute(0)).await;
    assert_eq!(split.unwrap().unwrap().available(), -1);
    // then every bucket is marked, so that none sells units that another bucket owes
    assert_eq!(store.whole_short_per_bucket().await, [true; 4]);
}

#[tokio::test(start_paused = true)]
async fn level_turning_short_during_a_split_marks_all_buckets() {
    // given a level that is allocated completely
    let store = TestStore::new(1);
    apply(&store.stock, "in", 0, &receipt("store-1", 4)).await;
    store.place_online(4).await;
    // when it is split, and one unit becomes damaged before the split is written
    let policy = policy_with_buckets(4);
    let slow = Fault::Delay(Duration::from_secs(1));
    store.database.fail_next("TransactWriteItems", slow);
    let splitting = store.set_policy(&policy, minute(0));
    let breaking = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        apply(&store.stock, "in", 1, &damage_change(1)).await;
    };
    let (split, ()) = tokio::join!(splitting, breaking);
    // then every bucket is marked, so that none sells units that another bucket owes
    assert_eq!(split.unwrap().unwrap().available(), -1);
    assert_eq!(store.whole_short_per_bucket().await, [true; 4]);
}

#[tokio::test(start_paused = true)]
async fn policy_without_a_split_leaves_whole_short_unset() {
    let store = TestStore::new(1);
    apply(&store.stock, "in", 0, &receipt("store-1", 4)).await;
    store.place_online(4).await;
    apply(&store.stock, "in", 1, &damage_change(1)).await;
    let set = store.set_policy(&policy_with_buckets(1), minute(0)).await;
    assert_eq!(set.unwrap().unwrap().policy, Some(policy_with_buckets(1)));
    assert_eq!(store.whole_short_per_bucket().await, [false]);
}

#[tokio::test(start_paused = true)]
async fn split_balances_the_level_despite_concurrent_writes() {
    let mut conflicts = 0;
    for seed in SEEDS {
        // given a level with all stock in its first bucket
        let store = TestStore::new(seed);
        apply(&store.stock, "in", 0, &receipt("store-1", 40)).await;
        // when it is split while that bucket is written continuously
        let policy = policy_with_buckets(4);
        let splitting = store.set_policy(&policy, minute(0));
        let writing = async {
            for _ in 0..10 {
                store.bump_version(0).await;
            }
        };
        let (split, ()) = tokio::join!(splitting, writing);
        // then each bucket has its share
        assert_eq!(split.unwrap().unwrap().on_hand, 40);
        let on_hand = store.on_hand_per_bucket().await;
        assert_eq!(on_hand, [10; 4], "seed {seed}");
        conflicts += store.transaction_conflicts();
    }
    assert!(conflicts > 0, "no transaction conflict occurred");
}

#[tokio::test(start_paused = true)]
async fn policy_of_a_balanced_level_responds_immediately() {
    let store = TestStore::with_split_milk(1, 40).await;
    let started_at = Instant::now();
    let result = store.set_policy(&policy_with_buckets(4), minute(0)).await;
    assert_eq!(result.unwrap().unwrap().on_hand, 40);
    let elapsed = started_at.elapsed();
    assert!(elapsed < Duration::from_millis(200), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn receipt_into_one_bucket_is_rebalanced_afterwards() {
    let mut rebalanced = 0;
    for seed in 0..20 {
        // given a level whose buckets are written too often to update all of them in one transaction
        let store = TestStore::with_split_milk(seed, 40).await;
        let writing = join_all((0..4).map(async |bucket| {
            for _ in 0..20 {
                store.bump_version(bucket).await;
            }
        }));
        // when a receipt arrives during these writes
        let receipt = receipt("store-1", 100);
        let (received, _) = tokio::join!(store.send_change("in", &receipt, minute(1)), writing);
        assert!(
            matches!(received, Ok(ChangeOutcome::Applied(_))),
            "{received:?}"
        );
        // then each bucket has its share
        let on_hand = store.on_hand_per_bucket().await;
        assert_eq!(on_hand, [35; 4], "seed {seed}");
        let last_changes = store
            .bucket_items()
            .await
            .into_iter()
            .filter_map(|item| item.last_change);
        rebalanced += usize::from(
            last_changes
                .map(|change| change.kind)
                .any(|kind| kind == MovementKind::Rebalance),
        );
    }
    assert!(
        rebalanced > 0,
        "the receipt never went into a single bucket"
    );
}
