//! A cache of locations in the function's memory, so that the request path does not read the catalog.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use stockline_domain::business_date::business_date;
use stockline_domain::catalog::Location;
use stockline_domain::ids::{LocationId, ZoneId};

use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::store_error::StoreError;

/// How long a location is served from the cache.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_mins(5);

/// A location with its parsed time zone.
#[derive(Debug, Clone)]
pub struct KnownLocation {
    /// The location.
    pub location: Location,
    /// Its time zone.
    pub time_zone: TimeZone,
}

impl KnownLocation {
    /// The business date of a sale at `sold_at`.
    pub fn business_date(&self, sold_at: Timestamp) -> Date {
        business_date(sold_at, &self.time_zone, self.location.close_out_hour)
    }

    /// Whether the location has the automated zone.
    pub fn has_zone(&self, zone: &ZoneId) -> bool {
        self.location
            .zones
            .iter()
            .any(|known| known.zone_id == *zone)
    }
}

/// A cache of the locations that this function has read.
///
/// Unknown locations are not cached, so that a new location works at once. When the catalog cannot be read, an expired entry
/// is served, because a till must be able to sell during an outage of the catalog.
#[derive(Debug)]
pub struct LocationCache<Catalog, Time> {
    store: Catalog,
    clock: Time,
    entries: Mutex<HashMap<LocationId, Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    known: Arc<KnownLocation>,
    read_at: Timestamp,
}

impl<Catalog: CatalogStore, Time: Clock> LocationCache<Catalog, Time> {
    /// An empty cache over `store`.
    pub fn new(store: Catalog, clock: Time) -> Self {
        Self {
            store,
            clock,
            entries: Mutex::default(),
        }
    }

    /// The location, at most five minutes old unless the catalog cannot be read.
    pub async fn find(&self, id: &LocationId) -> Result<Option<Arc<KnownLocation>>, StoreError> {
        let cached = self.entries().get(id).cloned();
        if let Some(entry) = cached {
            let age = self.clock.now().duration_since(entry.read_at);
            if !age.is_negative() && age < TIME_TO_LIVE {
                return Ok(Some(entry.known));
            }
        }
        self.reread(id).await
    }

    /// The location as it is in the catalog, or the cached one if the catalog cannot be read.
    pub async fn reread(&self, id: &LocationId) -> Result<Option<Arc<KnownLocation>>, StoreError> {
        let now = self.clock.now();
        let cached = self.entries().get(id).cloned();
        match (self.store.find_location(id).await, cached) {
            (Ok(Some(location)), _) => {
                let time_zone = TimeZone::get(&location.time_zone)
                    .map_err(StoreError::failed("read a location's time zone"))?;
                let known = Arc::new(KnownLocation {
                    location,
                    time_zone,
                });
                let entry = Entry {
                    known: Arc::clone(&known),
                    read_at: now,
                };
                self.entries().insert(id.clone(), entry);
                Ok(Some(known))
            }
            (Ok(None), _) => {
                self.entries().remove(id);
                Ok(None)
            }
            (Err(error), Some(entry)) => {
                tracing::warn!(%error, location_id = %id, "the location cannot be read; the cached one is used");
                Ok(Some(entry.known))
            }
            (Err(error), None) => Err(error),
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<LocationId, Entry>> {
        // Each access is a single map operation, so a poisoned lock does not mean inconsistent data.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
