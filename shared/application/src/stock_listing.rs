//! Lists levels and movements, and tells an empty list from one that does not exist.

use stockline_domain::caller::Locations;
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::ports::stock::{StockStore, StockableCatalog};
use crate::ports::stock_lookup::StockLookup;
use crate::store_error::StoreError;

/// Which page of a list to read, and until when.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// The page.
    pub page: Page,
    /// When the response is due.
    pub deadline: Deadline,
}

/// Lists the levels of a location by SKU. Returns `None` if the location does not exist.
pub async fn list_at_location<Stock: StockStore, Catalog: StockableCatalog>(
    stock: &Stock,
    catalog: &Catalog,
    location: &LocationId,
    request: ListRequest,
) -> Result<Option<Listing<Level>>, StoreError> {
    let is_first = request.page.after.is_none();
    let levels = stock.list(location, request.page, request.deadline).await?;
    let is_empty = is_first && levels.items.is_empty() && levels.next.is_none();
    if is_empty && !catalog.has_location(location).await? {
        return Ok(None);
    }
    Ok(Some(levels))
}

/// Reads the levels of these SKUs (at most 100) at a location, by SKU. A SKU without a level is left out. Returns `None` if the
/// location does not exist.
pub async fn find_at_location<Stock: StockStore, Catalog: StockableCatalog>(
    stock: &Stock,
    catalog: &Catalog,
    location: &LocationId,
    (skus, deadline): (&[Sku], Deadline),
) -> Result<Option<Vec<Level>>, StoreError> {
    let mut levels = stock.find_all(location, skus, deadline).await?;
    if levels.is_empty() && !catalog.has_location(location).await? {
        return Ok(None);
    }
    levels.sort_by(|one, other| one.sku.cmp(&other.sku));
    Ok(Some(levels))
}

/// Lists the levels of `sku` at `locations`, by location. Returns `None` if the product does not exist.
pub async fn list_by_sku<Stock: StockLookup, Catalog: StockableCatalog>(
    stock: &Stock,
    catalog: &Catalog,
    sku: &Sku,
    locations: &Locations,
    request: ListRequest,
) -> Result<Option<Listing<Level>>, StoreError> {
    let is_first = request.page.after.is_none();
    let levels = stock
        .list_by_sku(sku, locations, request.page, request.deadline)
        .await?;
    if is_first && levels.items.is_empty() && !catalog.has_product(sku).await? {
        return Ok(None);
    }
    Ok(Some(levels))
}

/// Lists the movements of a level, newest first. Returns `None` if the level does not exist.
pub async fn list_movements<Stock: StockStore>(
    stock: &Stock,
    key: &LevelKey,
    page: Page,
) -> Result<Option<Listing<Movement>>, StoreError> {
    let movements = stock.movements(key, page).await?;
    if movements.items.is_empty() && stock.find(key).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(movements))
}
