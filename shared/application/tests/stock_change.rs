//! Decides a stock change again after conflicts, torn reads and missing movements.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use stockline_application::deadline::Deadline;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::{
    ChangeResult, ChangeWriteOutcome, LevelSnapshot, PendingChange, PlannedChange, StockChangeStore,
};
use stockline_application::replenishment::{ReplenishOutcome, replenish};
use stockline_application::stock_change::{ChangeOutcome, apply_change};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::ReplenishmentOrderId;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::replenishment::{ReceiptRefused, ReplenishmentOrder, ReplenishmentState};
use stockline_domain::split_level::SplitLevel;
use stockline_domain::stock_change::{ChangeRefused, RequestedChange};
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::replenishment::{alert, stock_milk};
use stockline_testkit::conformance::stock::{apply, change, deadline, key, receipt, request};
use stockline_testkit::memory::catalog::EveryLevelStockable;
use stockline_testkit::memory::shop::MemoryShop;

/// A shop whose first operations of each kind are disturbed.
#[derive(Default)]
struct DisturbedShop {
    shop: MemoryShop,
    /// Reads that show an empty level, because all stock moved between its buckets meanwhile.
    torn_reads: AtomicU32,
    /// Reads of the ledger that miss every movement.
    incomplete_ledger_reads: AtomicU32,
    /// A replenishment order that the next read shows, because another writer changed it after the read.
    outdated_order: Mutex<Option<ReplenishmentOrder>>,
    /// Writes that conflict with another writer.
    conflicts: AtomicU32,
}

/// Takes one from `left`. False if none is left.
fn take(left: &AtomicU32) -> bool {
    let one_less = |left: u32| left.checked_sub(1);
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
        .is_ok()
}

impl StockChangeStore for DisturbedShop {
    async fn read_snapshot(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Option<LevelSnapshot>, StoreError> {
        if take(&self.torn_reads) {
            return Ok(Some(LevelSnapshot {
                level: SplitLevel::new(Level::empty(key), &[]),
                is_consistent: false,
            }));
        }
        self.shop.read_snapshot(key, deadline).await
    }

    async fn movements_back_to(
        &self,
        bucket: &Level,
        time: Timestamp,
    ) -> Result<Vec<Movement>, StoreError> {
        if take(&self.incomplete_ledger_reads) {
            return Ok(Vec::new());
        }
        self.shop.movements_back_to(bucket, time).await
    }

    async fn read_replenishment_order(
        &self,
        id: ReplenishmentOrderId,
    ) -> Result<Option<ReplenishmentOrder>, StoreError> {
        let outdated = self.outdated_order.lock().unwrap().take();
        match outdated {
            Some(order) => Ok(Some(order)),
            None => self.shop.read_replenishment_order(id).await,
        }
    }

    async fn write_change(
        &self,
        pending: PendingChange<'_>,
        planned: &PlannedChange,
        deadline: Deadline,
    ) -> Result<ChangeWriteOutcome, StoreError> {
        if take(&self.conflicts) {
            return Ok(ChangeWriteOutcome::Conflict);
        }
        self.shop.write_change(pending, planned, deadline).await
    }

    async fn record_refusal(
        &self,
        pending: PendingChange<'_>,
        refusal: &ChangeResult,
        deadline: Deadline,
    ) -> Result<Option<ChangeResult>, StoreError> {
        self.shop.record_refusal(pending, refusal, deadline).await
    }
}

/// A shop with ten units of milk, received at noon in two deliveries.
async fn shop() -> DisturbedShop {
    let shop = DisturbedShop::default();
    for (index, quantity) in [(0, 4), (1, 6)] {
        apply(&shop.shop, "opening", index, &receipt("store-1", quantity)).await;
    }
    shop
}

fn theft(quantity: i64) -> RequestedChange {
    change(
        json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -quantity,
        "reason": "theft"}),
    )
}

impl DisturbedShop {
    /// Applies `change`, one minute past noon, within a second.
    async fn send(&self, change: &RequestedChange) -> Result<ChangeOutcome, StoreError> {
        let pending = PendingChange {
            request: request("k1"),
            index: 0,
            change,
            at: "2026-03-01T12:01:00Z".parse().unwrap(),
        };
        let deadline = Deadline::within(Duration::from_secs(1));
        apply_change(self, &EveryLevelStockable, pending, deadline).await
    }

    fn on_hand(&self) -> i64 {
        self.shop.level("store-1", "milk").0
    }
}

