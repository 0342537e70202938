//! Receipts and counts of a level that sells continuously.

use std::time::Duration;

use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock::Ledger;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::order::Order;
use stockline_domain::stock_change::RequestedChange;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::conformance::stock::receipt;
use stockline_testkit::orders::order;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::test_store::{TestStore, count_change, policy_with_buckets};

/// Creates a store with 10,000 milk, split over `buckets`.
async fn store_with_buckets(buckets: u8) -> TestStore {
    let store = TestStore::new(1);
    let opening = store
        .send_change("opening", &milk_receipt(10_000), minute(1))
        .await;
    assert!(matches!(opening, Ok(ChangeOutcome::Applied(_))));
    let set = store
        .set_policy(&policy_with_buckets(buckets), minute(1))
        .await;
    set.unwrap();
    store
}

fn milk_receipt(quantity: i64) -> RequestedChange {
    receipt("store-1", quantity)
}

/// Sends orders of one unit at a constant rate until `meanwhile` completes. Returns how many were placed.
pub async fn sell_during(
    store: &TestStore,
    orders_per_second: u32,
    meanwhile: impl Future<Output = ()>,
) -> i64 {
    let mut orders = JoinSet::new();
    let selling = async {
        for number in 0.. {
            let shop = store.shop.clone();
            orders.spawn(async move {
                let name = number.to_string();
                let order = Order {
                    sold_at: minute(3),
                    placed_at: minute(3),
                    ..order(&name, "store-1", "pos", &[("milk", 1)])
                };
                OrderStore::place(&shop, &order, &request(&name), deadline()).await
            });
            sleep(Duration::from_secs(1) / orders_per_second).await;
        }
    };
    tokio::select! {
        () = selling => {}
        () = meanwhile => {}
    }
    let results = orders.join_all().await.into_iter();
    results
        .filter(|result| matches!(result, Ok(PlaceOutcome::Placed)))
        .count()
        .try_into()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn receipt_is_applied_to_a_level_with_constant_conflicts() {
    for (buckets, orders_per_second) in [(4, 300), (16, 300)] {
        // given a level that sells faster than all its buckets can be read and written in one transaction
        let store = store_with_buckets(buckets).await;
        let receipt = milk_receipt(1_000);
        let sold = sell_during(&store, orders_per_second, async {
            sleep(Duration::from_secs(1)).await;
            // when two receipts arrive, each sent twice
            for name in ["1", "2"] {
                let first = store.send_change(name, &receipt, minute(1)).await;
                assert!(matches!(first, Ok(ChangeOutcome::Applied(_))), "{first:?}");
                let duplicate = store.send_change(name, &receipt, minute(1)).await;
                assert!(
                    matches!(duplicate, Ok(ChangeOutcome::AlreadyApplied(_))),
                    "{duplicate:?}"
                );
            }
        });
        let sold = Box::pin(sold).await;
        // then each receipt is applied once
        assert_eq!(
            store.level().await.on_hand,
            12_000 - sold,
            "{buckets} buckets"
        );
    }
}

/// Records the movements of milk with a lag of 300 ms, endlessly.
async fn record_with_lag(store: &TestStore) {
    let mut last_version = 0;
    loop {
        let level = store.level().await;
        if let Some(movement) = level.movement_since(None)
            && movement.version > last_version
        {
            last_version = movement.version;
            let ledger = store.stock.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(300)).await;
                ledger.record(&movement).await.unwrap();
            });
        }
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn count_succeeds_during_sales_with_a_lagging_ledger() {
    for orders_per_second in [2, 10, 20] {
        // given a level that sells continuously
        let store = store_with_buckets(1).await;
        let counting = async {
            sleep(Duration::from_secs(1)).await;
            // when a count from before the first sale is reported
            let count = count_change(9_000, minute(2));
            let counted = store.send_change("count", &count, minute(2)).await;
            // then it is accepted, and the sales after it are subtracted
            assert!(
                matches!(counted, Ok(ChangeOutcome::Applied(_))),
                "{counted:?}"
            );
        };
        let selling = sell_during(&store, orders_per_second, counting);
        let sold = tokio::select! {
            sold = selling => sold,
            () = record_with_lag(&store) => 0,
        };
        assert!(sold > 0);
        assert_eq!(store.level().await.on_hand, 9_000 - sold);
    }
}
