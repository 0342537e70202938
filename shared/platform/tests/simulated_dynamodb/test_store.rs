//! A store that sells milk, on the simulated DynamoDB.

mod audited;
mod database;
mod stream;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::order::{FulfilOrder, Order, RefundLine, RefundOrder, RefundPlace};
use stockline_domain::stock_change::StockChange;
use stockline_platform::cursor::Page;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::ports::books::Books;
use stockline_platform::ports::orders::{
    self, Fulfilling, KnownOrder, OrderStore, Placement, Refunding,
};
use stockline_platform::ports::stock::{
    Applied, Ledger, MissingLevel, PendingChange, Recorded, StockStore,
};
use stockline_platform::store_error::StoreError;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::{StockedOrders, deadline, minute, request};
use stockline_testkit::conformance::stock::{change, key, receipt};
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::orders::{fulfilment_id, order, refund_id};
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;

/// What a story is told with that goes otherwise as latencies and pauses are drawn.
pub const SEEDS: std::ops::Range<u64> = 0..8;

/// All that is open of an order.
pub const ALL: FulfilOrder = FulfilOrder {
    lines: None,
    occurred_at: None,
};

/// A store that sells milk, and what it wrote.
pub struct Store {
    pub database: SimulatedDynamoDb,
    pub shop: DynamoShop,
    pub stock: DynamoStock,
}

pub fn milk() -> LevelKey {
    key("store-1", "milk")
}

/// So many seconds past noon.
pub fn second(seconds: i64) -> Timestamp {
    minute(0)
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap()
}

/// A policy under which a level lies in so many items.
pub fn over(buckets: u8) -> ReorderPolicy {
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
    serde_json::from_value(policy).unwrap()
}

/// A count of milk.
pub fn count(quantity: i64, counted_at: Timestamp) -> StockChange {
    change(
        json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": quantity,
        "counted_at": counted_at.to_string()}),
    )
}

/// Milk that breaks.
pub fn damaged(quantity: i64) -> StockChange {
    change(
        json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -quantity,
        "reason": "damage"}),
    )
}

/// How a store comes to its milk.
impl Store {
    /// With nothing in it.
    pub fn new(seed: u64) -> Self {
        Self::on(SimulatedDynamoDb::new(seed))
    }

    /// With nothing in it, on a database that has no tables yet.
    pub fn on(database: SimulatedDynamoDb) -> Self {
        let client = database.aws().dynamodb();
        let (orders, stock) = (database.table(Table::Orders), database.table(Table::Stock));
        Self {
            shop: DynamoShop::new(client.clone(), client.clone(), orders, stock.clone()),
            stock: DynamoStock::new(client, stock),
            database,
        }
    }

    /// With so much milk, of which the ledger knows nothing.
    pub async fn of_milk(seed: u64, on_hand: i64) -> Self {
        let store = Self::new(seed);
        store.put("milk", on_hand).await;
        store
    }

    /// With so much milk in four items evenly, of which the ledger knows nothing.
    pub async fn of_split_milk(seed: u64, on_hand: i64) -> Self {
        let store = Self::of_milk(seed, on_hand).await;
        let split = store.set_policy(&over(4), minute(0)).await;
        assert_eq!(split.unwrap().unwrap().on_hand, on_hand);
        store
    }

    /// So much of `sku` is there, of which the ledger knows nothing.
    pub async fn put(&self, sku: &str, on_hand: i64) {
        StockedOrders::stock(&self.shop, "store-1", sku, on_hand).await;
    }

    /// The same stock for one who has not heard over how many items a level is split.
    pub fn stock_of_a_newcomer(&self) -> DynamoStock {
        DynamoStock::new(
            self.database.aws().dynamodb(),
            self.shop.stock_table.clone(),
        )
    }
}

/// What changes the stock.
impl Store {
    /// Sends `change` at `at`; the ledger does not hear of it yet.
    pub async fn send(
        &self,
        name: &str,
        change: &StockChange,
        at: Timestamp,
    ) -> Result<Applied, StoreError> {
        let pending = PendingChange {
            request: RequestId::derive("manager", name),
            index: 0,
            change,
            at,
            missing: MissingLevel::Create,
        };
        self.stock.apply(pending, deadline()).await
    }

