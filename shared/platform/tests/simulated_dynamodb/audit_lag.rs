//! What an audit finds of a store whose ledger and index of open orders always follow late.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stockline_domain::audit::Difference;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::open_order::OpenOrder;
use stockline_platform::cursor::{Listing, Position};
use stockline_platform::deadline::Deadline;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::ports::books::{Books, Mended};
use stockline_platform::ports::orders::{Fulfilling, OpenOrders};
use stockline_platform::ports::stock::Ledger;
use stockline_platform::stock_audit::{Finding, StockAudit};
use stockline_platform::store_error::StoreError;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::{found, minute};
use stockline_testkit::orders::order;
use tokio::time::Instant;

use crate::store::{ALL, Store, milk};

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
            let name = format!("online-{number}");
            let online = order(&name, "store-1", "online", &[("milk", 2)]);
            let now = Instant::now();
            self.placed.lock().unwrap().insert(online.order_id, now);
            store.place(&online).await;
            self.tell(store).await;
            sold.push(online);
            if let Some(sent) = number.checked_sub(3).map(|earlier| &sold[earlier]) {
                let known = found(&store.shop, sent.order_id).await;
                let left = store.fulfil(&known, &ALL, "a").await;
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
            store.promise_seven_to_nobody().await;
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