fn on_hand_after(outcome: &ChangeOutcome) -> i64 {
    match outcome {
        ChangeOutcome::Applied(levels) => levels[0].on_hand,
        other => panic!("the change is not applied: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn conflict_is_decided_again() {
    let shop = shop().await;
    shop.conflicts.store(2, Ordering::SeqCst);
    let outcome = shop.send(&theft(4)).await.unwrap();
    assert_eq!((on_hand_after(&outcome), shop.on_hand()), (6, 6));
}

#[tokio::test(start_paused = true)]
async fn lasting_conflict_is_busy_at_the_deadline() {
    let shop = shop().await;
    shop.conflicts.store(u32::MAX, Ordering::SeqCst);
    let outcome = shop.send(&theft(4)).await;
    assert!(matches!(outcome, Err(StoreError::Busy)), "{outcome:?}");
    assert_eq!(shop.on_hand(), 10);
}

#[tokio::test(start_paused = true)]
async fn torn_read_refuses_nothing() {
    let shop = shop().await;
    shop.torn_reads.store(2, Ordering::SeqCst);
    let outcome = shop.send(&theft(4)).await.unwrap();
    assert_eq!(on_hand_after(&outcome), 6);
}

#[tokio::test(start_paused = true)]
async fn refused_duplicate_returns_the_applied_levels() {
    let shop = shop().await;
    let first = shop.send(&theft(8)).await.unwrap();
    assert_eq!(on_hand_after(&first), 2);
    // The level holds less now than the change takes, so the duplicate is refused before it finds the record.
    let ChangeOutcome::AlreadyApplied(levels) = shop.send(&theft(8)).await.unwrap() else {
        panic!("the duplicate is not recognized");
    };
    assert_eq!((levels[0].on_hand, shop.on_hand()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn count_waits_for_missing_movements() {
    let shop = shop().await;
    shop.incomplete_ledger_reads.store(3, Ordering::SeqCst);
    // A count of the empty shelf before the receipt at noon.
    let count = change(
        json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 1,
        "counted_at": "2026-03-01T11:59:00Z"}),
    );
    let outcome = shop.send(&count).await.unwrap();
    assert_eq!(on_hand_after(&outcome), 11);
}

#[tokio::test(start_paused = true)]
async fn count_without_its_movements_is_busy() {
    let shop = shop().await;
    shop.incomplete_ledger_reads
        .store(u32::MAX, Ordering::SeqCst);
    let count = change(
        json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": 1,
        "counted_at": "2026-03-01T11:59:00Z"}),
    );
    let outcome = shop.send(&count).await;
    assert!(matches!(outcome, Err(StoreError::Busy)), "{outcome:?}");
    assert_eq!(shop.on_hand(), 10);
}

#[tokio::test(start_paused = true)]
async fn receipt_of_an_unknown_order_is_refused_on_a_torn_read() {
    let shop = shop().await;
    shop.torn_reads.store(u32::MAX, Ordering::SeqCst);
    let unknown = change(
        json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 1,
        "replenishment_order_id": "00000000-0000-0000-0000-000000000000"}),
    );
    let outcome = shop.send(&unknown).await.unwrap();
    let refused = ChangeRefused::ReplenishmentOrder(ReceiptRefused::Unknown);
    assert_eq!(outcome, ChangeOutcome::Refused(refused));
}

#[tokio::test]
async fn receipt_is_decided_again_after_its_order_changed() {
    // given a replenishment order of 36 milk
    let shop = DisturbedShop::default();
    stock_milk(&shop.shop, "store-1", 4).await;
    let low = alert("store-1", 2);
    let placed = replenish(&shop.shop, &low, minute(0), deadline()).await;
    let Ok(ReplenishOutcome::Placed(order)) = placed else {
        panic!("no order is placed: {placed:?}")
    };
    let id = order.replenishment_order_id;
    let receipt_of = |quantity: i64| {
        change(
            json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity,
            "replenishment_order_id": id}),
        )
    };
    // when 10 arrive after the receipt of the other 26 has read the order
    apply(&shop.shop, "first", 0, &receipt_of(10)).await;
    *shop.outdated_order.lock().unwrap() = Some(*order);
    let received = shop.send(&receipt_of(26)).await.unwrap();
    // then both receipts count
    assert!(
        matches!(received, ChangeOutcome::Applied(_)),
        "{received:?}"
    );
    let level = shop.shop.find(&key("store-1", "milk")).await;
    let level = level.unwrap().unwrap();
    assert_eq!((level.on_hand, level.incoming), (40, 0));
    let order = shop.shop.find_order(id).await.unwrap().unwrap();
    assert_eq!(order.state, ReplenishmentState::Received);
    assert_eq!(order.received_quantity, 36);
}
