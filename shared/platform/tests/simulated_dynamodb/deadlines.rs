//! What is done while there is time, and what is answered when there is none left.

use std::time::Duration;

use futures::future::join_all;
use stockline_application::deadline::Deadline;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::store_error::StoreError;
use stockline_domain::order::Order;
use stockline_testkit::conformance::orders::{StockedOrders, request};
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::{Fault, SimulatedDynamoDb, Throughput, Timing};
use tokio::time::Instant;

use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_is_answered_busy_and_nothing_is_half_done() {
    // given a level that many want, and callers who wait no longer than a transaction takes
    let store = Store::of_milk(3, 1000).await;
    store.put("bread", 1000).await;
    let orders: Vec<Order> = (0..40)
        .map(|number| {
            order(
                &number.to_string(),
                "store-1",
                "pos",
                &[("milk", 1), ("bread", 1)],
            )
        })
        .collect();
    let request = request("a");
    let placed = join_all(orders.iter().map(|order| {
        let deadline = Deadline::within(Duration::from_millis(60));
        OrderStore::place(&store.shop, order, &request, deadline)
    }))
    .await;
    // then some were placed, the rest is told to come again, and the levels agree with the orders that are there
    let busy = placed
        .iter()
        .filter(|placed| matches!(placed, Err(StoreError::Busy)))
        .count();
    let done = placed
        .iter()
        .filter(|placed| matches!(placed, Ok(PlaceOutcome::Placed)))
        .count();
    assert_eq!(busy + done, 40);
    assert!(busy > 0 && done > 0, "{busy} busy, {done} placed");
    let left = 1000 - i64::try_from(done).unwrap();
    for sku in ["milk", "bread"] {
        assert_eq!(store.shop.level_of("store-1", sku).await, (left, 0));
    }
    assert_eq!(store.database.items("simulated-orders").len(), done);
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_units_is_waited_for() {
    // given a level whose partition gives four write units a second, two orders' worth
    let throughput = Throughput {
        writes: 4,
        ..Throughput::default()
    };
    let database = SimulatedDynamoDb::with(5, Timing::default(), throughput);
    let store = Store::on(database);
    store.put("milk", 10).await;
    // when three orders come, one after the other, and a fourth that cannot wait
    let begun = Instant::now();
    for key in ["a", "b", "c"] {
        let sale = order(key, "store-1", "pos", &[("milk", 1)]);
        store.place(&sale).await;
    }
    let waited = begun.elapsed();
    let hasty = order("d", "store-1", "pos", &[("milk", 1)]);
    let deadline = Deadline::within(Duration::from_millis(50));
    let refused = OrderStore::place(&store.shop, &hasty, &request("a"), deadline).await;
    // then the third waited for its units, and the fourth is told to come again
    assert!(waited > Duration::from_millis(200), "{waited:?}");
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    assert_eq!(store.shop.level_of("store-1", "milk").await, (7, 0));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_committed_is_answered_however_long_evening_its_level_out_takes() {
    let never = Fault::Delay(Duration::from_hours(1));
    let at_once = Fault::Delay(Duration::ZERO);
    // given an order that finds too little in one bucket: a transaction in vain, one that commits, and one that evens out
    let writes = ("TransactWriteItems", vec![at_once, at_once, never]);
    // which reads the level to plan, and again to even it out
    let reads = ("TransactGetItems", vec![at_once, never]);
    for (operation, faults) in [writes, reads] {
        for seconds in [1, 10] {
            let store = Store::of_split_milk(1, 40).await;
            let before = store.sent(operation);
            // when that hangs at the last of them
            for fault in &faults {
                store.database.fail_next(operation, *fault);
            }
            let sale = order("a", "store-1", "pos", &[("milk", 25)]);
            let begun = Instant::now();
            let (request, patience) = (request("a"), Duration::from_secs(seconds));
            let deadline = Deadline::within(patience);
            let placing = OrderStore::place(&store.shop, &sale, &request, deadline);
            let placed = tokio::time::timeout(patience, placing).await;
            // then the till is told that the order is placed, and soon
            assert_eq!(
                placed.unwrap().unwrap(),
                PlaceOutcome::Placed,
                "{operation}"
            );
            assert!(begun.elapsed() < Duration::from_millis(600));
            assert_eq!(store.sent(operation) - before, faults.len() as u64);
            let left = store.level().await;
            assert_eq!((left.on_hand, left.allocated), (15, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_committed_at_the_last_moment_evens_nothing_out() {
    // given a split level of which no bucket has enough, and a caller who waits a quarter of a second
    let store = Store::of_split_milk(1, 40).await;
    let requests = || {
        let operations = ["TransactWriteItems", "GetItem", "TransactGetItems"];
        operations.map(|operation| store.sent(operation))
    };
    let before = requests();
    let sale = order("a", "store-1", "pos", &[("milk", 25)]);
    let deadline = Deadline::within(Duration::from_millis(250));
    let placed = OrderStore::place(&store.shop, &sale, &request("a"), deadline).await;
    // then it is placed with the two transactions it needs, and what it reads between them
    assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
    let after = requests();
    assert_eq!(
        [0, 1, 2].map(|place| after[place] - before[place]),
        [2, 0, 1]
    );
}
