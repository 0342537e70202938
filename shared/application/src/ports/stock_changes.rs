//! The reads and the write of one requested stock change.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{LocationId, ReplenishmentOrderId, RequestId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_domain::split_level::{SplitLevel, WritePlan};
use stockline_domain::stock_change::{ChangeRefused, RequestedChange};

use crate::deadline::Deadline;
use crate::store_error::StoreError;

/// A level as it was read.
#[derive(Debug, Clone)]
pub struct LevelSnapshot {
    /// All its buckets.
    pub level: SplitLevel,
    /// Whether the buckets were read as one snapshot. If not, stock that moved between them during the read may be counted
    /// twice or not at all. A write planned from it is safe, because its conditions are checked; a refusal is not.
    pub is_consistent: bool,
}

/// One requested change, ready to be applied.
#[derive(Debug, Clone, Copy)]
pub struct PendingChange<'a> {
    /// The id of its request.
    pub request: RequestId,
    /// Its index in the request, from 0.
    pub index: usize,
    /// The requested change.
    pub change: &'a RequestedChange,
    /// When this attempt of the request was received.
    pub at: Timestamp,
}

/// The planned write of one level.
#[derive(Debug, Clone)]
pub struct PlannedWrite {
    /// The level.
    pub key: LevelKey,
    /// How its buckets are written.
    pub plan: WritePlan,
    /// The level after the write, if no other write changes it since it was read.
    pub after: SplitLevel,
}

/// The planned writes of one change.
#[derive(Debug, Clone)]
pub struct PlannedChange {
    /// The writes, one per level that changes.
    pub writes: Vec<PlannedWrite>,
    /// The replenishment order before and after the change, if the change receives goods of one.
    pub order: Option<(ReplenishmentOrder, ReplenishmentOrder)>,
}

impl PlannedChange {
    /// The total of each written level after the change.
    pub fn totals_after(&self) -> Vec<Level> {
        let after = self.writes.iter().map(|write| write.after.total());
        after.collect()
    }
}

/// Why a location must not stock a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotStockable {
    /// The location does not exist, or the caller has no access to it.
    UnknownLocation(LocationId),
    /// The catalog does not have the product.
    UnknownProduct(Sku),
}

/// The recorded result of one change. It never changes: a retry of the request returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeResult {
    /// The change is applied. These are the resulting levels.
    Applied(Vec<Level>),
    /// Nothing changed: a rule of the level forbids it.
    Refused(ChangeRefused),
    /// Nothing changed: a level does not exist and must not be created.
    NotStockable(NotStockable),
}

/// The outcome of writing a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeWriteOutcome {
    /// The change and its record are written.
    Written,
    /// Nothing changed: the change has this recorded result.
    AlreadySettled(ChangeResult),
    /// Nothing changed: a level or the replenishment order was written since it was read.
    Conflict,
}

/// Reads the levels of a change and writes the change with its record.
pub trait StockChangeStore: Send + Sync {
    /// Reads all buckets of a level, each strongly consistent. Returns `None` if the level does not exist.
    fn read_snapshot(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<LevelSnapshot>, StoreError>> + Send;

    /// Reads the recorded movements of one bucket of a level, newest first, at least back to the newest that cannot have
    /// happened at or after `time`. The newest movements may be missing: they are recorded shortly after the level changes.
    fn movements_back_to(
        &self,
        bucket: &Level,
        time: Timestamp,
    ) -> impl Future<Output = Result<Vec<Movement>, StoreError>> + Send;

    /// Reads the replenishment order that a receipt names, strongly consistent.
    fn read_replenishment_order(
        &self,
        id: ReplenishmentOrderId,
    ) -> impl Future<Output = Result<Option<ReplenishmentOrder>, StoreError>> + Send;

    /// Makes one attempt to write the levels together with the replenishment order and the record of the change, all or
    /// nothing. The record holds the resulting levels, and exists at most once. The order is written only if it has the
    /// version that was read; an order that the change closes is no longer the open order of its level.
    fn write_change(
        &self,
        pending: PendingChange<'_>,
        planned: &PlannedChange,
        deadline: Deadline,
    ) -> impl Future<Output = Result<ChangeWriteOutcome, StoreError>> + Send;

    /// Records that the change is refused, unless it has a recorded result. Returns the result that it had before; `None` if
    /// the refusal is recorded now. Waits for a duplicate of the request that is applying the change at the moment.
    fn record_refusal(
        &self,
        pending: PendingChange<'_>,
        refusal: &ChangeResult,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<ChangeResult>, StoreError>> + Send;
}
