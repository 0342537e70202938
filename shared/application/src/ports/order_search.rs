//! Finds orders again.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::Order;

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::store_error::StoreError;

/// A range of placement times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedRange {
    /// The first time.
    pub from: Timestamp,
    /// The time after the last one.
    pub to: Timestamp,
}

impl PlacedRange {
    /// Returns whether the range has `at`.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// Finds orders by what a caller knows of them.
pub trait OrderSearch: Send + Sync {
    /// Lists the orders of one location and business date that were placed in `placed`, oldest first.
    fn placed_on(
        &self,
        location: &LocationId,
        business_date: Date,
        placed: PlacedRange,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// Lists the orders of one location with this external reference, by business date. Each is read strongly consistent, but
    /// an order may be missing for a moment after it was placed.
    fn by_reference(
        &self,
        location: &LocationId,
        reference: &str,
        page: Page,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// Reads those of the orders `ids` that exist, in any order. Strongly consistent.
    fn find_all(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<Order>, StoreError>> + Send;
}
