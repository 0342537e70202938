//! Routes each operation on shipments to one use case.

use stockline_application::fingerprint::Fingerprint;
use stockline_application::order_lifecycle::{FulfilOutcome, StepRequest, complete};
use stockline_application::ports::catalog::{CatalogStore, ProductReader};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::{OrderStore, OrdersToShip, StoredOrder};
use stockline_application::shipping::{ShippingCatalog, open_shipments, weigh_order};
use stockline_domain::caller::Action;
use stockline_domain::ids::{FulfilmentId, LocationId, OrderId};
use stockline_domain::invalid::Invalid;
use stockline_domain::order::CompleteOrder;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::Problem;
use stockline_platform::problem::orders::{insufficient_stock, key_reused, not_fulfillable};

/// Handles every operation on shipments.
pub struct Logistics<Orders, Catalog, Time> {
    orders: Orders,
    catalog: ShippingCatalog<Catalog, Time>,
    clock: Time,
    cursors: CursorKey,
}

impl<Orders, Catalog, Time> Logistics<Orders, Catalog, Time>
where
    Orders: OrderStore + OrdersToShip,
    Catalog: CatalogStore + ProductReader,
    Time: Clock,
{
    /// Creates the handler; `cursors` signs the cursors of lists.
    pub fn new(
        orders: Orders,
        catalog: ShippingCatalog<Catalog, Time>,
        clock: Time,
        cursors: CursorKey,
    ) -> Self {
        Self {
            orders,
            catalog,
            clock,
            cursors,
        }
    }

    /// Handles one request; a problem becomes the error response.
    pub async fn handle(&self, call: Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.resource.as_str()) {
            ("GET", "/v1/shipments") => self.list(&call).await,
            ("GET", "/v1/orders/{order_id}/weight") => self.weigh(&call).await,
            ("POST", "/v1/orders/{order_id}/completion") => self.complete(&call).await,
            _ => Err(Problem::not_found()),
        }
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::ReadOrders)?;
        let expected = "a location id: 1 to 64 of A-Z a-z 0-9 _ -";
        let location: LocationId = call
            .query("location_id", expected)?
            .ok_or_else(|| Invalid::field("location_id", format!("must be {expected}")))?;
        let state: Option<String> = call.query("state", "open")?;
        if state.is_some_and(|state| state != "open") {
            return Err(Invalid::field("state", "must be open").into());
        }
        call.caller.may_at(Action::ReadOrders, &location)?;
        let list = format!("shipments {location}");
        let page = call.page(&self.cursors, &list)?;
        let found = open_shipments(&self.orders, &self.catalog, &location, page, call.deadline);
        let found = found.await?.ok_or_else(Problem::not_found)?;
        let next = found.next.as_ref();
        listing("shipments", &found.items, next, &self.cursors, &list)
    }

    async fn weigh(&self, call: &Call) -> Result<Reply, Problem> {
        let known = self.visible_order(call, Action::ReadOrders).await?;
        Reply::ok(&weigh_order(&known.order, &self.catalog, call.deadline).await?)
    }

    async fn complete(&self, call: &Call) -> Result<Reply, Problem> {
        let key = call.idempotency_key()?;
        let known = self.visible_order(call, Action::FulfilOrders).await?;
        let body: CompleteOrder = call.body()?;
        let subject = &call.caller.subject;
        let id = FulfilmentId::derive_for_completion(known.order.order_id, subject, key);
        let fingerprint = Fingerprint::of(&body).map_err(|error| {
            tracing::error!(%error, "request could not be serialized");
            Problem::internal()
        })?;
        let request = StepRequest {
            order: &known,
            fingerprint: &fingerprint,
            at: self.clock.now(),
            deadline: call.deadline,
        };
        match complete(&self.orders, request, &body, id).await? {
            FulfilOutcome::Fulfilled(fulfilment) => Reply::created(&fulfilment),
            FulfilOutcome::Replayed(fulfilment) => Ok(Reply::created(&fulfilment)?.replayed()),
            FulfilOutcome::KeyReused => Err(key_reused()),
            FulfilOutcome::NotPossible(error) => Err(not_fulfillable(error)),
            FulfilOutcome::Short(short) => Err(insufficient_stock(&short)),
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

#[cfg(test)]
mod tests;
