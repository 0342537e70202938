//! Where levels, the requests that change them and their movements are kept.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use stockline_domain::ids::{LocationId, RequestId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement, ReorderPolicy};
use stockline_domain::stock_change::{ChangeRefused, StockChange};

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::paging::{Listing, Page};
use crate::ports::catalog::CatalogStore;
use crate::store_error::StoreError;

/// What is known of a request when it comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It came for the first time.
    New,
    /// It came before.
    Before(EarlierRequest),
    /// Another request had used the same idempotency key.
    KeyReused,
}

/// A request as it came first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierRequest {
    /// When that was: what it says of time is as of then.
    pub came_at: Timestamp,
    /// The levels that its applied changes led to, by their index.
    pub applied: BTreeMap<usize, Vec<Level>>,
}

/// What to do about a level that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingLevel {
    /// Say so, and change nothing.
    Report,
    /// Create it: its product and location are known.
    Create,
}

/// One change of a request, about to be applied.
#[derive(Debug, Clone, Copy)]
pub struct PendingChange<'a> {
    /// The request it is part of.
    pub request: RequestId,
    /// Its place there, from 0.
    pub index: usize,
    /// What it does.
    pub change: &'a StockChange,
    /// When Stockline learnt of it.
    pub at: Timestamp,
    /// What to do about levels that are not there yet.
    pub missing: MissingLevel,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is applied; these are the levels it led to.
    Now(Vec<Level>),
    /// It had been applied before; these are the levels it led to then.
    Before(Vec<Level>),
    /// Nothing changed: a rule forbids it.
    Refused(ChangeRefused),
    /// Nothing changed: these levels are not there.
    Missing(Vec<LevelKey>),
}

/// What became of a movement that was to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is recorded.
    Now,
    /// It had been recorded before.
    Before,
    /// Another movement is recorded for the same version of the level.
    Conflict,
}

/// Changes and reads levels.
pub trait StockStore: Send + Sync {
    /// Opens the request `id`, which stands for its idempotency key and comes `at` this time, or finds that it came before.
    fn open(
        &self,
        id: RequestId,
        request: &Fingerprint,
        at: Timestamp,
    ) -> impl Future<Output = Result<Opened, StoreError>> + Send;

    /// What [`Self::open`] would say of a request that came before; none of one that did not. Writes nothing.
    fn recall(
        &self,
        id: RequestId,
        request: &Fingerprint,
    ) -> impl Future<Output = Result<Option<Opened>, StoreError>> + Send;

    /// Applies one change, all its levels or none, once however often it is asked for.
    fn apply(
        &self,
        pending: PendingChange<'_>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Applied, StoreError>> + Send;

    /// The level, as it is now.
    fn find(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;

    /// The levels of one location by SKU, each as it is now.
    fn list(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Listing<Level>, StoreError>> + Send;

    /// Sets when and how much to reorder; this is no movement. None if the level is missing and is only reported.
    ///
    /// What moves between the items of a level that is split by it is recorded as of `at`: now.
    fn set_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        missing: MissingLevel,
        at: Timestamp,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;

    /// The movements of a level, newest first.
    fn movements(
        &self,
        key: &LevelKey,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Movement>, StoreError>> + Send;
}

/// Knows levels whole, also those that are split over several items.
pub trait WholeLevels: Send + Sync {
    /// The level, as it is now.
    fn whole(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;
}

impl<S: StockStore> WholeLevels for S {
    async fn whole(&self, key: &LevelKey) -> Result<Option<Level>, StoreError> {
        self.find(key).await
    }
}

/// Records movements.
pub trait Ledger: Send + Sync {
    /// Records `movement` for ever; once recorded, nothing replaces it.
    fn record(
        &self,
        movement: &Movement,
    ) -> impl Future<Output = Result<Recorded, StoreError>> + Send;
}

/// Knows what may be stocked where; asked only before a level is created.
pub trait Stockable: Send + Sync {
    /// Whether there is such a product.
    fn has_product(&self, sku: &Sku) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whether there is such a location.
    fn has_location(
        &self,
        location: &LocationId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl<C: CatalogStore> Stockable for C {
    async fn has_product(&self, sku: &Sku) -> Result<bool, StoreError> {
        Ok(self.find_product(sku).await?.is_some())
    }

    async fn has_location(&self, location: &LocationId) -> Result<bool, StoreError> {
        Ok(self.find_location(location).await?.is_some())
    }
}
