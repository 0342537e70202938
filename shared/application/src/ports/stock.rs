//! Stores of levels, of requests that change them, and of movements.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use stockline_domain::ids::{LocationId, RequestId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement, ReorderPolicy};

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::paging::{Listing, Page};
use crate::ports::catalog::CatalogStore;
use crate::ports::stock_changes::ChangeResult;
use crate::store_error::StoreError;

/// Whether a request was received before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestStatus {
    /// The request is new.
    New,
    /// The request was received before.
    Known(EarlierRequest),
    /// Another request used the same idempotency key.
    KeyReused,
}

/// A request that was received before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierRequest {
    /// When it was first received. Reported times are validated against this time, also in a retry.
    pub received_at: Timestamp,
    /// The recorded results of its changes, by index of the change. A change that was not decided yet has none.
    pub settled: BTreeMap<usize, ChangeResult>,
}

/// The outcome of recording a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordMovementOutcome {
    /// The movement is recorded.
    Written,
    /// The movement was recorded before.
    AlreadyRecorded,
    /// Another movement is recorded for the same version of the level.
    Conflict,
}

/// Stores requests that change levels, reads levels, and sets their policies.
pub trait StockStore: Send + Sync {
    /// Records that the request `id` was received at `at`, unless it was received before. The id is derived from the idempotency
    /// key.
    fn open(
        &self,
        id: RequestId,
        request: &Fingerprint,
        at: Timestamp,
    ) -> impl Future<Output = Result<RequestStatus, StoreError>> + Send;

    /// Like [`Self::open`], but writes nothing: `None` for a request that was not received before.
    fn recall(
        &self,
        id: RequestId,
        request: &Fingerprint,
    ) -> impl Future<Output = Result<Option<RequestStatus>, StoreError>> + Send;

    /// Reads the level, strongly consistent.
    fn find(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;

    /// Reads the levels of these SKUs (at most 100) at one location, in any order. A SKU without a level is left out. Each is
    /// read strongly consistent.
    fn find_all(
        &self,
        location: &LocationId,
        skus: &[Sku],
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<Level>, StoreError>> + Send;

    /// Lists the levels of one location by SKU. Each is read strongly consistent.
    fn list(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Listing<Level>, StoreError>> + Send;

    /// Sets the reorder policy of a level, unless it has an equal one. Returns the level, or `None` if it does not exist.
    ///
    /// A policy that changes the number of buckets moves stock between them; those movements are recorded at `at`.
    fn set_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        at: Timestamp,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;

    /// Creates a level with `policy` and without stock. Returns the level, or `None` if it exists.
    fn create_with_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        at: Timestamp,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;

    /// Lists the movements of a level, newest first.
    fn movements(
        &self,
        key: &LevelKey,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Movement>, StoreError>> + Send;
}

/// Reads levels, summed over their buckets where they are split.
pub trait LevelReader: Send + Sync {
    /// Reads the level, strongly consistent.
    fn read_level(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;
}

impl<Stock: StockStore> LevelReader for Stock {
    async fn read_level(&self, key: &LevelKey) -> Result<Option<Level>, StoreError> {
        self.find(key).await
    }
}

/// Tells which locations have stock.
pub trait StockedLocations: Send + Sync {
    /// Whether the location has a level of any SKU, also one that is empty by now. A new level may be missing for a moment.
    fn has_stock(
        &self,
        location: &LocationId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// The ledger of movements.
pub trait Ledger: Send + Sync {
    /// Records `movement`. A recorded movement is never changed.
    fn record(
        &self,
        movement: &Movement,
    ) -> impl Future<Output = Result<RecordMovementOutcome, StoreError>> + Send;
}

/// Tells which products and locations exist. Read only before a level is created.
pub trait StockableCatalog: Send + Sync {
    /// Whether the product exists.
    fn has_product(&self, sku: &Sku) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whether the location exists.
    fn has_location(
        &self,
        location: &LocationId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl<Catalog: CatalogStore> StockableCatalog for Catalog {
    async fn has_product(&self, sku: &Sku) -> Result<bool, StoreError> {
        Ok(self.find_product(sku).await?.is_some())
    }

    async fn has_location(&self, location: &LocationId) -> Result<bool, StoreError> {
        Ok(self.find_location(location).await?.is_some())
    }
}
