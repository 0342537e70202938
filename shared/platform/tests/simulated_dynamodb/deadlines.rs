//! Behaviour of orders at their deadline, and of the rebalance after an order is committed.

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

use crate::test_store::TestStore;

#[tokio::test(start_paused = true)]
async fn order_past_its_deadline_is_busy_and_not_placed() {
    // given 40 concurrent orders of the same two levels, with deadlines of a few transactions
    let store = TestStore::with_milk(3, 1000).await;
    store.put_level("bread", 1000).await;
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
    // then some orders are placed, the others are busy, and the levels match the stored orders
    let busy = placed
        .iter()
        .filter(|placed| matches!(placed, Err(StoreError::Busy)))
        .count();
    let committed = placed
        .iter()
        .filter(|placed| matches!(placed, Ok(PlaceOutcome::Placed)))
        .count();
    assert_eq!(busy + committed, 40);
    assert!(busy > 0 && committed > 0, "{busy} busy, {committed} placed");
    let remaining = 1000 - i64::try_from(committed).unwrap();
    for sku in ["milk", "bread"] {
        assert_eq!(store.shop.level_of("store-1", sku).await, (remaining, 0));
    }
    assert_eq!(store.database.items("simulated-orders").len(), committed);
}

#[tokio::test(start_paused = true)]
async fn throttled_order_waits_within_its_deadline() {
    // given a level whose partition has four write units per second, enough for two orders
    let throughput = Throughput {
        writes: 4,
        ..Throughput::default()
    };
    let database = SimulatedDynamoDb::with_limits(5, Timing::default(), throughput);
    let store = TestStore::with_database(database);
    store.put_level("milk", 10).await;
    // when three orders arrive one after the other, and then a fourth with a deadline of 50 ms
    let started_at = Instant::now();
    for key in ["a", "b", "c"] {
        let sale = order(key, "store-1", "pos", &[("milk", 1)]);
        store.place(&sale).await;
    }
    let elapsed = started_at.elapsed();
    let urgent = order("d", "store-1", "pos", &[("milk", 1)]);
    let deadline = Deadline::within(Duration::from_millis(50));
    let result = OrderStore::place(&store.shop, &urgent, &request("a"), deadline).await;
    // then the third order waited for capacity, and the fourth is busy
    assert!(elapsed > Duration::from_millis(200), "{elapsed:?}");
    assert!(matches!(result, Err(StoreError::Busy)), "{result:?}");
    assert_eq!(store.shop.level_of("store-1", "milk").await, (7, 0));
}

#[tokio::test(start_paused = true)]
async fn committed_order_responds_during_a_hanging_rebalance() {
    let hang = Fault::Delay(Duration::from_hours(1));
    let no_delay = Fault::Delay(Duration::ZERO);
    // given an order that exceeds one bucket: its transactions are canceled, committed, and a rebalance
    let writes = ("TransactWriteItems", vec![no_delay, no_delay, hang]);
    // it reads the level to plan, and again to rebalance
    let reads = ("TransactGetItems", vec![no_delay, hang]);
    for (operation, faults) in [writes, reads] {
        for seconds in [1, 10] {
            let store = TestStore::with_split_milk(1, 40).await;
            let before = store.requests_sent(operation);
            // when the last of these requests hangs
            for fault in &faults {
                store.database.fail_next(operation, *fault);
            }
            let sale = order("a", "store-1", "pos", &[("milk", 25)]);
            let started_at = Instant::now();
            let (request, timeout) = (request("a"), Duration::from_secs(seconds));
            let deadline = Deadline::within(timeout);
            let placing = OrderStore::place(&store.shop, &sale, &request, deadline);
            let placed = tokio::time::timeout(timeout, placing).await;
            // then the order is reported as placed within 600 ms
            assert_eq!(
                placed.unwrap().unwrap(),
                PlaceOutcome::Placed,
                "{operation}"
            );
            assert!(started_at.elapsed() < Duration::from_millis(600));
            assert_eq!(store.requests_sent(operation) - before, faults.len() as u64);
            let level = store.level().await;
            assert_eq!((level.on_hand, level.allocated), (15, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn order_committed_near_its_deadline_skips_rebalancing() {
    // given a split level without enough in any bucket, and a deadline of 250 ms
    let store = TestStore::with_split_milk(1, 40).await;
    let requests = || {
        let operations = ["TransactWriteItems", "GetItem", "TransactGetItems"];
        operations.map(|operation| store.requests_sent(operation))
    };
    let before = requests();
    let sale = order("a", "store-1", "pos", &[("milk", 25)]);
    let deadline = Deadline::within(Duration::from_millis(250));
    let placed = OrderStore::place(&store.shop, &sale, &request("a"), deadline).await;
    // then the order is placed with only its two transactions and the read between them
    assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
    let after = requests();
    assert_eq!(
        [0, 1, 2].map(|index| after[index] - before[index]),
        [2, 0, 1]
    );
}
