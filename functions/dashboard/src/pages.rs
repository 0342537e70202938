//! The pages. Each module reads what its page shows, by one use case, and renders it.

pub mod assets;
pub mod item;
pub mod labels;
pub mod layout;
pub mod order;
pub mod orders;
pub mod parts;
pub mod replenishment;
pub mod stock;
pub mod stores;

use std::sync::Arc;

use stockline_application::location_cache::KnownLocation;
use stockline_domain::caller::Action;
use stockline_domain::ids::LocationId;
use stockline_platform::problem::Problem;

use crate::handler::{Dashboard, Ports, Visit};

/// Returns the location with the id `store`, if the caller may do `action` there.
///
/// # Errors
/// 403 if the caller's role may not do it anywhere. The same 404 for a location that does not exist and for one of others.
pub async fn location<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    action: Action,
    store: &str,
) -> Result<Arc<KnownLocation>, Problem> {
    let id: LocationId = store.parse().map_err(|_| Problem::not_found())?;
    visit.session.caller.may_at(action, &id)?;
    let location = dashboard.locations.find(&id).await?;
    location.ok_or_else(Problem::not_found)
}
