//! A count that is reported late keeps all movements that occurred after it.

use std::time::Duration;

use jiff::Timestamp;
use stockline_application::ports::stock::Ledger;
use stockline_application::stock_change::ChangeOutcome;
use stockline_application::store_error::StoreError;
use stockline_domain::level::Movement;
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::receipt;
use tokio::time::Instant;

use crate::test_store::{TestStore, count_change, second};

impl TestStore {
    /// Applies a receipt and records its movements in the ledger.
    async fn receive_and_record(&self, quantity: i64, at: Timestamp) {
        let (name, receipt) = (at.to_string(), receipt("store-1", quantity));
        let received = self.send_change(&name, &receipt, at).await;
        assert!(
            matches!(received, Ok(ChangeOutcome::Applied(_))),
            "{received:?}"
        );
        // Unlike `record_movements`, this need not check which movements are recorded: every change is followed by it.
        for item in self.bucket_items().await {
            if let Some(movement) = item.movement_since(None) {
                self.stock.record(&movement).await.unwrap();
            }
        }
    }

    /// Applies a receipt of `quantity` and then one of a single unit, both after noon, without recording them. Returns the
    /// first movement, which only the ledger can show because the level carries the last change only.
    async fn receive_unrecorded(&self, quantity: i64) -> Movement {
        let (first, second) = (receipt("store-1", quantity), receipt("store-1", 1));
        self.send_change("goods", &first, minute(1)).await.unwrap();
        let unrecorded = self.level().await.movement_since(None).unwrap();
        self.send_change("one", &second, minute(2)).await.unwrap();
        unrecorded
    }

    /// Returns the quantity on hand after a count of `quantity` at noon is reported at `at`.
    async fn on_hand_after_count(&self, quantity: i64, at: Timestamp) -> i64 {
        let counted = self
            .send_change("count", &count_change(quantity, minute(0)), at)
            .await;
        let Ok(ChangeOutcome::Applied(levels)) = counted else {
            panic!("the count was not applied: {counted:?}");
        };
        levels[0].on_hand
    }
}

#[tokio::test(start_paused = true)]
async fn late_count_reads_only_the_pages_of_later_movements() {
    for (before, after, pages) in [(0, 250, 3), (50, 100, 2), (50, 50, 1), (250, 20, 1)] {
        // given receipts in the hour before noon and after noon
        let store = TestStore::new(1);
        for number in 0..before {
            store.receive_and_record(1, second(number - 3600)).await;
        }
        for number in 1..=after {
            store.receive_and_record(1, second(number)).await;
        }
        // when a count of 1,000 at noon is reported
        let queries = store.requests_sent("Query");
        let on_hand = store.on_hand_after_count(1000, minute(30)).await;
        // then the receipts after noon are added to it
        assert_eq!(on_hand, 1000 + after, "{before} before, {after} after");
        assert_eq!(
            store.requests_sent("Query") - queries,
            pages,
            "{before} before, {after} after"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn late_count_keeps_movements_of_every_bucket() {
    // given a split level and two receipts after noon
    let mut store = TestStore::with_split_milk(1, 0).await;
    store.stock = store.stock_without_cache();
    store.receive_and_record(40, minute(1)).await;
    store.receive_and_record(20, minute(2)).await;
    // then a count at noon keeps them
    assert_eq!(store.on_hand_after_count(7, minute(3)).await, 67);
}

#[tokio::test(start_paused = true)]
async fn late_count_waits_for_unrecorded_movements() {
    // given a receipt of five after noon that the ledger records three seconds later
    let store = TestStore::new(1);
    let unrecorded = store.receive_unrecorded(5).await;
    let recording = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        store.stock.record(&unrecorded).await.unwrap();
    };
    // when a count at noon is reported meanwhile
    let started_at = Instant::now();
    let counting = store.on_hand_after_count(7, minute(3));
    let (on_hand, ()) = tokio::join!(counting, recording);
    // then it waits for the movement and keeps the receipts
    assert_eq!(on_hand, 13);
    assert!(started_at.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn late_count_backs_off_while_the_ledger_lags() {
    let store = TestStore::new(1);
    store.receive_unrecorded(5).await;
    // when a count at noon is reported
    let before = store.requests_sent("Query");
    let counted = store
        .send_change("count", &count_change(7, minute(0)), minute(3))
        .await;
    // then it is busy, and it polled the ledger with backoff
    assert!(matches!(counted, Err(StoreError::Busy)), "{counted:?}");
    let polls = store.requests_sent("Query") - before;
    assert!((400..450).contains(&polls), "{polls}");
}
