//! Locations, kept in the function's memory for some minutes, so that the request path reads no catalog.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use stockline_domain::business_date::business_date;
use stockline_domain::catalog::Location;
use stockline_domain::ids::LocationId;

use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::store_error::StoreError;

/// How long a location is kept before it is read again.
const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// A location and its time zone, looked up once.
#[derive(Debug, Clone)]
pub struct KnownLocation {
    /// The location.
    pub location: Location,
    /// Its time zone.
    pub time_zone: TimeZone,
}

impl KnownLocation {
    /// The location's business date of a sale at `sold_at`.
    pub fn business_date(&self, sold_at: Timestamp) -> Date {
        business_date(sold_at, &self.time_zone, self.location.close_out_hour)
    }
}

/// The locations this function has read lately.
///
/// What is not there is not remembered: a store that opens is served at once. When the store fails, a location that
/// was read before is served as it was, because a till must be able to sell while the catalog cannot be read.
#[derive(Debug)]
pub struct LocationCache<S, C> {
    store: S,
    clock: C,
    kept: Mutex<HashMap<LocationId, Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    known: Arc<KnownLocation>,
    read_at: Timestamp,
}

impl<S: CatalogStore, C: Clock> LocationCache<S, C> {
    /// Nothing read yet.
    pub fn new(store: S, clock: C) -> Self {
        Self {
            store,
            clock,
            kept: Mutex::default(),
        }
    }

    /// The location, at most some minutes old.
    pub async fn find(&self, id: &LocationId) -> Result<Option<Arc<KnownLocation>>, StoreError> {
        let now = self.clock.now();
        let kept = self.kept().get(id).cloned();
        if let Some(kept) = &kept {
            let age = now.duration_since(kept.read_at);
            if !age.is_negative() && age < LIFE {
                return Ok(Some(Arc::clone(&kept.known)));
            }
        }
        match (self.store.find_location(id).await, kept) {
            (Ok(Some(location)), _) => {
                let time_zone = TimeZone::get(&location.time_zone)
                    .map_err(StoreError::failed("read a location's time zone"))?;
                let known = Arc::new(KnownLocation {
                    location,
                    time_zone,
                });
                let kept = Kept {
                    known: Arc::clone(&known),
                    read_at: now,
                };
                self.kept().insert(id.clone(), kept);
                Ok(Some(known))
            }
            (Ok(None), _) => {
                self.kept().remove(id);
                Ok(None)
            }
            (Err(error), Some(kept)) => {
                tracing::warn!(%error, location_id = %id, "the location cannot be read; it is taken as it was");
                Ok(Some(kept.known))
            }
            (Err(error), None) => Err(error),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<LocationId, Kept>> {
        // Each use is one step on the map, so a panic elsewhere cannot leave it half-written.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
