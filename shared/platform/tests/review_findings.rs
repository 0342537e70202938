//! Faults that a review found: each test tells what should be, and fails until it is.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stockline_domain::audit::mend;
use stockline_domain::explanation::{Holders, explain};
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::order::{FulfilOrder, Order};
use stockline_domain::stock_change::StockChange;
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys;
use stockline_platform::ports::books::{Bookkeeper, Books, Mended};
use stockline_platform::ports::orders::{Fulfilling, OrderStore, Placement, fulfil};
use stockline_platform::ports::stock::{
    Applied, Ledger, MissingLevel, PendingChange, Recorded, StockStore,
};
use stockline_platform::ports::whereabouts::Whereabouts;
use stockline_platform::stock_audit::{Finding, Patience, StockAudit};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::{deadline, minute, placed, request};
use stockline_testkit::conformance::stock::{change, key};
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::orders::{fulfilment_id, order};
use stockline_testkit::simulated_dynamodb::{Fault, SimulatedDynamoDb};
use tokio::time::Instant;

/// A store that sells milk, and what it wrote.
struct Store {
    database: SimulatedDynamoDb,
    shop: DynamoShop,
    stock: DynamoStock,
}

impl Store {
    fn new(seed: u64) -> Self {
        let database = SimulatedDynamoDb::new(seed);
        let client = database.aws().dynamodb();
        let (orders, stock) = (database.table(Table::Orders), database.table(Table::Stock));
        Self {
            shop: DynamoShop::new(client.clone(), client.clone(), orders, stock.clone()),
            stock: DynamoStock::new(client, stock),
            database,
        }
    }

    /// Applies `change` at `at` and records what it did, as the stream would.
    async fn apply(&self, name: &str, change: &StockChange, at: Timestamp) -> Level {
        let pending = PendingChange {
            request: RequestId::derive("manager", name),
            index: 0,
            change,
            at,
            missing: MissingLevel::Create,
        };
        let applied = self.stock.apply(pending, deadline()).await.unwrap();
        self.tell().await;
        match applied {
            Applied::Now(levels) => levels[0].clone(),
            other => panic!("it was not applied: {other:?}"),
        }
    }

    async fn receive(&self, quantity: i64, at: Timestamp) {
        let receipt = change(
            json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity}),
        );
        self.apply("receipt", &receipt, at).await;
    }

    async fn count(&self, quantity: i64, counted_at: Timestamp, at: Timestamp) -> Level {
        let count = change(
            json!({"kind": "count", "location_id": "store-1", "sku": "milk",
            "quantity": quantity, "counted_at": counted_at.to_string()}),
        );
        self.apply("count", &count, at).await
    }

    async fn try_split(&self, buckets: u8) -> bool {
        let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
        let policy = serde_json::from_value(policy).unwrap();
        let set = self
            .stock
            .set_policy(&milk(), &policy, MissingLevel::Report, deadline())
            .await;
        set.is_ok()
    }

    async fn split(&self, buckets: u8) {
        assert!(self.try_split(buckets).await);
        self.tell().await;
    }

    /// Sells one at `sold_at`, told at `at`.
    async fn sell(&self, name: &str, sold_at: Timestamp, at: Timestamp) {
        let sale = Order {
            sold_at,
            placed_at: at,
            ..order(name, "store-1", "pos", &[("milk", 1)])
        };
        let placed = OrderStore::place(&self.shop, &sale, &request(name), deadline()).await;
        assert_eq!(placed.unwrap(), Placement::Placed);
        self.tell().await;
    }

    /// Lets the order store learn over how many items the level is split: nobody has a thousand.
    async fn ask_for_too_much(&self) {
        let sale = order("too-much", "store-1", "online", &[("milk", 1000)]);
        let placed = OrderStore::place(&self.shop, &sale, &request("a"), deadline()).await;
        assert!(matches!(placed, Ok(Placement::Short(_))), "{placed:?}");
    }

    /// Records the last movement of every item of the level, as the stream would.
    async fn tell(&self) {
        for stored in self.stock.levels(&milk()).await.unwrap() {
            if let Some(movement) = stored.level.movement_since(None) {
                let recorded = self.stock.record(&movement).await.unwrap();
                assert_ne!(recorded, Recorded::Conflict);
            }
        }
    }

    async fn level(&self) -> Level {
        self.stock.find(&milk()).await.unwrap().unwrap()
    }
}

fn milk() -> LevelKey {
    key("store-1", "milk")
}

fn second(seconds: i64) -> Timestamp {
    minute(0)
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap()
}

