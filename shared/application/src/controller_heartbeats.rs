//! Records the heartbeats of the controllers that the deployment knows.

use std::collections::BTreeSet;

use stockline_domain::ids::ControllerId;
use stockline_domain::task::Controller;

use crate::location_cache::LocationCache;
use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::ports::tasks::ControllerStore;
use crate::store_error::StoreError;

/// The controllers of the deployment and the locations that they work at.
///
/// A task that is leased to a controller without a queue can be delivered to nobody, so a heartbeat is accepted only from a
/// controller that the deployment gave a queue.
#[derive(Debug)]
pub struct ControllerRegistry<Catalog, Time> {
    controllers: BTreeSet<ControllerId>,
    locations: LocationCache<Catalog, Time>,
}

/// The outcome of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatOutcome {
    /// The heartbeat is recorded, unless a later one is.
    Recorded,
    /// Nothing changed: the deployment has no such controller.
    UnknownController,
    /// Nothing changed: the location does not exist.
    UnknownLocation,
    /// Nothing changed: the location has no such zone.
    UnknownZone,
}

impl<Catalog: CatalogStore, Time: Clock> ControllerRegistry<Catalog, Time> {
    /// Creates the registry of the `controllers` that have a queue.
    pub fn new(
        controllers: impl IntoIterator<Item = ControllerId>,
        locations: LocationCache<Catalog, Time>,
    ) -> Self {
        Self {
            controllers: controllers.into_iter().collect(),
            locations,
        }
    }

    /// Records `heartbeat` if its controller and zone are known.
    pub async fn record_heartbeat<Controllers: ControllerStore>(
        &self,
        store: &Controllers,
        heartbeat: &Controller,
    ) -> Result<HeartbeatOutcome, StoreError> {
        let Controller {
            controller_id,
            location_id,
            zone_id,
            ..
        } = heartbeat;
        if !self.controllers.contains(controller_id) {
            return Ok(HeartbeatOutcome::UnknownController);
        }
        let mut known = self.locations.find(location_id).await?;
        if !known.as_ref().is_some_and(|known| known.has_zone(zone_id)) {
            // The zone may be newer than the cached location.
            known = self.locations.reread(location_id).await?;
        }
        let Some(location) = known else {
            return Ok(HeartbeatOutcome::UnknownLocation);
        };
        if !location.has_zone(zone_id) {
            return Ok(HeartbeatOutcome::UnknownZone);
        }
        store.record_heartbeat(heartbeat).await?;
        Ok(HeartbeatOutcome::Recorded)
    }
}
