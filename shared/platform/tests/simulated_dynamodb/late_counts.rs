//! A count that is told late leaves what moved after it, however much that was.

use std::time::Duration;

use jiff::Timestamp;
use stockline_application::ports::stock::{ChangeOutcome, Ledger};
use stockline_application::store_error::StoreError;
use stockline_domain::level::Movement;
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::receipt;
use tokio::time::Instant;

use crate::store::{Store, count, second};

impl Store {
    /// So much comes in, and the ledger hears of it at once.
    async fn receives(&self, quantity: i64, at: Timestamp) {
        let (name, receipt) = (at.to_string(), receipt("store-1", quantity));
        let received = self.send(&name, &receipt, at).await;
        assert!(
            matches!(received, Ok(ChangeOutcome::Applied(_))),
            "{received:?}"
        );
        // Nothing comes between that `tell` would have to look for among what was told before.
        for item in self.items().await {
            if let Some(movement) = item.movement_since(None) {
                self.stock.record(&movement).await.unwrap();
            }
        }
    }

    /// So much comes in after noon, and then one more: the level itself shows the last. What the ledger has yet to hear.
    async fn receives_unheard(&self, quantity: i64) -> Movement {
        let (goods, one) = (receipt("store-1", quantity), receipt("store-1", 1));
        self.send("goods", &goods, minute(1)).await.unwrap();
        let unheard = self.level().await.movement_since(None).unwrap();
        self.send("one", &one, minute(2)).await.unwrap();
        unheard
    }

    /// What is on hand once `quantity` were counted at noon, told at `at`.
    async fn on_hand_after_a_count_of(&self, quantity: i64, at: Timestamp) -> i64 {
        let counted = self.send("count", &count(quantity, minute(0)), at).await;
        let Ok(ChangeOutcome::Applied(levels)) = counted else {
            panic!("the count was not taken: {counted:?}");
        };
        levels[0].on_hand
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_moved_since_is_read_and_no_more_pages_than_hold_it() {
    for (before, after, pages) in [(0, 250, 3), (50, 100, 2), (50, 50, 1), (250, 20, 1)] {
        // given so many receipts an hour before noon and so many after
        let store = Store::new(1);
        for number in 0..before {
            store.receives(1, second(number - 3600)).await;
        }
        for number in 1..=after {
            store.receives(1, second(number)).await;
        }
        // when it is told that there were 1,000 at noon
        let queries = store.sent("Query");
        let on_hand = store.on_hand_after_a_count_of(1000, minute(30)).await;
        // then what came since is there beside them
        assert_eq!(on_hand, 1000 + after, "{before} before, {after} after");
        assert_eq!(
            store.sent("Query") - queries,
            pages,
            "{before} before, {after} after"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_moved_in_any_item_of_a_split_level_is_left() {
    // given a split level, and two receipts after noon
    let mut store = Store::of_split_milk(1, 0).await;
    store.stock = store.stock_of_a_newcomer();
    store.receives(40, minute(1)).await;
    store.receives(20, minute(2)).await;
    // then a count of noon leaves them
    assert_eq!(store.on_hand_after_a_count_of(7, minute(3)).await, 67);
}

#[tokio::test(start_paused = true)]
async fn a_count_waits_for_what_the_ledger_has_not_heard() {
    // given five that came in after noon, of which the ledger hears a moment later
    let store = Store::new(1);
    let unheard = store.receives_unheard(5).await;
    let hearing = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        store.stock.record(&unheard).await.unwrap();
    };
    // when a count of noon is told meanwhile
    let begun = Instant::now();
    let counting = store.on_hand_after_a_count_of(7, minute(3));
    let (on_hand, ()) = tokio::join!(counting, hearing);
    // then it leaves them
    assert_eq!(on_hand, 13);
    assert!(begun.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_count_looks_ever_more_rarely_for_what_the_ledger_never_hears() {
    let store = Store::new(1);
    store.receives_unheard(5).await;
    // when a count of noon is told
    let looks = store.sent("Query");
    let counted = store.send("count", &count(7, minute(0)), minute(3)).await;
    // then whoever tells it is to come again, and the ledger was not asked all the time till then
    assert!(matches!(counted, Err(StoreError::Busy)), "{counted:?}");
    let looks = store.sent("Query") - looks;
    assert!((400..450).contains(&looks), "{looks}");
}
