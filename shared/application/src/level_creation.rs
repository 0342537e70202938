//! Whether a level that does not exist may be created.

use serde::{Deserialize, Serialize};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::LevelKey;

use crate::ports::stock::StockableCatalog;
use crate::store_error::StoreError;

/// Why a location must not stock a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotStockable {
    /// The location does not exist, or the caller has no access to it.
    UnknownLocation(LocationId),
    /// The catalog does not have the product.
    UnknownProduct(Sku),
}

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
