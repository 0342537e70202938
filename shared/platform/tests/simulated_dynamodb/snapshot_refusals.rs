//! Nothing is refused on what was not seen in one moment.

use std::time::Duration;

use futures::future::join_all;
use stockline_domain::level::LevelError;
use stockline_domain::stock_change::ChangeRefused;
use stockline_platform::ports::orders::{OrderStore, Placement};
use stockline_platform::ports::stock::Applied;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::orders::order;
use tokio::time::Instant;

use crate::store::{SEEDS, Store, damaged};

impl Store {
    /// What `asking` is answered while each item of milk is written all the time for ten seconds, and how much was read in
    /// one moment for it.
    async fn answers_while_written<T>(&self, asking: impl Future<Output = T>) -> (T, u64) {
        let begun = Instant::now();
        let writing = join_all((0..4).map(async |bucket| {
            while begun.elapsed() < Duration::from_secs(10) {
                self.write_again(bucket).await;
            }
        }));
        let asking = async {
            let before = self.seen_in_one_moment();
            let answer = asking.await;
            (answer, self.seen_in_one_moment() - before)
        };
        tokio::join!(asking, writing).0
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_refused_only_once_the_level_was_seen_in_one_moment() {
    for seed in SEEDS {
        let store = Store::of_split_milk(seed, 40).await;
        let broken = damaged(41);
        let telling = store.send("broken", &broken, minute(0));
        let (told, seen) = Box::pin(store.answers_while_written(telling)).await;
        // The level, and that the same request had not changed it before.
        assert_eq!(seen, 2);
        let short = ChangeRefused::Level(LevelError::NotOnHand { on_hand: 40 });
        assert_eq!(told.unwrap(), Applied::Refused(short));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_is_refused_only_once_the_level_was_seen_in_one_moment() {
    for seed in SEEDS {
        let store = Store::of_split_milk(seed, 40).await;
        let (wanted, request) = (order("a", "store-1", "pos", &[("milk", 41)]), request("a"));
        let placing = OrderStore::place(&store.shop, &wanted, &request, deadline());
        let (placed, seen) = Box::pin(store.answers_while_written(placing)).await;
        assert_eq!(seen, 1);
        assert!(matches!(placed, Ok(Placement::Short(_))), "{placed:?}");
    }
}
