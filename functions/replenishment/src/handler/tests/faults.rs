//! Lost responses, conflicts and concurrent deliveries on the simulated DynamoDB place one order.

use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{Fault, FaultRates, SimulatedDynamoDb};

use super::*;

pub(super) fn store(database: &SimulatedDynamoDb) -> DynamoStock {
    let table = database.create_table(Table::Stock);
    DynamoStock::new(database.aws().dynamodb(), table)
}

/// A message that fails is delivered again, until it is done. Returns the number of deliveries.
async fn deliver(replenishment: &Replenishment<DynamoStock, FakeClock>) -> usize {
    for delivery in 1..=20 {
        if replenishment.record(record(alert("store-1", 2))).await == RecordOutcome::Done {
            return delivery;
        }
    }
    panic!("the alert is not handled after 20 deliveries");
}

async fn assert_one_order(store: &DynamoStock) {
    let page = Page {
        limit: 100,
        after: None,
    };
    let location = "store-1".parse().unwrap();
    let listed = store.list_orders(&location, None, page).await;
    let listed = listed.unwrap().items;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let level = store.find(&key("store-1", "milk")).await.unwrap();
    assert_eq!(level.unwrap().incoming, 36);
}

#[tokio::test(start_paused = true)]
async fn delivery_with_lost_responses_places_one_order() {
    for fault in [Fault::ResponseLost, Fault::ErrorAfter, Fault::RequestLost] {
        let database = SimulatedDynamoDb::new(1);
        let store = store(&database);
        stock_milk(&store, "store-1", 4).await;
        // As many as the SDK sends, so that the whole delivery fails.
        for _ in 0..3 {
            database.fail_next("TransactWriteItems", fault);
        }
        let clock = FakeClock::at("2026-03-01T12:00:00Z");
        let replenishment = Replenishment::new(store.clone(), clock);
        assert_eq!(deliver(&replenishment).await, 2, "{fault:?}");
        assert_one_order(&store).await;
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_deliveries_under_faults_place_one_order() {
    for seed in 0..20 {
        let database = SimulatedDynamoDb::new(seed);
        let store = store(&database);
        stock_milk(&store, "store-1", 4).await;
        database.set_fault_rates(FaultRates {
            requests_lost: 50,
            responses_lost: 100,
            errors_before: 50,
            errors_after: 100,
        });
        let clock = FakeClock::at("2026-03-01T12:00:00Z");
        let replenishment = Replenishment::new(store.clone(), clock);
        tokio::join!(
            deliver(&replenishment),
            deliver(&replenishment),
            deliver(&replenishment)
        );
        database.set_fault_rates(FaultRates::default());
        assert_one_order(&store).await;
    }
}
