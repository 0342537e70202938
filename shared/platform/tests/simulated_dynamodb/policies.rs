//! A policy that splits a level changes nothing of what the level knows, whatever comes between and whatever fails.

use std::time::Duration;

use stockline_application::ports::audit_data::AuditData;
use stockline_application::ports::stock::{ChangeOutcome, MissingLevel, StockStore};
use stockline_domain::level::{Level, MovementKind};
use stockline_platform::dynamodb::replace_level::level_item;
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::conformance::stock::receipt;
use stockline_testkit::simulated_dynamodb::Fault;
use tokio::time::Instant;

use crate::store::{SEEDS, Store, milk, over, second};

/// Three items of the level of milk, not used yet: an earlier release wrote them before the policy, and left them where
/// that failed.
async fn leave_items(store: &Store, whole_short: bool) {
    for bucket in 1..4 {
        let left = Level {
            bucket,
            split_over: 4,
            whole_short,
            version: 1,
            ..Level::empty(&milk())
        };
        let put = store.shop.client.put_item();
        put.table_name(&store.shop.stock_table)
            .set_item(Some(level_item(&left).unwrap()))
            .send()
            .await
            .unwrap();
    }
}

/// A till that was offline uploads what it sold before a count of minute 10, of which nothing shifts what was counted.
async fn upload_what_was_sold_before(store: &Store, counted: i64) {
    store.tell().await;
    store.ask_for_too_much().await;
    for number in 0..8 {
        let name = number.to_string();
        store.sell(&name, minute(5), minute(30)).await;
    }
    assert_eq!(store.level().await.on_hand, counted);
}

#[tokio::test(start_paused = true)]
async fn evening_out_for_a_policy_hides_no_sale_from_a_count() {
    for seed in 0..16 {
        // given a level of ten that is split an hour after its receipt, and one that is sold then
        let store = Store::new(seed);
        store.receive(10, minute(0)).await;
        store.split(4, minute(60)).await;
        store.ask_for_too_much().await;
        store.sell("a", minute(60), minute(60)).await;
        // when it is split otherwise, and then it is told that ten were counted just before the sale
        store.split(3, minute(60)).await;
        let counted = store.count(10, second(3590), second(3630)).await;
        // then nine are left
        assert_eq!(counted.on_hand, 9, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_evened_out_for_a_policy_is_recorded_when_the_policy_is_set() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.split(4, minute(60)).await;
    for item in store.stock.levels(&milk()).await.unwrap() {
        let change = item.level.last_change.unwrap();
        let recorded = (change.kind, change.recorded_at);
        assert_eq!(recorded, (MovementKind::Rebalance, minute(60)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_split_that_the_ledger_has_not_followed_yet_is_no_confirmed_difference() {
    // given a level that rested for eight hours, and is split now
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    assert!(store.try_split(4, minute(8 * 60)).await);
    // when an audit comes before the stream's records are through
    let findings = store.findings("2026-03-01T20:00:05Z").await;
    // then it waits for them, as it does for any movement
    assert!(
        findings.iter().all(|finding| !finding.confirmed),
        "{findings:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_and_the_first_goods_may_come_at_once() {
    for buckets in [1, 4] {
        for seed in SEEDS {
            // given a location that never had milk, for which a policy is set as its first milk comes in
            let store = Store::new(seed);
            let (milk, create) = (milk(), MissingLevel::Create);
            let goods = receipt("store-1", 10);
            let (set, received) = tokio::join!(
                async {
                    tokio::time::sleep(Duration::from_millis(2 * seed)).await;
                    let policy = over(buckets);
                    let set = store
                        .stock
                        .set_policy(&milk, &policy, create, minute(0), deadline());
                    set.await
                },
                store.send("in", &goods, minute(0))
            );
            // then both are done, whichever makes the level
            assert!(
                matches!(received, Ok(ChangeOutcome::Applied(_))),
                "{received:?}"
            );
            assert_eq!(set.unwrap().unwrap().policy, Some(over(buckets)));
            let level = store.level().await;
            assert_eq!((level.on_hand, level.policy), (10, Some(over(buckets))));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_fails_leaves_no_item_behind() {
    let store = Store::new(1);
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
async fn an_item_left_by_a_policy_that_failed_learns_of_the_count_that_came_between() {
    // given items of a policy that failed, and a count after it
    let store = Store::new(1);
    store.receive(40, minute(0)).await;
    leave_items(&store, false).await;
    store.count(40, minute(10), minute(10)).await;
    // when the policy is sent again
    store.split(4, minute(20)).await;
    // then they know of the count
    upload_what_was_sold_before(&store, 40).await;
}

#[tokio::test(start_paused = true)]
async fn a_count_that_comes_while_a_level_is_split_is_known_to_its_new_items() {
    // given a policy that has read the level, and a count before it writes
    let store = Store::new(1);
    store.receive(40, minute(0)).await;
    let slow = Fault::Delay(Duration::from_secs(1));
    store.database.fail_next("GetItem", slow);
    let counting = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        store.count(40, minute(10), minute(10)).await;
    };
    // when it comes through
    let (is_split, ()) = tokio::join!(store.try_split(4, minute(20)), counting);
    assert!(is_split);
    // then the new items know of it
    upload_what_was_sold_before(&store, 40).await;
}

#[tokio::test(start_paused = true)]
async fn an_item_left_by_a_policy_that_failed_while_the_level_was_short_keeps_no_later_policy_waiting()
 {
    // given a short level, items of a policy that failed, and goods that came in since
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.promise(10).await;
    store.count(4, minute(10), minute(10)).await;
    leave_items(&store, true).await;
    let more = receipt("store-1", 40);
    store.apply("more", &more, minute(20)).await;
    assert_eq!(store.level().await.available(), 34);
    // when the policy is sent again
    let begun = Instant::now();
    assert!(store.try_split(4, minute(30)).await);
    // then it is answered at once
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}
