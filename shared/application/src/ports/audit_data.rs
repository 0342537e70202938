//! The books: levels as they are stored, all their movements, what an audit found, and what puts them right.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use stockline_domain::audit::{Difference, Mend, StoredLevel};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};

use crate::deadline::Deadline;
use crate::paging::{Listing, Position};
use crate::store_error::StoreError;

/// Reads the books.
pub trait Books: Send + Sync {
    /// A page of the SKUs that `location` stocks, in their order. One that is new there may be missing for a moment.
    fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Sku>, StoreError>> + Send;

    /// The levels of one SKU at one location, as they are stored now; none where there is none.
    fn levels(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Vec<StoredLevel>, StoreError>> + Send;

    /// A page of the movements of `level`, oldest first, as many as the store reads at once, as they are now.
    fn ledger_page(
        &self,
        level: &Level,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Movement>, StoreError>> + Send;
}

/// What became of a write that was to put books right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mended {
    /// It is done.
    Done,
    /// Another write came first: nothing is done, and what was found may not be so any more.
    MovedOn,
}

/// Puts books right.
pub trait Bookkeeper: Send + Sync {
    /// Does what `mend` says, all of it or nothing.
    fn mend(
        &self,
        mend: &Mend,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Mended, StoreError>> + Send;
}

/// What an audit found of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Where.
    pub location_id: LocationId,
    /// Of what.
    pub sku: Sku,
    /// When the run began that found it.
    pub run_at: Timestamp,
    /// Whether it was still so at the second look.
    pub confirmed: bool,
    /// The versions of the levels that were looked at.
    pub versions: Vec<u64>,
    /// What contradicts itself; nothing where the run could not wait for the ledger.
    pub differences: Vec<Difference>,
}

/// Keeps what audits found, by location and day.
pub trait AuditRecords: Send + Sync {
    /// Keeps `record` under `day`, over what was found of the SKU before.
    fn keep(
        &self,
        day: Date,
        record: &AuditRecord,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets what runs that began before `run_at` found at `location` on `day`: a later one did not find it again.
    fn forget_before(
        &self,
        location: &LocationId,
        day: Date,
        run_at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What was found at `location` on `day`, by SKU, at most a thousand.
    fn found_on(
        &self,
        location: &LocationId,
        day: Date,
    ) -> impl Future<Output = Result<Vec<AuditRecord>, StoreError>> + Send;
}
