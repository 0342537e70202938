//! Nothing is refused on what was not seen in one moment.

use stockline_domain::level::LevelError;
use stockline_domain::stock_change::ChangeRefused;
use stockline_platform::ports::stock::Applied;
use stockline_testkit::conformance::stock::{apply, change};

use super::*;

/// A split level of 40, whose items are written all the time for ten seconds.
struct Restless {
    database: SimulatedDynamoDb,
    shop: DynamoShop,
    stock: DynamoStock,
}

impl Restless {
    async fn new() -> Self {
        let database = SimulatedDynamoDb::new(1);
        let shop = shop(&database);
        let stock = split_milk(&database, &shop, 40).await;
        Self {
            database,
            shop,
            stock,
        }
    }

    /// How often it was seen in one moment.
    fn seen(&self) -> u64 {
        let seen = ("TransactGetItems".to_owned(), "OK".to_owned());
        self.database
            .tally()
            .get(&seen)
            .copied()
            .unwrap_or_default()
    }

    /// What `asking` is answered meanwhile.
    async fn answers<T>(&self, asking: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let writing = join_all((0..4).map(async |bucket| {
            while begun.elapsed() < Duration::from_secs(10) {
                write_again(&self.shop, keys::level_bucket(&milk(), bucket)).await;
            }
        }));
        let asking = async {
            let before = self.seen();
            let answer = asking.await;
            assert!(self.seen() > before, "it was not seen in one moment");
            answer
        };
        tokio::join!(asking, writing).0
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_refused_only_once_the_level_was_seen_in_one_moment() {
    let level = Restless::new().await;
    let broken = change(
        json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -41,
        "reason": "damage"}),
    );
    let telling = apply(&level.stock, "broken", 0, &broken);
    let told = Box::pin(level.answers(telling)).await;
    let short = ChangeRefused::Level(LevelError::NotOnHand { on_hand: 40 });
    assert_eq!(told, Applied::Refused(short));
}

#[tokio::test(start_paused = true)]
async fn an_order_is_refused_only_once_the_level_was_seen_in_one_moment() {
    let level = Restless::new().await;
    let (wanted, request) = (order("a", "store-1", "pos", &[("milk", 41)]), request());
    let placing = OrderStore::place(&level.shop, &wanted, &request, within(20));
    let placed = Box::pin(level.answers(placing)).await.unwrap();
    assert!(matches!(placed, Placement::Short(_)), "{placed:?}");
}
