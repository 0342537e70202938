//! Stores locations. The time zone of a location that has stock stays as it is.

use stockline_domain::catalog::Location;

use crate::deadline::Deadline;
use crate::ports::catalog::CatalogStore;
use crate::ports::stock::StockedLocations;
use crate::store_error::StoreError;

/// The outcome of storing a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutLocationOutcome {
    /// The location is created or replaced.
    Stored,
    /// Nothing changed: the location has stock, and another time zone than requested.
    TimeZoneFixed {
        /// Its time zone.
        current: String,
    },
}

/// Creates or replaces a location, unless that changes the time zone of a location that has stock.
///
/// The export groups the sales of a day by the time zone of their location. If a location moved to another group, its days
/// would be exported in both. Orders are listed by location and date, so whether a location ever had one cannot be read at
/// once; a location without stock never had one.
///
/// # Errors
/// [`StoreError`] if a store fails.
pub async fn put_location<Catalog: CatalogStore, Stock: StockedLocations>(
    catalog: &Catalog,
    stock: &Stock,
    location: &Location,
    deadline: Deadline,
) -> Result<PutLocationOutcome, StoreError> {
    let id = &location.location_id;
    if let Some(current) = catalog.find_location(id).await?
        && current.time_zone != location.time_zone
        && stock.has_stock(id).await?
    {
        return Ok(PutLocationOutcome::TimeZoneFixed {
            current: current.time_zone,
        });
    }
    catalog.put_location(location, deadline).await?;
    Ok(PutLocationOutcome::Stored)
}
