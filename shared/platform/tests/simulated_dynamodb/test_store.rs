//! The fixture of these tests: one retail store with one level, of SKU `milk`, on the simulated DynamoDB.

mod audit;
mod database;
mod stream;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{self, FulfilOutcome, RefundOutcome};
use stockline_application::paging::Page;
use stockline_application::ports::audit_data::AuditData;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome, StoredOrder};
use stockline_application::ports::stock::{Ledger, RecordMovementOutcome, StockStore};
use stockline_application::ports::stock_changes::PendingChange;
use stockline_application::reorder_policy::{PolicyOutcome, PolicyRequest, set_policy};
use stockline_application::stock_change::{ChangeOutcome, apply_change};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::order::{FulfilOrder, Order, RefundContext, RefundLine, RefundOrder};
use stockline_domain::stock_change::RequestedChange;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::{StockedOrders, deadline, minute, request};
use stockline_testkit::conformance::stock::{change, key, receipt};
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::memory::catalog::EveryLevelStockable;
use stockline_testkit::orders::{fulfilment_id, order, refund_id};
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;

/// The seeds of tests whose interleaving depends on the random latencies and retry pauses.
pub const SEEDS: std::ops::Range<u64> = 0..8;

/// Fulfils all open lines of an order.
pub const FULFIL_ALL: FulfilOrder = FulfilOrder {
    lines: None,
    occurred_at: None,
};

/// A retail store with its order and stock stores.
pub struct TestStore {
    pub database: SimulatedDynamoDb,
    pub shop: DynamoShop,
    pub stock: DynamoStock,
}

pub fn milk_key() -> LevelKey {
    key("store-1", "milk")
}

/// Returns the time `seconds` after noon of 1 March 2026 UTC, like [`minute`].
pub fn second(seconds: i64) -> Timestamp {
    minute(0)
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap()
}

/// Creates a policy that splits a level over `buckets` items.
pub fn policy_with_buckets(buckets: u8) -> ReorderPolicy {
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
    serde_json::from_value(policy).unwrap()
}

/// Creates a count of milk.
pub fn count_change(quantity: i64, counted_at: Timestamp) -> RequestedChange {
    change(
        json!({"kind": "count", "location_id": "store-1", "sku": "milk", "quantity": quantity,
        "counted_at": counted_at.to_string()}),
    )
}

/// Creates an adjustment that removes damaged milk.
pub fn damage_change(quantity: i64) -> RequestedChange {
    change(
        json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -quantity,
        "reason": "damage"}),
    )
}

/// Setup.
impl TestStore {
    /// Creates an empty store.
    pub fn new(seed: u64) -> Self {
        Self::with_database(SimulatedDynamoDb::new(seed))
    }

    /// Creates an empty store on a database without tables.
    pub fn with_database(database: SimulatedDynamoDb) -> Self {
        let client = database.aws().dynamodb();
        let (orders, stock) = (
            database.create_table(Table::Orders),
            database.create_table(Table::Stock),
        );
        Self {
            shop: DynamoShop::new(client.clone(), client.clone(), orders, stock.clone()),
            stock: DynamoStock::new(client, stock),
            database,
        }
    }

    /// Creates a store with `on_hand` milk that has no movement in the ledger.
    pub async fn with_milk(seed: u64, on_hand: i64) -> Self {
        let store = Self::new(seed);
        store.put_level("milk", on_hand).await;
        store
    }

    /// Creates a store with `on_hand` milk, split evenly over four buckets, that has no movement in the ledger.
    pub async fn with_split_milk(seed: u64, on_hand: i64) -> Self {
        let store = Self::with_milk(seed, on_hand).await;
        let split = store.set_policy(&policy_with_buckets(4), minute(0)).await;
        assert_eq!(split.unwrap().unwrap().on_hand, on_hand);
        store
    }

    /// Writes a level of `sku` without a movement in the ledger.
    pub async fn put_level(&self, sku: &str, on_hand: i64) {
        StockedOrders::stock(&self.shop, "store-1", sku, on_hand).await;
    }

    /// Returns a stock store on the same table that has not cached how levels are split.
    pub fn stock_without_cache(&self) -> DynamoStock {
        DynamoStock::new(
            self.database.aws().dynamodb(),
            self.shop.stock_table.clone(),
        )
    }
}

