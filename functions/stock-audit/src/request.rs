//! The event of an audit.

use serde::{Deserialize, Serialize};
use stockline_domain::ids::LocationId;
use stockline_domain::invalid::{Checks, Invalid};

/// The most locations that one event may list.
pub const MAX_LOCATIONS: usize = 500;

/// The event: `{}` for every location of the catalog, or a list of locations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRequest {
    /// 1 to 500 locations; every location of the catalog if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<LocationId>>,
}

impl AuditRequest {
    /// The listed locations, sorted and without duplicates; none if the event has no list.
    ///
    /// # Errors
    /// [`Invalid`] if the list is empty or has more than 500 locations.
    pub fn check(self) -> Result<Option<Vec<LocationId>>, Invalid> {
        let mut checks = Checks::new();
        let Some(mut locations) = self.locations else {
            return checks.finish(None);
        };
        checks.require(
            (1..=MAX_LOCATIONS).contains(&locations.len()),
            "/locations",
            format!("must hold 1 to {MAX_LOCATIONS} locations"),
        );
        locations.sort_unstable();
        locations.dedup();
        checks.finish(Some(locations))
    }
}
