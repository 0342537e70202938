//! Audits and repairs of levels, also while orders change them.

use std::time::Duration;

use stockline_application::ports::audit_data::RepairOutcome;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_domain::explanation::{HoldingOrders, explain};
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::keys;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::orders::order;

use crate::test_store::{TestStore, milk_key};

#[tokio::test(start_paused = true)]
async fn excess_allocation_is_confirmed_during_sales() {
    let store = TestStore::new(1);
    store.receive(1000, minute(0)).await;
    // given seven units allocated without an order, and a sale every second
    store.allocate_seven_without_order().await;
    let selling = async {
        for number in 0.. {
            store.sell(&number.to_string(), minute(1), minute(1)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    // when an audit runs
    let findings = tokio::select! {
        () = selling => Vec::new(),
        findings = store.findings("2026-03-01T12:02:00Z") => findings,
    };
    // then it confirms the difference, because every observation shows the same one
    assert!(
        findings.iter().any(|finding| finding.confirmed),
        "{} unconfirmed findings",
        findings.len()
    );
}

#[tokio::test(start_paused = true)]
async fn consistent_audit_data_is_read_once() {
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    store.place_online(7).await;
    // given open orders, a level and movements that agree
    store.database.take_bill();
    assert_eq!(store.findings("2026-03-02T12:00:00Z").await, []);
    let bill = store.database.take_bill().to_string();
    assert_eq!(bill, "0 | 3 | 4: `BatchGetItem`, 3 `Query`");
    // when they disagree
    store.allocate_seven_without_order().await;
    store.database.take_bill();
    assert_eq!(store.findings("2026-03-02T12:00:00Z").await.len(), 1);
    // then everything but the list of SKUs is read again for each observation, a level in one item once each time
    let bill = store.database.take_bill().to_string();
    assert_eq!(bill, "0 | 11 | 13: 6 `BatchGetItem`, 7 `Query`");
}

#[tokio::test(start_paused = true)]
async fn repaired_short_bucket_stops_sales_of_the_level() {
    for seed in 0..8 {
        // given a level in two buckets with three available, which lost three units without a movement, and a repair
        let store = TestStore::new(seed);
        store.receive(10, minute(0)).await;
        store.split(2, minute(0)).await;
        store.place_online(7).await;
        store.adjust_without_movement(-3).await;
        store.repair().await;
        assert_eq!(store.level().await.available(), 0);
        // when orders of one unit arrive
        store.cache_split().await;
        for number in 0..8 {
            let sale = order(&number.to_string(), "store-1", "pos", &[("milk", 1)]);
            let placed = OrderStore::place(&store.shop, &sale, &request("a"), deadline()).await;
            // then the level is short
            assert!(matches!(placed, Ok(PlaceOutcome::Short(_))), "{placed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn duplicate_repair_of_a_finding_is_applied_once() {
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    store.allocate_seven_without_order().await;
    let finding = store.findings("2026-03-02T12:00:00Z").await.remove(0);
    let audit = store.audit("2026-03-02T12:00:00Z");
    for outcome in [RepairOutcome::Repaired, RepairOutcome::Conflict] {
        let repaired = audit.repair(&finding, deadline()).await.unwrap();
        let results: Vec<RepairOutcome> = repaired.iter().map(|repair| repair.outcome).collect();
        assert_eq!(results, [outcome]);
        store.record_movements().await;
    }
    assert_eq!(store.level().await.allocated, 0);
    assert_eq!(store.findings("2026-03-02T12:01:00Z").await, []);
}

#[tokio::test(start_paused = true)]
async fn second_repair_succeeds_after_a_concurrent_sale() {
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    store.allocate_seven_without_order().await;
    store.repair().await;
    // given another excess allocation, and a sale after the audit found it
    store.allocate_seven_without_order().await;
    let finding = store.findings("2026-03-02T12:02:00Z").await.remove(0);
    store
        .sell("meanwhile", minute(24 * 60 + 3), minute(24 * 60 + 3))
        .await;
    let audit = store.audit("2026-03-02T12:04:00Z");
    let repaired = audit.repair(&finding, deadline()).await.unwrap();
    assert!(
        repaired
            .iter()
            .all(|repair| repair.outcome == RepairOutcome::Repaired),
        "{repaired:?}"
    );
    let level = store.level().await;
    assert_eq!((level.on_hand, level.allocated), (9, 0));
}

#[tokio::test(start_paused = true)]
async fn repair_skips_a_level_split_since_the_audit() {
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    store.allocate_seven_without_order().await;
    let finding = store.findings("2026-03-02T12:00:00Z").await.remove(0);
    store.split(2, minute(24 * 60)).await;
    let audit = store.audit("2026-03-02T12:01:00Z");
    let repaired = audit.repair(&finding, deadline()).await.unwrap();
    assert!(
        repaired
            .iter()
            .all(|repair| repair.outcome == RepairOutcome::Conflict),
        "{repaired:?}"
    );
    store.repair().await;
    assert_eq!(store.level().await.allocated, 0);
}

#[tokio::test(start_paused = true)]
async fn explanation_of_a_repaired_level_has_no_difference() {
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    for name in ["a", "b", "c"] {
        store.sell(name, minute(1), minute(1)).await;
    }
    // given a deleted movement, and a repair that compensates for it
    let deleted = keys::movement(&milk_key(), 0, 2);
    let delete = store.shop.client.delete_item();
    let delete = delete.table_name(&store.shop.stock_table);
    delete.set_key(Some(key_of(&deleted))).send().await.unwrap();
    store.repair().await;
    // when the level is explained
    let histories = store.stock.history(&milk_key(), deadline()).await.unwrap();
    let holders = HoldingOrders {
        is_complete: true,
        ..HoldingOrders::default()
    };
    // then the history is consistent, as in the audit
    assert_eq!(explain(&histories, holders).differences, []);
}

#[tokio::test(start_paused = true)]
async fn order_missing_from_the_index_counts_as_open() {
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    let online_order = store.place_online(7).await;
    // given an open order without an entry in the index of open orders
    store
        .shop
        .client
        .update_item()
        .table_name("simulated-orders")
        .set_key(Some(key_of(&keys::order(online_order.order_id))))
        .update_expression("REMOVE open_location")
        .condition_expression("attribute_exists(pk)")
        .send()
        .await
        .unwrap();
    // then the audit attributes the allocation to the order
    assert_eq!(store.findings("2026-03-02T12:00:00Z").await, []);
}
