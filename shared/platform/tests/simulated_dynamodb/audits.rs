//! What an audit finds while a store sells, and what a repair leaves.

use std::time::Duration;

use stockline_application::ports::audit_data::RepairOutcome;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_domain::explanation::{Holders, explain};
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::keys;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::orders::order;

use crate::store::{Store, milk};

#[tokio::test(start_paused = true)]
async fn a_fault_of_a_sku_that_sells_once_a_second_is_found() {
    let store = Store::new(1);
    store.receive(1000, minute(0)).await;
    // given seven that nobody ordered, and a sale every second
    store.promise_seven_to_nobody().await;
    let selling = async {
        for number in 0.. {
            store.sell(&number.to_string(), minute(1), minute(1)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    // when an audit looks
    let findings = tokio::select! {
        () = selling => Vec::new(),
        findings = store.findings("2026-03-01T12:02:00Z") => findings,
    };
    // then it is sure: the difference is the same at every look, whatever else moves
    assert!(
        findings.iter().any(|finding| finding.confirmed),
        "{} undecided",
        findings.len()
    );
}

#[tokio::test(start_paused = true)]
async fn books_that_add_up_are_read_once_and_others_look_by_look() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.promise(7).await;
    // given what open orders hold, the level and its movements as they should be
    store.database.take_bill();
    assert_eq!(store.findings("2026-03-02T12:00:00Z").await, []);
    let bill = store.database.take_bill().to_string();
    assert_eq!(bill, "0 | 3 | 4: `BatchGetItem`, 3 `Query`");
    // when they contradict each other
    store.promise_seven_to_nobody().await;
    store.database.take_bill();
    assert_eq!(store.findings("2026-03-02T12:00:00Z").await.len(), 1);
    // then all but the SKUs is read again until it is certain, a level of one item once a look
    let bill = store.database.take_bill().to_string();
    assert_eq!(bill, "0 | 11 | 13: 6 `BatchGetItem`, 7 `Query`");
}

#[tokio::test(start_paused = true)]
async fn a_split_level_that_was_repaired_sells_nothing_that_another_item_owes() {
    for seed in 0..8 {
        // given a level over two items with three available, of which three were lost behind the ledger's back
        let store = Store::new(seed);
        store.receive(10, minute(0)).await;
        store.split(2, minute(0)).await;
        store.promise(7).await;
        store.lose(3).await;
        store.repair().await;
        assert_eq!(store.level().await.available(), 0);
        // when somebody wants one
        store.ask_for_too_much().await;
        for number in 0..8 {
            let sale = order(&number.to_string(), "store-1", "pos", &[("milk", 1)]);
            let placed = OrderStore::place(&store.shop, &sale, &request("a"), deadline()).await;
            // then there is none
            assert!(matches!(placed, Ok(PlaceOutcome::Short(_))), "{placed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_that_repair_what_one_audit_found_repair_it_once() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.promise_seven_to_nobody().await;
    let finding = store.findings("2026-03-02T12:00:00Z").await.remove(0);
    let audit = store.audit("2026-03-02T12:00:00Z");
    for became in [RepairOutcome::Repaired, RepairOutcome::Conflict] {
        let repaired = audit.repair(&finding, deadline()).await.unwrap();
        let all: Vec<RepairOutcome> = repaired.iter().map(|one| one.became).collect();
        assert_eq!(all, [became]);
        store.tell().await;
    }
    assert_eq!(store.level().await.allocated, 0);
    assert_eq!(store.findings("2026-03-02T12:01:00Z").await, []);
}

#[tokio::test(start_paused = true)]
async fn a_level_that_was_repaired_before_is_repaired_again_though_it_sells_meanwhile() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.promise_seven_to_nobody().await;
    store.repair().await;
    // given another fault, and a sale after it was found
    store.promise_seven_to_nobody().await;
    let finding = store.findings("2026-03-02T12:02:00Z").await.remove(0);
    store
        .sell("meanwhile", minute(24 * 60 + 3), minute(24 * 60 + 3))
        .await;
    let audit = store.audit("2026-03-02T12:04:00Z");
    let repaired = audit.repair(&finding, deadline()).await.unwrap();
    assert!(
        repaired
            .iter()
            .all(|one| one.became == RepairOutcome::Repaired),
        "{repaired:?}"
    );
    let level = store.level().await;
    assert_eq!((level.on_hand, level.allocated), (9, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_found_of_a_level_that_is_split_meanwhile_is_left_for_the_next_audit() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.promise_seven_to_nobody().await;
    let finding = store.findings("2026-03-02T12:00:00Z").await.remove(0);
    store.split(2, minute(24 * 60)).await;
    let audit = store.audit("2026-03-02T12:01:00Z");
    let repaired = audit.repair(&finding, deadline()).await.unwrap();
    assert!(
        repaired
            .iter()
            .all(|one| one.became == RepairOutcome::Conflict),
        "{repaired:?}"
    );
    store.repair().await;
    assert_eq!(store.level().await.allocated, 0);
}

#[tokio::test(start_paused = true)]
async fn a_level_that_was_repaired_is_explained_without_the_gap() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    for name in ["a", "b", "c"] {
        store.sell(name, minute(1), minute(1)).await;
    }
    // given a movement that is gone, and a repair that made up for it
    let gone = keys::movement(&milk(), 0, 2);
    let delete = store.shop.client.delete_item();
    let delete = delete.table_name(&store.shop.stock_table);
    delete.set_key(Some(key_of(&gone))).send().await.unwrap();
    store.repair().await;
    // when it is asked why the level is what it is
    let histories = store.stock.history(&milk(), deadline()).await.unwrap();
    let holders = Holders {
        all_read: true,
        ..Holders::default()
    };
    // then all of it adds up, as the audit says too
    assert_eq!(explain(&histories, holders).differences, []);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_no_index_shows_holds_what_it_holds() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    let promised = store.promise(7).await;
    // given an order that lost its entry in the index
    store
        .shop
        .client
        .update_item()
        .table_name("simulated-orders")
        .set_key(Some(key_of(&keys::order(promised.order_id))))
        .update_expression("REMOVE open_location")
        .condition_expression("attribute_exists(pk)")
        .send()
        .await
        .unwrap();
    // then its promise is kept
    assert_eq!(store.findings("2026-03-02T12:00:00Z").await, []);
}
