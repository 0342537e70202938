//! The locations that a person may choose from.

use stockline_domain::caller::{Caller, Locations};
use stockline_domain::catalog::Location;

use crate::ports::catalog::CatalogStore;
use crate::store_error::StoreError;

/// Lists the locations of `caller` by id. Locations that are not in the catalog are left out.
pub async fn list_stores<Catalog: CatalogStore>(
    catalog: &Catalog,
    caller: &Caller,
) -> Result<Vec<Location>, StoreError> {
    let mut locations = catalog.list_locations().await?;
    if let Locations::Only(own) = &caller.locations {
        locations.retain(|location| own.contains(&location.location_id));
    }
    Ok(locations)
}
