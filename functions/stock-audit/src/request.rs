//! What an audit is asked for.

use serde::{Deserialize, Serialize};
use stockline_domain::ids::LocationId;
use stockline_domain::invalid::{Checks, Invalid};

/// The most locations that one request names.
pub const MAX_LOCATIONS: usize = 500;

/// The event: `{}` for every location, or some of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRequest {
    /// These; all of the catalog, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locations: Option<Vec<LocationId>>,
}

impl AuditRequest {
    /// The locations it names, each once and in order; none where it asks for all.
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
