//! Where a SKU is stocked, and the history of its levels.

use std::future::Future;

use stockline_domain::caller::Locations;
use stockline_domain::explanation::LevelHistory;
use stockline_domain::ids::Sku;
use stockline_domain::level::{Level, LevelKey};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::store_error::StoreError;

/// The most movements of one level that an explanation reads.
pub const MAX_MOVEMENTS: usize = 1000;

/// Finds the levels of a SKU and their history.
pub trait StockLookup: Send + Sync {
    /// Lists the levels of `sku` at `locations`, by location. Levels are read strongly consistent; a new level may be missing from
    /// the list for a moment.
    fn list_by_sku(
        &self,
        sku: &Sku,
        locations: &Locations,
        page: Page,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Listing<Level>, StoreError>> + Send;

    /// The level and its movements since the last count, at most [`MAX_MOVEMENTS`]. A split level has one history per bucket; a
    /// level that does not exist has none.
    fn history(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<LevelHistory>, StoreError>> + Send;
}
