//! Routes each order operation of the API to its use case.

mod order_actions;
mod order_reads;
mod order_search;

use serde::Serialize;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::location_cache::LocationCache;
use stockline_application::order_placement::{PlacementOutcome, PlacementRequest, place_order};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::order_search::OrderSearch;
use stockline_application::ports::orders::{OrderStore, StoredOrder};
use stockline_domain::caller::Action;
use stockline_domain::ids::OrderId;
use stockline_domain::place_order::PlaceOrder;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply};
use stockline_platform::problem::Problem;
use stockline_platform::problem::orders::{insufficient_stock, key_reused, not_stocked};

/// Handles every operation on orders.
pub struct OrderIntake<Orders, Catalog, Time> {
    orders: Orders,
    locations: LocationCache<Catalog, Time>,
    clock: Time,
    cursors: CursorKey,
}

impl<Orders, Catalog, Time> OrderIntake<Orders, Catalog, Time>
where
    Orders: OrderStore + OrderSearch,
    Catalog: CatalogStore,
    Time: Clock,
{
    /// Creates the handler; `cursors` signs the cursors of order lists.
    pub fn new(
        orders: Orders,
        locations: LocationCache<Catalog, Time>,
        clock: Time,
        cursors: CursorKey,
    ) -> Self {
        Self {
            orders,
            locations,
            clock,
            cursors,
        }
    }

    /// Handles one request; a problem becomes the error response.
    pub async fn handle(&self, call: Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.resource.as_str()) {
            ("POST", "/v1/orders") => self.place(&call).await,
            ("GET", "/v1/orders") => self.find(&call).await,
            ("GET", "/v1/orders/{order_id}") => self.read(&call).await,
            ("POST", "/v1/orders/{order_id}/cancel") => self.cancel(&call).await,
            ("GET", "/v1/orders/{order_id}/refunds") => self.refunds(&call).await,
            ("POST", "/v1/orders/{order_id}/refunds") => self.refund(&call).await,
            ("GET", "/v1/orders/{order_id}/fulfilments") => self.fulfilments(&call).await,
            ("POST", "/v1/orders/{order_id}/fulfilments") => self.fulfil(&call).await,
            ("GET", "/v1/locations/{location_id}/orders") => self.list(&call).await,
            _ => Err(Problem::not_found()),
        }
    }

    async fn place(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::WriteOrders)?;
        let key = call.idempotency_key()?;
        let body: PlaceOrder = call.body()?;
        call.caller.may_at(Action::WriteOrders, &body.location_id)?;
        let request = PlacementRequest {
            id: OrderId::derive(&call.caller.subject, key),
            body,
            at: self.clock.now(),
            deadline: call.deadline,
        };
        match place_order(&self.orders, &self.locations, request).await? {
            PlacementOutcome::Placed(order) => Reply::created(&order),
            PlacementOutcome::Replayed(order) => Ok(Reply::created(&order)?.replayed()),
            PlacementOutcome::KeyReused => Err(key_reused()),
            PlacementOutcome::Short(short) => Err(insufficient_stock(&short)),
            PlacementOutcome::NotStocked(order, skus) => Err(not_stocked(&order.lines, &skus)),
            PlacementOutcome::UnknownLocation => Err(Problem::not_found()),
            PlacementOutcome::Invalid(invalid) => Err(invalid.into()),
        }
    }

    /// The order in the path. An order of a location that the caller cannot access is reported as not found.
    async fn visible_order(&self, call: &Call, action: Action) -> Result<StoredOrder, Problem> {
        call.caller.may(action)?;
        let id: OrderId = call.path("order_id")?;
        let known = self.orders.find(id).await?.ok_or_else(Problem::not_found)?;
        call.caller.may_at(action, &known.order.location_id)?;
        Ok(known)
    }
}

fn fingerprint<T: Serialize>(body: &T) -> Result<Fingerprint, Problem> {
    Fingerprint::of(body).map_err(|error| {
        tracing::error!(%error, "request could not be serialized");
        Problem::internal()
    })
}

#[cfg(test)]
mod tests;
