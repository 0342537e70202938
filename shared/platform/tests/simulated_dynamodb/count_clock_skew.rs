//! Counts and sales whose reported times are skewed or equal.

use stockline_testkit::conformance::orders::minute;

use crate::test_store::TestStore;

#[tokio::test(start_paused = true)]
async fn sale_recorded_before_a_count_is_before_the_count() {
    // given ten units, and a sale recorded at minute 10 by a till whose clock is four minutes ahead
    let store = TestStore::new(1);
    store.receive(10, minute(0)).await;
    store.sell("a", minute(14), minute(10)).await;
    // when nine are counted two minutes later
    let counted = store.count(9, minute(12), minute(12)).await;
    // then nine are on hand: the sale is not subtracted from the count again
    assert_eq!(counted.on_hand, 9);
}

#[tokio::test(start_paused = true)]
async fn sale_at_the_time_of_a_count_is_order_independent() {
    let mut on_hand = Vec::new();
    for sale_is_first in [true, false] {
        let store = TestStore::new(1);
        store.receive(10, minute(0)).await;
        if sale_is_first {
            store.sell("a", minute(10), minute(11)).await;
            store.count(10, minute(10), minute(12)).await;
        } else {
            store.count(10, minute(10), minute(11)).await;
            store.sell("a", minute(10), minute(12)).await;
        }
        on_hand.push(store.level().await.on_hand);
    }
    assert_eq!(on_hand[0], on_hand[1]);
}
