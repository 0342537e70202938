//! What was counted and what a till sold come to what is there, whoever's clock is ahead and whoever is told first.

use stockline_testkit::conformance::orders::minute;

use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn a_sale_that_was_told_before_the_shelf_was_counted_did_not_happen_after_it() {
    // given ten, and one sold at noon by a till whose clock is four minutes ahead
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    store.sell("a", minute(14), minute(10)).await;
    // when nine are counted two minutes later
    let counted = store.count(9, minute(12), minute(12)).await;
    // then nine are there
    assert_eq!(counted.on_hand, 9);
}

#[tokio::test(start_paused = true)]
async fn a_sale_at_the_moment_of_a_count_is_seen_by_it_or_not_whichever_is_told_first() {
    let mut left = Vec::new();
    for sale_is_first in [true, false] {
        let store = Store::new(1);
        store.receive(10, minute(0)).await;
        if sale_is_first {
            store.sell("a", minute(10), minute(11)).await;
            store.count(10, minute(10), minute(12)).await;
        } else {
            store.count(10, minute(10), minute(11)).await;
            store.sell("a", minute(10), minute(12)).await;
        }
        left.push(store.level().await.on_hand);
    }
    assert_eq!(left[0], left[1]);
}
