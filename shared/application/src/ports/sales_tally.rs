//! The store of the sales tally: contributions of orders and refunds, and the totals they sum to.

use std::future::Future;

use jiff::Timestamp;
use stockline_domain::ids::LocationId;
use stockline_domain::tally::{Contribution, HourTally, ReportRange, TallyWrite};

use crate::deadline::Deadline;
use crate::paging::{Listing, Position};
use crate::store_error::StoreError;

/// The number of buckets that the tally of each location is split into, so that it is not one hot item.
pub const TALLY_BUCKETS: u8 = 4;

/// The outcome of writing a contribution with its cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum TallyWriteOutcome {
    /// The contribution is stored, and its cell has changed by the difference.
    Written,
    /// Nothing changed: the stored contribution does not have the replaced revision. An earlier attempt of the same write may
    /// be the reason.
    Conflict,
}

/// A stored contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalliedContribution {
    /// The contribution.
    pub contribution: Contribution,
    /// When it was written.
    pub updated_at: Timestamp,
}

/// Writes the tally.
pub trait TallyStore: Send + Sync {
    /// Reads the stored contribution of the order or refund of `observed`, strongly consistent.
    fn find(
        &self,
        observed: &Contribution,
    ) -> impl Future<Output = Result<Option<Contribution>, StoreError>> + Send;

    /// Stores a contribution and adds its difference to its cell, both or neither. `at` is the current time.
    ///
    /// Writes nothing if the stored contribution does not have the replaced revision.
    fn write(
        &self,
        write: &TallyWrite,
        at: Timestamp,
        deadline: Deadline,
    ) -> impl Future<Output = Result<TallyWriteOutcome, StoreError>> + Send;
}

/// Reads the tally of a location. All reads are eventually consistent.
pub trait TallyReader: Send + Sync {
    /// Lists the totals of the dates in `range`, in any order. A cell is listed once for each of its buckets.
    fn hours(
        &self,
        location: &LocationId,
        range: ReportRange,
    ) -> impl Future<Output = Result<Vec<HourTally>, StoreError>> + Send;

    /// Lists the contributions of one bucket (0 to [`TALLY_BUCKETS`] - 1) to the dates in `range`, oldest date first, in pages of
    /// the store's choice. The buckets hold every contribution once.
    fn contributions(
        &self,
        location: &LocationId,
        range: ReportRange,
        bucket: u8,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<TalliedContribution>, StoreError>> + Send;
}
