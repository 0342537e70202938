//! What an audit finds while a store sells, and what a repair leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use stockline_domain::audit::Difference;
use stockline_domain::explanation::{Holders, explain};
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::FulfilOrder;
use stockline_platform::cursor::{Listing, Position};
use stockline_platform::deadline::Deadline;
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys;
use stockline_platform::ports::books::{Books, Mended};
use stockline_platform::ports::orders::{Fulfilling, OpenOrders, OrderStore, Placement, fulfil};
use stockline_platform::ports::stock::Ledger;
use stockline_platform::ports::whereabouts::Whereabouts;
use stockline_platform::stock_audit::{Finding, StockAudit};
use stockline_platform::store_error::StoreError;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::{deadline, found, minute, placed, request};
use stockline_testkit::orders::{fulfilment_id, order};
use tokio::time::Instant;

use store::{Store, milk};

#[tokio::test(start_paused = true)]
async fn a_fault_of_a_sku_that_sells_once_a_second_is_found() {
    let store = Store::new(1);
    store.receive(1000, minute(0)).await;
    // given seven that nobody ordered, and a sale every second
    let promise = store
        .shop
        .client
        .update_item()
        .table_name(&store.shop.stock_table);
    promise
        .set_key(Some(key_of(&keys::level(&milk()))))
        .update_expression("SET allocated = :seven, available = available - :seven")
        .expression_attribute_values(":seven", AttributeValue::N("7".to_owned()))
        .send()
        .await
        .unwrap();
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
async fn a_split_level_that_was_repaired_sells_nothing_that_another_item_owes() {
    for seed in 0..8 {
        // given a level over two items with three available, of which three were lost behind the ledger's back
        let store = Store::new(seed);
        store.receive(10, minute(0)).await;
        store.split(2).await;
        let online = order("online", "store-1", "online", &[("milk", 7)]);
        placed(&store.shop, &online).await;
        store.tell().await;
        let lose = store
            .shop
            .client
            .update_item()
            .table_name(&store.shop.stock_table);
        let minus = AttributeValue::N("-3".to_owned());
        lose.set_key(Some(key_of(&keys::level_bucket(&milk(), 0))))
            .update_expression("ADD on_hand :lost, available :lost")
            .expression_attribute_values(":lost", minus)
            .send()
            .await
            .unwrap();
        store.repair().await;
        assert_eq!(store.level().await.available(), 0);
        // when somebody wants one
        store.ask_for_too_much().await;
        for number in 0..8 {
            let sale = order(&number.to_string(), "store-1", "pos", &[("milk", 1)]);
            let placed = OrderStore::place(&store.shop, &sale, &request("a"), deadline()).await;
            // then there is none
            assert!(matches!(placed, Ok(Placement::Short(_))), "{placed:?}");
        }
    }
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

/// A store of which the ledger and the index of open orders follow late, always by as much.
#[derive(Clone)]
struct Late {
    orders: DynamoOrders,
    by: Duration,
    placed: Arc<Mutex<HashMap<OrderId, Instant>>>,
}

impl OpenOrders for Late {
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        let mut page = self.orders.open_at(location, after).await?;
        let placed = self.placed.lock().unwrap();
        page.items
            .retain(|order| placed[&order.order_id].elapsed() >= self.by);
        Ok(page)
    }

    async fn still_open(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<OpenOrder>, StoreError> {
        self.orders.still_open(ids, deadline).await
    }
}

impl Late {
    fn new(store: &Store, by: Duration) -> Self {
        Self {
            orders: store.shop.orders.clone(),
            by,
            placed: Arc::default(),
        }
    }

    /// Orders two every `pause`, each order of which leaves when three more were made.
    async fn sell(&self, store: &Store, pause: Duration) {
        let mut sold = Vec::new();
        for number in 0_usize.. {
            let online = order(
                &format!("online-{number}"),
                "store-1",
                "online",
                &[("milk", 2)],
            );
            let now = Instant::now();
            self.placed.lock().unwrap().insert(online.order_id, now);
            let made = OrderStore::place(&store.shop, &online, &request("a"), deadline()).await;
            assert_eq!(made.unwrap(), Placement::Placed);
            self.tell(store).await;
            sold.push(online);
            if let Some(sent) = number.checked_sub(3).map(|earlier| &sold[earlier]) {
                let known = found(&store.shop, sent.order_id).await;
                let left = fulfil(
                    &store.shop,
                    &known,
                    &FulfilOrder { lines: None },
                    fulfilment_id(sent, "a"),
                    &request("a"),
                    minute(2),
                    deadline(),
                )
                .await;
                assert!(matches!(left, Ok(Fulfilling::Fulfilled(_))), "{left:?}");
                self.tell(store).await;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Brings the last movement to the ledger, late.
    async fn tell(&self, store: &Store) {
        let (ledger, by) = (store.stock.clone(), self.by);
        for stored in ledger.levels(&milk()).await.unwrap() {
            if let Some(movement) = stored.level.movement_since(None) {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(by).await;
                    ledger.record(&movement).await.unwrap();
                });
            }
        }
    }

    fn audit(&self, store: &Store) -> StockAudit<DynamoStock, Self, FakeClock> {
        let audit = store.audit("2026-03-01T12:02:00Z");
        StockAudit {
            books: audit.books,
            orders: self.clone(),
            clock: audit.clock,
            patience: audit.patience,
        }
    }

    async fn findings(&self, store: &Store) -> Vec<Finding> {
        let (audit, location) = (self.audit(store), milk().location_id);
        let held = audit.held_at(&location).await.unwrap();
        audit.page(&location, &held, None).await.unwrap().findings
    }
}

impl Store {
    /// Promises seven that nobody ordered, behind the back of the stores.
    async fn promise_seven(&self) {
        self.shop
            .client
            .update_item()
            .table_name(&self.shop.stock_table)
            .set_key(Some(key_of(&keys::level(&milk()))))
            .update_expression("SET allocated = allocated + :seven, available = available - :seven")
            .expression_attribute_values(":seven", AttributeValue::N("7".to_owned()))
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_and_an_index_that_are_always_as_late_are_no_difference() {
    for (millis, every) in [
        (50, 1000),
        (300, 100),
        (1500, 250),
        (3000, 100),
        (9000, 500),
    ] {
        let store = Store::new(millis);
        store.receive(100_000, minute(0)).await;
        let late = Late::new(&store, Duration::from_millis(millis));
        let audits = async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            for _ in 0..4 {
                let findings = late.findings(&store).await;
                let sure = |finding: &Finding| finding.confirmed;
                assert!(!findings.iter().any(sure), "{millis} {every} {findings:#?}");
            }
        };
        tokio::select! {
            () = late.sell(&store, Duration::from_millis(every)) => {}
            () = audits => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_orders_do_not_hold_is_found_and_taken_back_while_they_go_on() {
    for (millis, every) in [(50, 1000), (100, 200), (300, 400)] {
        let store = Store::new(millis);
        store.receive(100_000, minute(0)).await;
        let late = Late::new(&store, Duration::from_millis(millis));
        let audits = async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            store.promise_seven().await;
            let findings = late.findings(&store).await;
            assert_eq!(findings.len(), 1, "{millis} {every}");
            assert!(findings[0].confirmed, "{millis} {every} {findings:#?}");
            let differs = findings[0].verdict.differences.iter();
            let orders = differs
                .filter_map(|difference| match difference {
                    Difference::Orders { allocated, open } => Some(allocated - open),
                    _ => None,
                })
                .collect::<Vec<_>>();
            assert_eq!(orders, [7]);
            let within = Deadline::within(Duration::from_secs(10));
            let audit = late.audit(&store);
            let repaired = audit.repair(&findings[0], within).await.unwrap();
            let done = |became: &Mended| *became == Mended::Done;
            assert!(repaired.iter().all(|one| done(&one.became)), "{repaired:?}");
            // And what was right before stays so.
            assert_eq!(late.findings(&store).await, [], "{millis} {every}");
        };
        tokio::select! {
            () = late.sell(&store, Duration::from_millis(every)) => {}
            () = audits => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_no_index_shows_holds_what_it_holds() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    let online = order("online", "store-1", "online", &[("milk", 7)]);
    let known = placed(&store.shop, &online).await;
    store.tell().await;
    // given an order that lost its entry in the index
    store
        .shop
        .client
        .update_item()
        .table_name("simulated-orders")
        .set_key(Some(key_of(&keys::order(known.order.order_id))))
        .update_expression("REMOVE open_location")
        .condition_expression("attribute_exists(pk)")
        .send()
        .await
        .unwrap();
    // then its promise is kept
    assert_eq!(store.findings("2026-03-02T12:00:00Z").await, []);
}
