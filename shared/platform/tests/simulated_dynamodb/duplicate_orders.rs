//! An order is placed once despite duplicates and lost requests or responses.

use std::time::Duration;

use futures::future::join_all;
use stockline_application::deadline::Deadline;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_domain::order::Order;
use stockline_testkit::conformance::orders::{StockedOrders, request};
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::{Fault, FaultRates};

use crate::test_store::{SEEDS, TestStore};

fn within_five() -> Deadline {
    Deadline::within(Duration::from_secs(5))
}

/// Sends `sale` twice, `delay_ms` apart. Returns both results, `Placed` first.
async fn send_twice(store: &TestStore, sale: &Order, delay_ms: u64) -> Vec<PlaceOutcome> {
    let request = request("a");
    let results = join_all([0, delay_ms].map(async |delay_ms| {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        OrderStore::place(&store.shop, sale, &request, within_five()).await
    }));
    let mut placements: Vec<PlaceOutcome> = results.await.into_iter().map(Result::unwrap).collect();
    placements.sort_by_key(|placement| *placement != PlaceOutcome::Placed);
    placements
}

#[tokio::test(start_paused = true)]
async fn concurrent_duplicates_place_one_order() {
    for seed in SEEDS {
        // given stock for exactly one order: a duplicate that checked only the level would be short
        let store = TestStore::with_milk(seed, 2).await;
        let sale = order("once", "store-1", "pos", &[("milk", 2)]);
        let placements = send_twice(&store, &sale, seed + 1).await;
        let replayed = PlaceOutcome::Replayed(Box::new(sale));
        assert_eq!(placements, [PlaceOutcome::Placed, replayed], "seed {seed}");
        assert_eq!(store.shop.level_of("store-1", "milk").await, (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_duplicates_across_buckets_place_one_order() {
    for seed in 0..200 {
        // given a split level with stock for one such order, but not for two
        let store = TestStore::with_split_milk(seed, 40).await;
        let sale = order("once", "store-1", "pos", &[("milk", 25)]);
        // when the order is sent twice
        let placements = send_twice(&store, &sale, seed % 50).await;
        // then neither result is short
        let replayed = PlaceOutcome::Replayed(Box::new(sale));
        assert_eq!(placements, [PlaceOutcome::Placed, replayed], "seed {seed}");
        assert_eq!(store.level().await.on_hand, 15);
    }
}

#[tokio::test(start_paused = true)]
async fn retried_orders_are_placed_once_despite_faults() {
    for seed in SEEDS {
        // given a service that loses 10% of requests and of responses, and returns errors
        let store = TestStore::with_milk(seed, 1000).await;
        store.database.set_fault_rates(FaultRates {
            requests_lost: 100,
            responses_lost: 100,
            errors_before: 20,
            errors_after: 20,
        });
        // when a till retries each order until there is a response
        for number in 0..30 {
            let sale = order(&number.to_string(), "store-1", "pos", &[("milk", 1)]);
            while OrderStore::place(&store.shop, &sale, &request("a"), within_five())
                .await
                .is_err()
            {}
        }
        // then each order is placed once
        store.database.set_fault_rates(FaultRates::default());
        assert_eq!(store.shop.level_of("store-1", "milk").await, (970, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn order_with_a_lost_response_takes_stock_once() {
    let store = TestStore::with_milk(1, 10).await;
    let sale = order("lost", "store-1", "pos", &[("milk", 3)]);
    store
        .database
        .fail_next("TransactWriteItems", Fault::ResponseLost);
    store.place(&sale).await;
    assert_eq!(store.shop.level_of("store-1", "milk").await, (7, 0));
}
