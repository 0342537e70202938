//! The data that an audit of stock compares, the records of its findings, and the repair of levels.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use stockline_domain::audit::{Difference, RepairWrite, StoredLevel};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};

use crate::deadline::Deadline;
use crate::paging::{Listing, Position};
use crate::store_error::StoreError;

/// Reads levels and their movements for an audit.
pub trait AuditData: Send + Sync {
    /// Lists the SKUs stocked at `location`, in order. Eventually consistent.
    fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Sku>, StoreError>> + Send;

    /// Reads the stored buckets of a level, strongly consistent; empty if the level does not exist.
    fn levels(
        &self,
        key: &LevelKey,
    ) -> impl Future<Output = Result<Vec<StoredLevel>, StoreError>> + Send;

    /// Lists the movements of one bucket of a level, oldest first, in pages of the store's choice. Strongly consistent.
    fn ledger_page(
        &self,
        level: &Level,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Movement>, StoreError>> + Send;
}

/// The outcome of a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairOutcome {
    /// The repair is written.
    Repaired,
    /// Nothing changed: the level was written since the audit read it.
    Conflict,
}

/// Repairs levels whose data contradict each other.
pub trait StockRepairer: Send + Sync {
    /// Writes the repair, all or nothing.
    fn repair(
        &self,
        repair: &RepairWrite,
        deadline: Deadline,
    ) -> impl Future<Output = Result<RepairOutcome, StoreError>> + Send;
}

/// The finding of an audit on one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The location.
    pub location_id: LocationId,
    /// The SKU.
    pub sku: Sku,
    /// When the audit run began.
    pub run_at: Timestamp,
    /// Whether a second observation confirmed it.
    pub confirmed: bool,
    /// The versions of the observed buckets.
    pub versions: Vec<u64>,
    /// The differences; empty if the ledger did not catch up in time.
    pub differences: Vec<Difference>,
}

/// The store of audit findings, by location and day.
pub trait AuditRecordStore: Send + Sync {
    /// Writes the finding of `day`, replacing an earlier one of the same level.
    fn keep(
        &self,
        day: Date,
        record: &AuditRecord,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes the findings at `location` on `day` of runs that began before `run_at`: a later run did not confirm them.
    fn forget_before(
        &self,
        location: &LocationId,
        day: Date,
        run_at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Lists the findings at `location` on `day` by SKU, at most a thousand.
    fn found_on(
        &self,
        location: &LocationId,
        day: Date,
    ) -> impl Future<Output = Result<Vec<AuditRecord>, StoreError>> + Send;
}
