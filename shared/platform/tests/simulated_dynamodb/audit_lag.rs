//! Audits while the ledger and the index of open orders lag behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::order_lifecycle::FulfilOutcome;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::audit_data::{AuditData, RepairOutcome};
use stockline_application::ports::orders::OpenOrders;
use stockline_application::ports::stock::Ledger;
use stockline_application::stock_audit::{Finding, StockAudit};
use stockline_application::store_error::StoreError;
use stockline_domain::audit::Difference;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::open_order::OpenOrder;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::{found, minute};
use stockline_testkit::orders::order;
use tokio::time::Instant;

use crate::test_store::{FULFIL_ALL, TestStore, milk_key};

/// Delays the ledger and the index of open orders by a constant lag.
#[derive(Clone)]
struct Lagging {
    orders: DynamoOrders,
    lag: Duration,
    placed_at: Arc<Mutex<HashMap<OrderId, Instant>>>,
}

impl OpenOrders for Lagging {
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        let mut page = self.orders.open_at(location, after).await?;
        let placed_at = self.placed_at.lock().unwrap();
        page.items
            .retain(|order| placed_at[&order.order_id].elapsed() >= self.lag);
        Ok(page)
    }

    async fn open_among(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<OpenOrder>, StoreError> {
        self.orders.open_among(ids, deadline).await
    }
}

impl Lagging {
    fn new(store: &TestStore, lag: Duration) -> Self {
        Self {
            orders: store.shop.orders.clone(),
            lag,
            placed_at: Arc::default(),
        }
    }

    /// Places an online order of two units every `pause`, endlessly, and fulfils each order after three more are placed.
    async fn sell(&self, store: &TestStore, pause: Duration) {
        let mut placed = Vec::new();
        for number in 0_usize.. {
            let name = format!("online-{number}");
            let online = order(&name, "store-1", "online", &[("milk", 2)]);
            let now = Instant::now();
            self.placed_at.lock().unwrap().insert(online.order_id, now);
            store.place(&online).await;
            self.record_later(store).await;
            placed.push(online);
            if let Some(due) = number.checked_sub(3).map(|earlier| &placed[earlier]) {
                let known = found(&store.shop, due.order_id).await;
                let fulfilled = store.fulfil(&known, &FULFIL_ALL, "a").await;
                assert!(
                    matches!(fulfilled, Ok(FulfilOutcome::Fulfilled(_))),
                    "{fulfilled:?}"
                );
                self.record_later(store).await;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Records the last movement in the ledger after the lag.
    async fn record_later(&self, store: &TestStore) {
        let (ledger, lag) = (store.stock.clone(), self.lag);
        for stored in ledger.levels(&milk_key()).await.unwrap() {
            if let Some(movement) = stored.level.movement_since(None) {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(lag).await;
                    ledger.record(&movement).await.unwrap();
                });
            }
        }
    }

    fn audit(&self, store: &TestStore) -> StockAudit<DynamoStock, Self, FakeClock> {
        let audit = store.audit("2026-03-01T12:02:00Z");
        StockAudit {
            stock: audit.stock,
            orders: self.clone(),
            clock: audit.clock,
            timing: audit.timing,
        }
    }

    async fn findings(&self, store: &TestStore) -> Vec<Finding> {
        let (audit, location) = (self.audit(store), milk_key().location_id);
        let open = audit.open_quantities(&location).await.unwrap();
        audit
            .audit_page(&location, &open, None)
            .await
            .unwrap()
            .findings
    }
}

#[tokio::test(start_paused = true)]
async fn constant_lag_confirms_no_difference() {
    for (millis, every) in [
        (50, 1000),
        (300, 100),
        (1500, 250),
        (3000, 100),
        (9000, 500),
    ] {
        let store = TestStore::new(millis);
        store.receive(100_000, minute(0)).await;
        let lagging = Lagging::new(&store, Duration::from_millis(millis));
        let audits = async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            for _ in 0..4 {
                let findings = lagging.findings(&store).await;
                let is_confirmed = |finding: &Finding| finding.confirmed;
                assert!(
                    !findings.iter().any(is_confirmed),
                    "{millis} {every} {findings:#?}"
                );
            }
        };
        tokio::select! {
            () = lagging.sell(&store, Duration::from_millis(every)) => {}
            () = audits => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn excess_allocation_is_repaired_during_sales() {
    for (millis, every) in [(50, 1000), (100, 200), (300, 400)] {
        let store = TestStore::new(millis);
        store.receive(100_000, minute(0)).await;
        let lagging = Lagging::new(&store, Duration::from_millis(millis));
        let audits = async {
            tokio::time::sleep(Duration::from_secs(12)).await;
            store.allocate_seven_without_order().await;
            let findings = lagging.findings(&store).await;
            assert_eq!(findings.len(), 1, "{millis} {every}");
            assert!(findings[0].confirmed, "{millis} {every} {findings:#?}");
            let differences = findings[0].result.differences.iter();
            let excess = differences
                .filter_map(|difference| match difference {
                    Difference::Orders { allocated, open } => Some(allocated - open),
                    _ => None,
                })
                .collect::<Vec<_>>();
            assert_eq!(excess, [7]);
            let within = Deadline::within(Duration::from_secs(10));
            let audit = lagging.audit(&store);
            let repaired = audit.repair(&findings[0], within).await.unwrap();
            let is_done = |outcome: &RepairOutcome| *outcome == RepairOutcome::Repaired;
            assert!(
                repaired.iter().all(|repair| is_done(&repair.outcome)),
                "{repaired:?}"
            );
            // The repair introduces no other difference.
            assert_eq!(lagging.findings(&store).await, [], "{millis} {every}");
        };
        tokio::select! {
            () = lagging.sell(&store, Duration::from_millis(every)) => {}
            () = audits => {}
        }
    }
}
