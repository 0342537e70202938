//! A policy that splits a level keeps the level's history and counts, despite concurrent changes and failures.

use std::time::Duration;

use stockline_application::ports::audit_data::AuditData;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::level::{Level, MovementKind};
use stockline_platform::dynamodb::replace_level::level_item;
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::receipt;
use stockline_testkit::simulated_dynamodb::Fault;
use tokio::time::Instant;

use crate::test_store::{SEEDS, TestStore, milk_key, policy_with_buckets, second};

/// Writes three unused buckets of the level of milk, as a policy leaves them behind that writes its buckets first and then
/// fails.
async fn write_leftover_buckets(store: &TestStore, whole_short: bool) {
    for bucket in 1..4 {
        let leftover = Level {
            bucket,
            split_over: 4,
            whole_short,
            version: 1,
            ..Level::empty(&milk_key())
        };
        let put = store.shop.client.put_item();
        put.table_name(&store.shop.stock_table)
            .set_item(Some(level_item(&leftover).unwrap()))
            .send()
            .await
            .unwrap();
    }
}

/// Uploads sales of an offline till from before a count at minute 10. Checks that they leave the counted quantity unchanged.
async fn upload_sales_from_before_the_count(store: &TestStore, counted: i64) {
    store.record_movements().await;
    store.cache_split().await;
    for number in 0..8 {
        let name = number.to_string();
        store.sell(&name, minute(5), minute(30)).await;
    }
    assert_eq!(store.level().await.on_hand, counted);
}

#[tokio::test(start_paused = true)]
async fn rebalance_for_a_policy_hides_no_sale_from_a_count() {
    for seed in 0..16 {
        // given a level of ten that is split an hour after its receipt, and a sale of one unit after the split
        let store = TestStore::new(seed);
        store.receive(10, minute(0)).await;
        store.split(4, minute(60)).await;
        store.cache_split().await;
        store.sell("a", minute(60), minute(60)).await;
        // when it is split again, and then a count of ten from just before the sale is reported
        store.split(3, minute(60)).await;
        let counted = store.count(10, second(3590), second(3630)).await;
        // then nine are on hand
        assert_eq!(counted.on_hand, 9, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn rebalance_for_a_policy_has_the_time_of_the_policy() {
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    store.split(4, minute(60)).await;
    for item in store.stock.levels(&milk_key()).await.unwrap() {
        let change = item.level.last_change.unwrap();
        let recorded = (change.kind, change.recorded_at);
        assert_eq!(recorded, (MovementKind::Rebalance, minute(60)));
    }
}

#[tokio::test(start_paused = true)]
async fn unrecorded_split_is_not_a_confirmed_difference() {
    // given a level that is split after eight hours without a change
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    assert!(store.try_split(4, minute(8 * 60)).await);
    // when an audit runs before the stream records are processed
    let findings = store.findings("2026-03-01T20:00:05Z").await;
    // then it confirms no difference while the ledger may still follow
    assert!(
        findings.iter().all(|finding| !finding.confirmed),
        "{findings:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn concurrent_policy_and_first_receipt_both_succeed() {
    for buckets in [1, 4] {
        for seed in SEEDS {
            // given a location without a level of milk, and a policy and a receipt that arrive concurrently
            let store = TestStore::new(seed);
            let receipt = receipt("store-1", 10);
            let (set, received) = tokio::join!(
                async {
                    tokio::time::sleep(Duration::from_millis(2 * seed)).await;
                    let policy = policy_with_buckets(buckets);
                    store.set_or_create_policy(&policy, minute(0)).await
                },
                store.send_change("in", &receipt, minute(0))
            );
            // then both are applied, whichever creates the level
            assert!(
                matches!(received, Ok(ChangeOutcome::Applied(_))),
                "{received:?}"
            );
            assert_eq!(set.policy, Some(policy_with_buckets(buckets)));
            let level = store.level().await;
            assert_eq!(
                (level.on_hand, level.policy),
                (10, Some(policy_with_buckets(buckets)))
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failed_policy_writes_nothing() {
    let store = TestStore::new(1);
    store.receive(40, minute(0)).await;
    for _ in 0..3 {
        store
            .database
            .fail_next("TransactWriteItems", Fault::ErrorBefore);
    }
    store.database.take_changes(&store.shop.stock_table);
    assert!(!store.try_split(4, minute(0)).await);
    let changes = store.database.take_changes(&store.shop.stock_table);
    assert!(changes.is_empty(), "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn leftover_bucket_learns_of_a_later_count() {
    // given leftover buckets of a failed policy, and a count after it
    let store = TestStore::new(1);
    store.receive(40, minute(0)).await;
    write_leftover_buckets(&store, false).await;
    store.count(40, minute(10), minute(10)).await;
    // when the policy is set again
    store.split(4, minute(20)).await;
    // then the buckets carry the count
    upload_sales_from_before_the_count(&store, 40).await;
}

#[tokio::test(start_paused = true)]
async fn count_during_a_split_reaches_the_new_buckets() {
    // given a policy that has read the level, and a count before the policy is written
    let store = TestStore::new(1);
    store.receive(40, minute(0)).await;
    let slow = Fault::Delay(Duration::from_secs(1));
    store.database.fail_next("GetItem", slow);
    let counting = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        store.count(40, minute(10), minute(10)).await;
    };
    // when the policy is written
    let (is_split, ()) = tokio::join!(store.try_split(4, minute(20)), counting);
    assert!(is_split);
    // then the new buckets carry the count
    upload_sales_from_before_the_count(&store, 40).await;
}

#[tokio::test(start_paused = true)]
async fn leftover_short_bucket_does_not_delay_a_later_policy() {
    // given a short level, leftover buckets of a failed policy, and a receipt since
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    store.place_online(10).await;
    store.count(4, minute(10), minute(10)).await;
    write_leftover_buckets(&store, true).await;
    let more = receipt("store-1", 40);
    store.apply_and_record("more", &more, minute(20)).await;
    assert_eq!(store.level().await.available(), 34);
    // when the policy is set again
    let started_at = Instant::now();
    assert!(store.try_split(4, minute(30)).await);
    // then it responds without delay
    let elapsed = started_at.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
}
