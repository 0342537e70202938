//! Replenishment of a level that sells continuously, and receipts whose responses are lost.

use std::time::Duration;

use serde_json::json;
use stockline_application::deadline::Deadline;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::replenishment::{
    CancelOutcome, CancelRequest, ReplenishOutcome, cancel_order, replenish,
};
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::level::ReorderPolicy;
use stockline_domain::replenishment::{ReplenishmentOrder, ReplenishmentState};
use stockline_domain::stock_change::RequestedChange;
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::conformance::stock::{change, receipt};
use stockline_testkit::simulated_dynamodb::{Fault, FaultRates};
use tokio::time::sleep;

use crate::hot_levels::sell_during;
use crate::test_store::{SEEDS, TestStore, milk_key};

/// A store whose milk is far below its target level, split over `buckets`.
async fn low_store(seed: u64, on_hand: i64, buckets: u8) -> TestStore {
    let store = TestStore::new(seed);
    let opening = receipt("store-1", on_hand);
    let opened = store.send_change("opening", &opening, minute(1)).await;
    assert!(matches!(opened, Ok(ChangeOutcome::Applied(_))));
    let policy = json!({"reorder_point": 20_000, "target_level": 30_000, "order_multiple": 100_000,
        "buckets": buckets});
    let policy: ReorderPolicy = serde_json::from_value(policy).unwrap();
    store.set_policy(&policy, minute(1)).await.unwrap();
    store
}

fn low_alert() -> StockAlert {
    let milk = milk_key();
    StockAlert {
        location_id: milk.location_id,
        sku: milk.sku,
        kind: AlertKind::Low,
        severity: AlertKind::Low.severity(),
        available: 1,
        reorder_point: Some(20_000),
        level_version: 2,
    }
}

/// Handles the alert until it is done, as redelivery does. Returns the order, which the first handling places.
async fn place_order(store: &TestStore) -> ReplenishmentOrder {
    for _ in 0..20 {
        let _ = replenish(&store.stock, &low_alert(), minute(2), deadline()).await;
        let status = store.stock.status(&milk_key(), deadline()).await;
        let Ok(Some(status)) = status else { continue };
        if let Some(open) = status.cycle.open_order {
            return store.stock.find_order(open).await.unwrap().unwrap();
        }
    }
    panic!("no order is placed")
}

fn receipt_of(order: &ReplenishmentOrder, quantity: i64) -> RequestedChange {
    change(
        json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity,
        "replenishment_order_id": order.replenishment_order_id}),
    )
}

#[tokio::test(start_paused = true)]
async fn hot_level_is_ordered_once_and_received_exactly() {
    for buckets in [1, 4, 16] {
        // given a level that sells faster than a split level can be read and written in one transaction
        let store = low_store(1, 10_000, buckets).await;
        let sold = sell_during(&store, if buckets == 1 { 60 } else { 300 }, async {
            sleep(Duration::from_secs(1)).await;
            // when its alert is handled three times
            let alert = low_alert();
            // As long as the function retries conflicts of one alert.
            let deadline = Deadline::within(Duration::from_millis(2500));
            let handle = || replenish(&store.stock, &alert, minute(2), deadline);
            let handled = tokio::join!(handle(), handle(), handle());
            let placed = [handled.0, handled.1, handled.2]
                .into_iter()
                .filter(|outcome| matches!(outcome, Ok(ReplenishOutcome::Placed(_))))
                .count();
            assert_eq!(placed, 1, "{buckets} buckets");
            assert_eq!(store.level().await.incoming, 100_000);
            // and the goods arrive in two parts, each reported twice
            let order = place_order(&store).await;
            for (name, quantity, incoming) in [("1", 30_000, 70_000), ("2", 70_000, 0)] {
                let receipt = receipt_of(&order, quantity);
                let first = store.send_change(name, &receipt, minute(1)).await;
                assert!(matches!(first, Ok(ChangeOutcome::Applied(_))), "{first:?}");
                let again = store.send_change(name, &receipt, minute(1)).await;
                assert!(
                    matches!(again, Ok(ChangeOutcome::AlreadyApplied(_))),
                    "{again:?}"
                );
                assert_eq!(store.level().await.incoming, incoming, "{buckets} buckets");
            }
            let order = store.stock.find_order(order.replenishment_order_id).await;
            let order = order.unwrap().unwrap();
            assert_eq!(order.state, ReplenishmentState::Received);
            assert_eq!(order.received_quantity, 100_000);
        });
        // then nothing that was sold or received is lost
        let sold = Box::pin(sold).await;
        assert_eq!(store.level().await.on_hand, 110_000 - sold);
    }
}

#[tokio::test(start_paused = true)]
async fn receipt_with_lost_responses_counts_once() {
    for fault in [Fault::ResponseLost, Fault::ErrorAfter] {
        let store = low_store(1, 10, 1).await;
        let order = place_order(&store).await;
        let receipt = receipt_of(&order, 100_000);
        // As many as the SDK sends: the outcome is unknown, and the caller repeats the request.
        for _ in 0..3 {
            store.database.fail_next("TransactWriteItems", fault);
        }
        store
            .send_change("lost", &receipt, minute(3))
            .await
            .unwrap_err();
        let again = store.send_change("lost", &receipt, minute(3)).await;
        assert!(
            matches!(again, Ok(ChangeOutcome::AlreadyApplied(_))),
            "{again:?}"
        );
        let level = store.level().await;
        assert_eq!((level.on_hand, level.incoming), (100_010, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn receipts_under_faults_leave_incoming_exact() {
    for seed in SEEDS {
        let store = low_store(seed, 10, 4).await;
        store.database.set_fault_rates(FaultRates {
            requests_lost: 50,
            responses_lost: 100,
            errors_before: 50,
            errors_after: 100,
        });
        let order = place_order(&store).await;
        let receive = async |name: &str| {
            let receipt = receipt_of(&order, 20_000);
            for _ in 0..50 {
                if store.send_change(name, &receipt, minute(3)).await.is_ok() {
                    return;
                }
            }
            panic!("receipt {name} is not applied after 50 attempts");
        };
        // Three receipts, each sent by two callers at once.
        tokio::join!(
            receive("1"),
            receive("1"),
            receive("2"),
            receive("2"),
            receive("3"),
            receive("3")
        );
        store.database.set_fault_rates(FaultRates::default());
        let level = store.level().await;
        assert_eq!((level.on_hand, level.incoming), (60_010, 40_000));
        let order = store.stock.find_order(order.replenishment_order_id).await;
        assert_eq!(order.unwrap().unwrap().received_quantity, 60_000);
    }
}

#[tokio::test(start_paused = true)]
async fn order_of_a_repaired_level_can_be_canceled() {
    for (stored, left) in [(7, 0), (0, 0), (100_007, 7)] {
        // given a level whose incoming was altered by hand after 100,000 were ordered
        let store = low_store(1, 10, 4).await;
        let order = place_order(&store).await;
        store.set_incoming(stored).await;
        // when the order is canceled
        let request = CancelRequest {
            order: order.replenishment_order_id,
            caller: &manager(),
            at: minute(3),
            deadline: deadline(),
        };
        let canceled = cancel_order(&store.stock, request).await.unwrap();
        // then the level expects nothing of it
        assert!(
            matches!(canceled, CancelOutcome::Canceled(_)),
            "{canceled:?}"
        );
        assert_eq!(store.level().await.incoming, left);
    }
}

fn manager() -> Caller {
    Caller {
        subject: "ana".to_owned(),
        role: Role::StoreManager,
        locations: Locations::All,
        controller: None,
    }
}
