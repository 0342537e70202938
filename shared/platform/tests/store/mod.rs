//! A store that sells milk, on the simulated DynamoDB.
#![allow(
    dead_code,
    reason = "each test binary that has this module uses another part of it"
)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stockline_domain::audit::mend;
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::order::Order;
use stockline_domain::stock_change::StockChange;
use stockline_platform::cursor::Page;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::ports::books::{Bookkeeper, Books, Mended};
use stockline_platform::ports::orders::{OrderStore, Placement};
use stockline_platform::ports::stock::{
    Applied, Ledger, MissingLevel, PendingChange, Recorded, StockStore,
};
use stockline_platform::stock_audit::{Finding, Patience, StockAudit};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::conformance::stock::{change, key};
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;

/// A store that sells milk, and what it wrote.
pub struct Store {
    pub database: SimulatedDynamoDb,
    pub shop: DynamoShop,
    pub stock: DynamoStock,
}

impl Store {
    pub fn new(seed: u64) -> Self {
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
    pub async fn apply(&self, name: &str, change: &StockChange, at: Timestamp) -> Level {
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

    pub async fn receive(&self, quantity: i64, at: Timestamp) {
        let receipt = change(
            json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity}),
        );
        self.apply("receipt", &receipt, at).await;
    }

    pub async fn count(&self, quantity: i64, counted_at: Timestamp, at: Timestamp) -> Level {
        let count = change(
            json!({"kind": "count", "location_id": "store-1", "sku": "milk",
            "quantity": quantity, "counted_at": counted_at.to_string()}),
        );
        self.apply("count", &count, at).await
    }

    pub async fn try_split(&self, buckets: u8) -> bool {
        self.try_split_at(buckets, minute(0)).await
    }

    pub async fn try_split_at(&self, buckets: u8, at: Timestamp) -> bool {
        let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
        let policy = serde_json::from_value(policy).unwrap();
        let set = self
            .stock
            .set_policy(&milk(), &policy, MissingLevel::Report, at, deadline())
            .await;
        set.is_ok()
    }

    pub async fn split(&self, buckets: u8) {
        self.split_at(buckets, minute(0)).await;
    }

    pub async fn split_at(&self, buckets: u8, at: Timestamp) {
        assert!(self.try_split_at(buckets, at).await);
        self.tell().await;
    }

    /// Sells one at `sold_at`, told at `at`.
    pub async fn sell(&self, name: &str, sold_at: Timestamp, at: Timestamp) {
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
    pub async fn ask_for_too_much(&self) {
        let sale = order("too-much", "store-1", "online", &[("milk", 1000)]);
        let placed = OrderStore::place(&self.shop, &sale, &request("a"), deadline()).await;
        assert!(matches!(placed, Ok(Placement::Short(_))), "{placed:?}");
    }

    /// Records the last movement of every item of the level, as the stream would: once, whatever policy came after it.
    pub async fn tell(&self) {
        let page = Page {
            after: None,
            limit: 100,
        };
        let told = self.stock.movements(&milk(), page).await.unwrap().items;
        for stored in self.stock.levels(&milk()).await.unwrap() {
            if let Some(movement) = stored.level.movement_since(None)
                && told.iter().all(|known| {
                    (known.bucket, known.change.movement_id)
                        != (movement.bucket, movement.change.movement_id)
                })
            {
                let recorded = self.stock.record(&movement).await.unwrap();
                assert_ne!(recorded, Recorded::Conflict);
            }
        }
    }

    pub async fn level(&self) -> Level {
        self.stock.find(&milk()).await.unwrap().unwrap()
    }
}

pub fn milk() -> LevelKey {
    key("store-1", "milk")
}

pub fn second(seconds: i64) -> Timestamp {
    minute(0)
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap()
}

impl Store {
    pub fn audit(&self, now: &str) -> StockAudit<DynamoStock, DynamoOrders, FakeClock> {
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

    pub async fn findings(&self, now: &str) -> Vec<Finding> {
        let audit = self.audit(now);
        let location = milk().location_id;
        let held = audit.held_at(&location).await.unwrap();
        audit.page(&location, &held, None).await.unwrap().findings
    }

    /// What `cargo xtask repair --apply` does.
    pub async fn repair(&self) {
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
