//! A count that is told late leaves what moved after it, however much that was.

use jiff::{SignedDuration, Timestamp};
use stockline_domain::ids::RequestId;
use stockline_domain::level::Level;
use stockline_platform::dynamodb::attributes::value;
use stockline_platform::ports::stock::{Applied, Ledger, PendingChange};
use stockline_testkit::conformance::stock::change;

use super::*;

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// A store whose ledger hears of each change at once.
struct Store {
    shop: DynamoShop,
    stock: DynamoStock,
}

impl Store {
    async fn apply(&self, at: Timestamp, body: &serde_json::Value) -> Applied {
        let name = format!("{at} {body}");
        let pending = PendingChange {
            request: RequestId::derive("counter", &name),
            index: 0,
            change: &change(body.clone()),
            at,
            missing: MissingLevel::Create,
        };
        self.stock.apply(pending, within(20)).await.unwrap()
    }

    /// The ledger hears of the last change of each item of the level.
    async fn ledger_hears(&self) {
        for bucket in 0..4 {
            let key = key_of(&keys::level_bucket(&milk(), bucket));
            let get = self
                .shop
                .client
                .get_item()
                .table_name(&self.shop.stock_table);
            let found = get.set_key(Some(key)).send().await.unwrap();
            let level = found.item.map(|item| value::<Level>(item).unwrap());
            if let Some(movement) = level.and_then(|level| level.movement_since(None)) {
                self.stock.record(&movement).await.unwrap();
            }
        }
    }

    /// One unit comes in at each of `times`.
    async fn receives_at(&self, times: impl Iterator<Item = Timestamp>) {
        for at in times {
            let received =
                json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 1});
            assert!(matches!(self.apply(at, &received).await, Applied::Now(_)));
            self.ledger_hears().await;
        }
    }

    /// What is on hand once `quantity` were counted at noon.
    async fn on_hand_after_a_count_of(&self, quantity: i64, at: Timestamp) -> i64 {
        let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": quantity,
            "counted_at": noon()});
        let Applied::Now(levels) = self.apply(at, &count).await else {
            panic!("the count was not taken");
        };
        levels[0].on_hand
    }
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn seconds(range: std::ops::Range<i64>) -> impl Iterator<Item = Timestamp> {
    range.map(|second| noon() + SignedDuration::from_secs(second))
}

fn store(database: &SimulatedDynamoDb) -> Store {
    let shop = shop(database);
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    Store { shop, stock }
}

#[tokio::test(start_paused = true)]
async fn all_that_moved_since_is_read_and_no_more_pages_than_hold_it() {
    for (before, after, pages) in [(0, 250, 3), (50, 100, 2), (50, 50, 1), (250, 20, 1)] {
        // given so many receipts an hour before noon and so many after
        let database = SimulatedDynamoDb::new(1);
        let store = store(&database);
        let earlier = seconds(0..before).map(|at| at - minutes(60));
        store.receives_at(earlier).await;
        store.receives_at(seconds(1..after + 1)).await;
        // when it is told that there were 1,000 at noon
        let queries = sent(&database, "Query");
        let on_hand = store
            .on_hand_after_a_count_of(1000, noon() + minutes(30))
            .await;
        // then what came since is there beside them
        assert_eq!(on_hand, 1000 + after, "{before} before, {after} after");
        assert_eq!(
            sent(&database, "Query") - queries,
            pages,
            "{before} before, {after} after"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_moved_in_any_item_of_a_split_level_is_left() {
    // given a split level, and two receipts after noon
    let database = SimulatedDynamoDb::new(1);
    let store = store(&database);
    split_milk(&database, &store.shop, 0).await;
    for (minute, quantity) in [(1, 40), (2, 20)] {
        let received = json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity});
        store.apply(noon() + minutes(minute), &received).await;
        store.ledger_hears().await;
    }
    // then a count of noon leaves them
    assert_eq!(
        store.on_hand_after_a_count_of(7, noon() + minutes(3)).await,
        67
    );
}

#[tokio::test(start_paused = true)]
async fn a_count_waits_for_what_the_ledger_has_not_heard() {
    // given a receipt after noon of which the ledger hears a moment later
    let database = SimulatedDynamoDb::new(1);
    let store = store(&database);
    let received =
        json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 5});
    store.apply(noon() + minutes(1), &received).await;
    let hearing = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        store.ledger_hears().await;
    };
    // when a count of noon is told meanwhile
    let counting = store.on_hand_after_a_count_of(7, noon() + minutes(2));
    // then it leaves the receipt
    let (on_hand, ()) = tokio::join!(counting, hearing);
    assert_eq!(on_hand, 12);
}
