//! Which controllers exist, and which zones a location has.

use std::collections::BTreeSet;

use stockline_application::location_cache::LocationCache;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_domain::ids::ControllerId;
use stockline_domain::invalid::Invalid;
use stockline_domain::task::Controller;
use stockline_platform::problem::Problem;

/// The controllers of the deployment and the locations that they work at.
///
/// A task that is leased to a controller without a queue can be delivered to nobody, so a heartbeat is accepted only from a
/// controller that the deployment gave a queue.
pub struct ControllerRegistry<Catalog, Time> {
    controllers: BTreeSet<ControllerId>,
    locations: LocationCache<Catalog, Time>,
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

    /// Checks that the controller exists and that its zone is one of its location's.
    ///
    /// # Errors
    /// 404 for an unknown controller or location, 400 for an unknown zone, and a failure of the catalog.
    pub async fn check(&self, controller: &Controller) -> Result<(), Problem> {
        let Controller {
            controller_id,
            location_id,
            zone_id,
            ..
        } = controller;
        if !self.controllers.contains(controller_id) {
            return Err(Problem::not_found());
        }
        let mut known = self.locations.find(location_id).await?;
        if !known.as_ref().is_some_and(|known| known.has_zone(zone_id)) {
            // The zone may be newer than the cached location.
            known = self.locations.reread(location_id).await?;
        }
        let location = known.ok_or_else(Problem::not_found)?;
        if location.has_zone(zone_id) {
            Ok(())
        } else {
            let rule = format!("must be a zone of location {location_id}, got {zone_id}");
            Err(Invalid::field("/zone_id", rule).into())
        }
    }
}