    /// Applies `change` at `at` and records what it did, as the stream would.
    pub async fn apply(&self, name: &str, change: &StockChange, at: Timestamp) -> Level {
        let applied = self.send(name, change, at).await.unwrap();
        self.tell().await;
        match applied {
            Applied::Now(levels) => levels[0].clone(),
            other => panic!("it was not applied: {other:?}"),
        }
    }

    pub async fn receive(&self, quantity: i64, at: Timestamp) {
        self.apply("receipt", &receipt("store-1", quantity), at)
            .await;
    }

    pub async fn count(&self, quantity: i64, counted_at: Timestamp, at: Timestamp) -> Level {
        self.apply("count", &count(quantity, counted_at), at).await
    }

    /// Sets the policy of milk, where there is a level of it.
    pub async fn set_policy(
        &self,
        policy: &ReorderPolicy,
        at: Timestamp,
    ) -> Result<Option<Level>, StoreError> {
        let (milk, report) = (milk(), MissingLevel::Report);
        self.stock
            .set_policy(&milk, policy, report, at, deadline())
            .await
    }

    pub async fn try_split(&self, buckets: u8, at: Timestamp) -> bool {
        self.set_policy(&over(buckets), at).await.is_ok()
    }

    pub async fn split(&self, buckets: u8, at: Timestamp) {
        assert!(self.try_split(buckets, at).await);
        self.tell().await;
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

/// What is ordered.
impl Store {
    /// Places `order`, for which there is enough; the ledger does not hear of it yet.
    pub async fn place(&self, order: &Order) {
        let placed = OrderStore::place(&self.shop, order, &request("a"), deadline()).await;
        assert_eq!(placed.unwrap(), Placement::Placed);
    }

    /// Sells one at `sold_at`, told at `at`.
    pub async fn sell(&self, name: &str, sold_at: Timestamp, at: Timestamp) {
        self.place(&Order {
            sold_at,
            placed_at: at,
            ..order(name, "store-1", "pos", &[("milk", 1)])
        })
        .await;
        self.tell().await;
    }

    /// Promises so much to somebody online.
    pub async fn promise(&self, quantity: i64) -> Order {
        let promised = order("promised", "store-1", "online", &[("milk", quantity)]);
        self.place(&promised).await;
        self.tell().await;
        promised
    }

    /// Lets the order store learn over how many items the level is split: nobody has a thousand.
    pub async fn ask_for_too_much(&self) {
        let sale = order("too-much", "store-1", "online", &[("milk", 1000)]);
        let placed = OrderStore::place(&self.shop, &sale, &request("a"), deadline()).await;
        assert!(matches!(placed, Ok(Placement::Short(_))), "{placed:?}");
    }

    /// What of the order is to leave two minutes after it was placed, asked for under `key`.
    pub async fn fulfil(
        &self,
        known: &KnownOrder,
        what: &FulfilOrder,
        key: &str,
    ) -> Result<Fulfilling, StoreError> {
        let (id, same) = (fulfilment_id(&known.order, key), request(key));
        orders::fulfil(&self.shop, known, what, id, &same, minute(2), deadline()).await
    }

    /// Pays `line` back where it was sold, asked for under `key`.
    pub async fn refund(
        &self,
        known: &KnownOrder,
        line: RefundLine,
        key: &str,
    ) -> Result<Refunding, StoreError> {
        let where_it_was_sold = known.order.location_id.as_str();
        self.refund_at(where_it_was_sold, known, line, key).await
    }

    /// Pays `line` back at `location`, asked for under `key`.
    pub async fn refund_at(
        &self,
        location: &str,
        known: &KnownOrder,
        line: RefundLine,
        key: &str,
    ) -> Result<Refunding, StoreError> {
        let back = RefundOrder {
            reason: "sour".to_owned(),
            location_id: None,
            occurred_at: None,
            lines: vec![line],
        };
        let place = RefundPlace {
            refund_id: refund_id(&known.order, key),
            location_id: location.parse().unwrap(),
            business_date: known.order.business_date,
            at: minute(5),
        };
        orders::refund(&self.shop, known, &back, &place, &request(key), deadline()).await
    }
}
