//! A request on a split level is refused only after a snapshot read of all its buckets.

use std::time::Duration;

use futures::future::join_all;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::level::LevelError;
use stockline_domain::stock_change::ChangeRefused;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::orders::order;
use tokio::time::Instant;

use crate::test_store::{SEEDS, TestStore, damage_change};

impl TestStore {
    /// Runs `request` while every bucket of milk is written continuously for ten seconds. Returns its result and the number
    /// of snapshot reads.
    async fn run_during_writes<T>(&self, request: impl Future<Output = T>) -> (T, u64) {
        let started_at = Instant::now();
        let writing = join_all((0..4).map(async |bucket| {
            while started_at.elapsed() < Duration::from_secs(10) {
                self.bump_version(bucket).await;
            }
        }));
        let measured = async {
            let before = self.snapshot_reads();
            let result = request.await;
            (result, self.snapshot_reads() - before)
        };
        tokio::join!(measured, writing).0
    }
}

#[tokio::test(start_paused = true)]
async fn change_is_refused_only_after_a_snapshot_read() {
    for seed in SEEDS {
        let store = TestStore::with_split_milk(seed, 40).await;
        let damage = damage_change(41);
        let sending = store.send_change("broken", &damage, minute(0));
        let (applied, snapshots) = Box::pin(store.run_during_writes(sending)).await;
        // The write that records the refusal shows that the change was not applied before.
        assert_eq!(snapshots, 1);
        let short = ChangeRefused::Level(LevelError::NotOnHand { on_hand: 40 });
        assert_eq!(applied.unwrap(), ChangeOutcome::Refused(short));
    }
}

#[tokio::test(start_paused = true)]
async fn order_is_short_only_after_a_snapshot_read() {
    for seed in SEEDS {
        let store = TestStore::with_split_milk(seed, 40).await;
        let (sale, request) = (order("a", "store-1", "pos", &[("milk", 41)]), request("a"));
        let placing = OrderStore::place(&store.shop, &sale, &request, deadline());
        let (placed, snapshots) = Box::pin(store.run_during_writes(placing)).await;
        assert_eq!(snapshots, 1);
        assert!(matches!(placed, Ok(PlaceOutcome::Short(_))), "{placed:?}");
    }
}
