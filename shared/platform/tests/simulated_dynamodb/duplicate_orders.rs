//! However often an order comes, and whatever is lost on the way, it is placed once.

use std::time::Duration;

use futures::future::join_all;
use stockline_domain::order::Order;
use stockline_platform::deadline::Deadline;
use stockline_platform::ports::orders::{OrderStore, Placement};
use stockline_testkit::conformance::orders::{StockedOrders, request};
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::{Fault, FaultRates};

use crate::store::{SEEDS, Store};

fn within_five() -> Deadline {
    Deadline::within(Duration::from_secs(5))
}

/// What is answered to `sale` and to a copy that comes so many milliseconds later: first that it is placed, where it is.
async fn sent_twice(store: &Store, sale: &Order, apart: u64) -> Vec<Placement> {
    let request = request("a");
    let placed = join_all([0, apart].map(async |later| {
        tokio::time::sleep(Duration::from_millis(later)).await;
        OrderStore::place(&store.shop, sale, &request, within_five()).await
    }));
    let mut placed: Vec<Placement> = placed.await.into_iter().map(Result::unwrap).collect();
    placed.sort_by_key(|placement| *placement != Placement::Placed);
    placed
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_overlaps_its_first_is_one_order() {
    for seed in SEEDS {
        // just enough for one: a duplicate that only looked at the level would be told that it is short
        let store = Store::of_milk(seed, 2).await;
        let sale = order("once", "store-1", "pos", &[("milk", 2)]);
        let placed = sent_twice(&store, &sale, seed + 1).await;
        let again = Placement::Replayed(Box::new(sale));
        assert_eq!(placed, [Placement::Placed, again], "seed {seed}");
        assert_eq!(store.shop.level_of("store-1", "milk").await, (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_an_order_that_no_bucket_has_enough_for_is_one_order() {
    for seed in 0..200 {
        // given a level that is split, with enough for one such order and not for two
        let store = Store::of_split_milk(seed, 40).await;
        let sale = order("once", "store-1", "pos", &[("milk", 25)]);
        // when it is sent twice
        let placed = sent_twice(&store, &sale, seed % 50).await;
        // then neither is told that it is short
        let again = Placement::Replayed(Box::new(sale));
        assert_eq!(placed, [Placement::Placed, again], "seed {seed}");
        assert_eq!(store.level().await.on_hand, 15);
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_lost_on_the_way_no_order_is_placed_twice() {
    for seed in SEEDS {
        // given a service that loses a tenth of all requests and of all responses, and fails now and then
        let store = Store::of_milk(seed, 1000).await;
        store.database.set_fault_rates(FaultRates {
            requests_lost: 100,
            responses_lost: 100,
            errors_before: 20,
            errors_after: 20,
        });
        // when a till asks until it is answered
        for number in 0..30 {
            let sale = order(&number.to_string(), "store-1", "pos", &[("milk", 1)]);
            while OrderStore::place(&store.shop, &sale, &request("a"), within_five())
                .await
                .is_err()
            {}
        }
        // then it has its orders, each once
        store.database.set_fault_rates(FaultRates::default());
        assert_eq!(store.shop.level_of("store-1", "milk").await, (970, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_response_is_lost_after_the_commit_takes_its_goods_once() {
    let store = Store::of_milk(1, 10).await;
    let sale = order("lost", "store-1", "pos", &[("milk", 3)]);
    store
        .database
        .fail_next("TransactWriteItems", Fault::ResponseLost);
    store.place(&sale).await;
    assert_eq!(store.shop.level_of("store-1", "milk").await, (7, 0));
}