impl Store {
    fn audit(&self, now: &str) -> StockAudit<DynamoStock, DynamoOrders, FakeClock> {
        StockAudit {
            books: self.stock.clone(),
            orders: self.shop.orders.clone(),
            clock: FakeClock::at(now),
            patience: Patience {
                ledger: SignedDuration::from_hours(6),
                between_looks: Duration::from_secs(2),
                until_undecided: Duration::from_secs(15),
            },
        }
    }

    async fn findings(&self, now: &str) -> Vec<Finding> {
        let audit = self.audit(now);
        let location = milk().location_id;
        let held = audit.held_at(&location).await.unwrap();
        audit.page(&location, &held, None).await.unwrap().findings
    }

    /// What `cargo xtask repair --apply` does.
    async fn repair(&self) {
        for finding in self.findings("2026-03-02T12:00:00Z").await {
            assert!(finding.confirmed);
            for mend in mend(&finding.books, minute(24 * 60)) {
                let mended = self.stock.mend(&mend, deadline()).await.unwrap();
                assert_eq!(mended, Mended::Done);
            }
        }
        assert_eq!(self.findings("2026-03-02T12:01:00Z").await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn evening_out_for_a_policy_hides_no_sale_from_a_count() {
    for seed in 0..16 {
        // given a level of ten that is split an hour after its receipt, and one that is sold then
        let store = Store::new(seed);
        store.receive(10, minute(0)).await;
        store.split(4).await;
        store.ask_for_too_much().await;
        store.sell("a", minute(60), minute(60)).await;
        // when it is split otherwise, and then it is told that ten were counted just before the sale
        store.split(3).await;
        let counted = store.count(10, second(3590), second(3630)).await;
        // then nine are left
        assert_eq!(counted.on_hand, 9, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_of_a_sku_that_sells_ten_a_second_is_taken_though_the_ledger_follows_a_moment_later()
 {
    let store = Store::new(1);
    store.receive(1000, minute(0)).await;
    // given a sale every tenth of a second
    let selling = async {
        for number in 0.. {
            let sale = Order {
                sold_at: minute(1),
                placed_at: minute(1),
                ..order(&number.to_string(), "store-1", "pos", &[("milk", 1)])
            };
            let placed = OrderStore::place(&store.shop, &sale, &request("a"), deadline()).await;
            assert_eq!(placed.unwrap(), Placement::Placed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // and a stream that brings each movement after 300 ms
    let following = async {
        let mut seen = 0;
        loop {
            let levels = store.stock.levels(&milk()).await.unwrap();
            if let Some(movement) = levels[0].level.movement_since(None)
                && movement.version > seen
            {
                seen = movement.version;
                let ledger = store.stock.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    ledger.record(&movement).await.unwrap();
                });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // when somebody counts
    let count = change(
        json!({"kind": "count", "location_id": "store-1", "sku": "milk",
        "quantity": 900, "counted_at": minute(2).to_string()}),
    );
    let pending = PendingChange {
        request: RequestId::derive("manager", "count"),
        index: 0,
        change: &count,
        at: minute(2),
        missing: MissingLevel::Report,
    };
    // then it is taken
    tokio::select! {
        () = selling => {}
        () = following => {}
        counted = store.stock.apply(pending, deadline()) => {
            assert!(matches!(counted, Ok(Applied::Now(_))), "{counted:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_a_sku_that_sells_once_a_second_is_found() {
    let store = Store::new(1);
    store.receive(1000, minute(0)).await;
    // given seven that nobody ordered, and a sale every second
    let promise = store
        .shop
        .client
        .update_item()
        .table_name(&store.shop.stock_table);
    promise
        .set_key(Some(key_of(&keys::level(&milk()))))
        .update_expression("SET allocated = :seven, available = available - :seven")
        .expression_attribute_values(":seven", AttributeValue::N("7".to_owned()))
        .send()
        .await
        .unwrap();
    let selling = async {
        for number in 0.. {
            store.sell(&number.to_string(), minute(1), minute(1)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    // when an audit looks
    let findings = tokio::select! {
        () = selling => Vec::new(),
        findings = store.findings("2026-03-01T12:02:00Z") => findings,
    };
    // then it is sure: the difference is the same at every look, whatever else moves
    assert!(
        findings.iter().any(|finding| finding.confirmed),
        "{} undecided",
        findings.len()
    );
}

#[tokio::test(start_paused = true)]
async fn an_item_left_by_a_policy_that_failed_learns_of_the_count_that_came_between() {
    // given a policy that failed when its new items were there and nobody used them yet, and a count after it
    let store = Store::new(1);
    store.receive(40, minute(0)).await;
    for _ in 0..3 {
        store.database.fail_next("UpdateItem", Fault::ErrorBefore);
    }
    assert!(!store.try_split(4).await);
    store.count(40, minute(10), minute(10)).await;
    // when the policy is sent again, and a till that was offline uploads what it sold before the count
    while !store.try_split(4).await {}
    store.tell().await;
    store.ask_for_too_much().await;
    for number in 0..8 {
        let name = number.to_string();
        store.sell(&name, minute(5), minute(30)).await;
    }
    // then nothing shifts what was counted
    assert_eq!(store.level().await.on_hand, 40);
}

#[tokio::test(start_paused = true)]
async fn a_split_that_the_ledger_has_not_followed_yet_is_no_confirmed_difference() {
    // given a level that rested for eight hours, and is split now
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    assert!(store.try_split(4).await);
    // when an audit comes before the stream's records are through
    let findings = store.findings("2026-03-01T20:00:05Z").await;
    // then it waits for them, as it does for any movement
    assert!(
        findings.iter().all(|finding| !finding.confirmed),
        "{findings:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn goods_that_are_damaged_do_not_leave_with_an_order() {
    let store = Store::new(1);
    store.receive(3, minute(0)).await;
    let known = placed(
        &store.shop,
        &order("a", "store-1", "online", &[("milk", 1)]),
    )
    .await;
    store.tell().await;
    let broken = change(
        json!({"kind": "state_change", "location_id": "store-1", "sku": "milk",
        "quantity": 3, "from": "sellable", "to": "damaged"}),
    );
    store.apply("broken", &broken, minute(1)).await;
    let all = FulfilOrder { lines: None };
    let id = fulfilment_id(&known.order, "a");
    let left = fulfil(
        &store.shop,
        &known,
        &all,
        id,
        &request("a"),
        minute(2),
        deadline(),
    )
    .await;
    assert!(matches!(left, Ok(Fulfilling::Short(_))), "{left:?}");
    let level = store.level().await;
    assert!(level.damaged <= level.on_hand, "{level:?}");
}

#[tokio::test(start_paused = true)]
async fn a_split_level_that_was_repaired_sells_nothing_that_another_item_owes() {
    for seed in 0..8 {
        // given a level over two items with three available, of which three were lost behind the ledger's back
        let store = Store::new(seed);
        store.receive(10, minute(0)).await;
        store.split(2).await;
        let online = order("online", "store-1", "online", &[("milk", 7)]);
        placed(&store.shop, &online).await;
        store.tell().await;
        let lose = store
            .shop
            .client
            .update_item()
            .table_name(&store.shop.stock_table);
        let minus = AttributeValue::N("-3".to_owned());
        lose.set_key(Some(key_of(&keys::level_bucket(&milk(), 0))))
            .update_expression("ADD on_hand :lost, available :lost")
            .expression_attribute_values(":lost", minus)
            .send()
            .await
            .unwrap();
        store.repair().await;
        assert_eq!(store.level().await.available(), 0);
        // when somebody wants one
        store.ask_for_too_much().await;
        for number in 0..8 {
            let sale = order(&number.to_string(), "store-1", "pos", &[("milk", 1)]);
            let placed = OrderStore::place(&store.shop, &sale, &request("a"), deadline()).await;
            // then there is none
            assert!(matches!(placed, Ok(Placement::Short(_))), "{placed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_left_by_a_policy_that_failed_while_the_level_was_short_keeps_no_later_policy_waiting()
 {
    // given a short level, a policy that failed when its new items were there, and goods that came in since
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    let online = order("online", "store-1", "online", &[("milk", 10)]);
    placed(&store.shop, &online).await;
    store.tell().await;
    store.count(4, minute(10), minute(10)).await;
    for _ in 0..3 {
        store.database.fail_next("UpdateItem", Fault::ErrorBefore);
    }
    assert!(!store.try_split(4).await);
    let more =
        change(json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 40}));
    store.apply("more", &more, minute(20)).await;
    assert_eq!(store.level().await.available(), 34);
    // when the policy is sent again
    let begun = Instant::now();
    assert!(store.try_split(4).await);
    // then it is answered at once
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_level_that_was_repaired_is_explained_without_the_gap() {
    let store = Store::new(1);
    store.receive(10, minute(0)).await;
    for name in ["a", "b", "c"] {
        store.sell(name, minute(1), minute(1)).await;
    }
    // given a movement that is gone, and a repair that made up for it
    let gone = keys::movement(&milk(), 0, 2);
    let delete = store.shop.client.delete_item();
    let delete = delete.table_name(&store.shop.stock_table);
    delete.set_key(Some(key_of(&gone))).send().await.unwrap();
    store.repair().await;
    // when it is asked why the level is what it is
    let histories = store.stock.history(&milk(), deadline()).await.unwrap();
    let holders = Holders {
        all_read: true,
        ..Holders::default()
    };
    // then all of it adds up, as the audit says too
    assert_eq!(explain(&histories, holders).differences, []);
}
