//! Routes each catalog operation of the API to the catalog store.

use stockline_application::location_changes::{PutLocationOutcome, put_location};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::stock::StockedLocations;
use stockline_domain::caller::{Action, Caller, Denied, Role};
use stockline_domain::catalog::{Location, Product};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::invalid::Invalid;
use stockline_platform::edge::{Call, Reply};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::batch::{self, Batch};

/// Handles every operation on products and locations.
pub struct Catalog<Store, Stock> {
    store: Store,
    stock: Stock,
}

impl<Store: CatalogStore, Stock: StockedLocations> Catalog<Store, Stock> {
    /// Creates the handler.
    pub fn new(store: Store, stock: Stock) -> Self {
        Self { store, stock }
    }

    /// Handles one request; a problem becomes the error response.
    pub async fn handle(&self, call: Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.resource.as_str()) {
            ("PUT", "/v1/products/{sku}") => self.put_product(&call).await,
            ("GET", "/v1/products/{sku}") => self.read_product(&call).await,
            ("PUT", "/v1/locations/{location_id}") => self.put_location(&call).await,
            ("GET", "/v1/locations/{location_id}") => self.read_location(&call).await,
            ("POST", "/v1/catalog/batch") => self.store_batch(&call).await,
            _ => Err(Problem::not_found()),
        }
    }

    async fn put_product(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::WriteCatalog)?;
        let sku: Sku = call.path("sku")?;
        let product = call.body::<Product>()?.check("")?;
        if product.sku != sku {
            return Err(Invalid::field("/sku", format!("must be {sku}, as in the path")).into());
        }
        self.store.put_product(&product, call.deadline).await?;
        Reply::ok(&product)
    }

    async fn read_product(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::ReadCatalog)?;
        let sku: Sku = call.path("sku")?;
        let product = self.store.find_product(&sku).await?;
        Reply::ok(&product.ok_or_else(Problem::not_found)?)
    }

    async fn put_location(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::WriteCatalog)?;
        let id: LocationId = call.path("location_id")?;
        call.caller.may_at(Action::WriteCatalog, &id)?;
        let location = call.body::<Location>()?.check("")?;
        if location.location_id != id {
            let detail = format!("must be {id}, as in the path");
            return Err(Invalid::field("/location_id", detail).into());
        }
        let outcome = put_location(&self.store, &self.stock, &location, call.deadline).await?;
        stored(outcome)?;
        Reply::ok(&location)
    }

    async fn read_location(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::ReadCatalog)?;
        let id: LocationId = call.path("location_id")?;
        may_read(&call.caller, &id)?;
        let location = self.store.find_location(&id).await?;
        Reply::ok(&location.ok_or_else(Problem::not_found)?)
    }

    async fn store_batch(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::WriteCatalog)?;
        let entries = call.body::<Batch>()?.entries(call)?;
        Reply::ok(&batch::store(&self.store, &self.stock, entries, call.deadline).await)
    }
}

/// Returns the problem of a location that is not stored.
pub(crate) fn stored(outcome: PutLocationOutcome) -> Result<(), Problem> {
    match outcome {
        PutLocationOutcome::Stored => Ok(()),
        PutLocationOutcome::TimeZoneFixed { current } => Err(Problem::new(
            ProblemKind::TimeZoneFixed,
            format!(
                "The location has stock, so its time zone stays {current}: its sales are exported by time zone. Create a \
                 location with another id."
            ),
        )),
    }
}

/// An analyst with a location may read every location, to compare stores. Every other role reads only its own.
fn may_read(caller: &Caller, location: &LocationId) -> Result<(), Denied> {
    match caller.role {
        Role::Analyst => caller.may_somewhere(Action::ReadCatalog),
        Role::StoreApp | Role::StoreManager | Role::Controller | Role::Logistics | Role::Admin => {
            caller.may_at(Action::ReadCatalog, location)
        }
    }
}

#[cfg(test)]
mod tests;