/// Stock changes.
impl TestStore {
    /// Applies `change` at `at` without recording its movements in the ledger.
    pub async fn send_change(
        &self,
        name: &str,
        change: &RequestedChange,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError> {
        let pending = PendingChange {
            request: RequestId::derive("manager", name),
            index: 0,
            change,
            at,
        };
        apply_change(&self.stock, &EveryLevelStockable, pending, deadline()).await
    }

    /// Applies `change` at `at` and records its movements, as the stream consumer does.
    pub async fn apply_and_record(
        &self,
        name: &str,
        change: &RequestedChange,
        at: Timestamp,
    ) -> Level {
        let applied = self.send_change(name, change, at).await.unwrap();
        self.record_movements().await;
        match applied {
            ChangeOutcome::Applied(levels) => levels[0].clone(),
            other => panic!("the change was not applied: {other:?}"),
        }
    }

    pub async fn receive(&self, quantity: i64, at: Timestamp) {
        self.apply_and_record("receipt", &receipt("store-1", quantity), at)
            .await;
    }

    pub async fn count(&self, quantity: i64, counted_at: Timestamp, at: Timestamp) -> Level {
        self.apply_and_record("count", &count_change(quantity, counted_at), at)
            .await
    }

    /// Sets the policy of milk, if its level exists.
    pub async fn set_policy(
        &self,
        policy: &ReorderPolicy,
        at: Timestamp,
    ) -> Result<Option<Level>, StoreError> {
        let milk = milk_key();
        self.stock.set_policy(&milk, policy, at, deadline()).await
    }

    /// Sets the policy of milk, and creates its level if there is none.
    pub async fn set_or_create_policy(&self, policy: &ReorderPolicy, at: Timestamp) -> Level {
        let request = PolicyRequest {
            key: &milk_key(),
            policy,
            at,
            deadline: deadline(),
        };
        match set_policy(&self.stock, &EveryLevelStockable, request).await {
            Ok(PolicyOutcome::Set(level)) => *level,
            other => panic!("the policy is not set: {other:?}"),
        }
    }

    pub async fn try_split(&self, buckets: u8, at: Timestamp) -> bool {
        self.set_policy(&policy_with_buckets(buckets), at)
            .await
            .is_ok()
    }

    pub async fn split(&self, buckets: u8, at: Timestamp) {
        assert!(self.try_split(buckets, at).await);
        self.record_movements().await;
    }

    /// Records the last movement of every bucket of the level, as the stream consumer does. A movement that is recorded
    /// already is skipped, because a later policy change leaves it on the item.
    pub async fn record_movements(&self) {
        let page = Page {
            after: None,
            limit: 100,
        };
        let recorded = self.stock.movements(&milk_key(), page).await.unwrap().items;
        for stored in self.stock.levels(&milk_key()).await.unwrap() {
            if let Some(movement) = stored.level.movement_since(None)
                && recorded.iter().all(|known| {
                    (known.bucket, known.change.movement_id)
                        != (movement.bucket, movement.change.movement_id)
                })
            {
                let result = self.stock.record(&movement).await.unwrap();
                assert_ne!(result, RecordMovementOutcome::Conflict);
            }
        }
    }

    pub async fn level(&self) -> Level {
        self.stock.find(&milk_key()).await.unwrap().unwrap()
    }
}

/// Orders.
impl TestStore {
    /// Places `order`, which must succeed, without recording its movements in the ledger.
    pub async fn place(&self, order: &Order) {
        let placed = OrderStore::place(&self.shop, order, &request("a"), deadline()).await;
        assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
    }

    /// Sells one unit at `sold_at`. The order arrives at `at`. Records the movement.
    pub async fn sell(&self, name: &str, sold_at: Timestamp, at: Timestamp) {
        self.place(&Order {
            sold_at,
            placed_at: at,
            ..order(name, "store-1", "pos", &[("milk", 1)])
        })
        .await;
        self.record_movements().await;
    }

    /// Places an online order of `quantity` milk, which allocates it. Records the movement.
    pub async fn place_online(&self, quantity: i64) -> Order {
        let online = order("promised", "store-1", "online", &[("milk", quantity)]);
        self.place(&online).await;
        self.record_movements().await;
        online
    }

    /// Makes the order store cache how the level is split, by an order that fails because it exceeds the stock.
    pub async fn cache_split(&self) {
        let sale = order("too-much", "store-1", "online", &[("milk", 1000)]);
        let placed = OrderStore::place(&self.shop, &sale, &request("a"), deadline()).await;
        assert!(matches!(placed, Ok(PlaceOutcome::Short(_))), "{placed:?}");
    }

    /// Fulfils `body` of the order two minutes after it was placed, with the idempotency key `key`.
    pub async fn fulfil(
        &self,
        known: &StoredOrder,
        body: &FulfilOrder,
        key: &str,
    ) -> Result<FulfilOutcome, StoreError> {
        let (id, fingerprint) = (fulfilment_id(&known.order, key), request(key));
        order_lifecycle::fulfil(
            &self.shop,
            StepRequest {
                order: known,
                fingerprint: &fingerprint,
                at: minute(2),
                deadline: deadline(),
            },
            body,
            id,
        )
        .await
    }

    /// Refunds `line` at the location of the sale, with the idempotency key `key`.
    pub async fn refund(
        &self,
        known: &StoredOrder,
        line: RefundLine,
        key: &str,
    ) -> Result<RefundOutcome, StoreError> {
        let location = known.order.location_id.as_str();
        self.refund_at(location, known, line, key).await
    }

    /// Refunds `line` at `location`, with the idempotency key `key`.
    pub async fn refund_at(
        &self,
        location: &str,
        known: &StoredOrder,
        line: RefundLine,
        key: &str,
    ) -> Result<RefundOutcome, StoreError> {
        let body = RefundOrder {
            reason: "sour".to_owned(),
            location_id: None,
            occurred_at: None,
            lines: vec![line],
        };
        let place = RefundContext {
            refund_id: refund_id(&known.order, key),
            location_id: location.parse().unwrap(),
            business_date: known.order.business_date,
            at: minute(5),
        };
        order_lifecycle::refund(
            &self.shop,
            StepRequest {
                order: known,
                fingerprint: &request(key),
                at: place.at,
                deadline: deadline(),
            },
            &body,
            &place,
        )
        .await
    }
}
