//! Whether a level that does not exist may be created.

use stockline_domain::level::LevelKey;

use crate::ports::stock::StockableCatalog;
pub use crate::ports::stock_changes::NotStockable;
use crate::store_error::StoreError;

/// The first of `keys` whose location or product is not in the catalog; `None` if all are.
pub async fn find_not_stockable<Catalog: StockableCatalog>(
    catalog: &Catalog,
    keys: &[LevelKey],
) -> Result<Option<NotStockable>, StoreError> {
    for LevelKey { location_id, sku } in keys {
        if !catalog.has_location(location_id).await? {
            return Ok(Some(NotStockable::UnknownLocation(location_id.clone())));
        }
        if !catalog.has_product(sku).await? {
            return Ok(Some(NotStockable::UnknownProduct(sku.clone())));
        }
    }
    Ok(None)
}
