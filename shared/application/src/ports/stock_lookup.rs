//! Where a SKU is, and how its levels came to be what they are.

use std::future::Future;

use stockline_domain::caller::Locations;
use stockline_domain::explanation::History;
use stockline_domain::ids::Sku;
use stockline_domain::level::{Level, LevelKey};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::store_error::StoreError;

/// The most movements of one level that an explanation reads.
pub const MAX_MOVEMENTS: usize = 1000;

/// Finds a SKU's levels, and reads back what moved them.
pub trait Whereabouts: Send + Sync {
    /// The levels of `sku` at those of `locations` that stock it, by location, each as it is now.
    ///
    /// A location that stocks it only since a moment ago may be missing.
    fn list_by_sku(
        &self,
        sku: &Sku,
        locations: &Locations,
        page: Page,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Listing<Level>, StoreError>> + Send;

    /// The level and what moved it since its last count, at most [`MAX_MOVEMENTS`]: one history for each part of a level
    /// that is split; none where there is no such level.
    fn history(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<History>, StoreError>> + Send;
}
