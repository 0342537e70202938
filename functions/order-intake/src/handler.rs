//! Routes each order operation of the API to its use case.

mod order_actions;

use jiff::civil::Date;
use serde::Serialize;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::location_cache::LocationCache;
use stockline_application::order_placement::{PlacementOutcome, PlacementRequest, place_order};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::{OrderStore, StoredOrder};
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::invalid::Invalid;
use stockline_domain::order::{Fulfilment, Order, Refund};
use stockline_domain::place_order::PlaceOrder;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::Problem;
use stockline_platform::problem::orders::{insufficient_stock, key_reused, not_stocked};

/// Handles every operation on orders.
pub struct OrderIntake<Orders, Catalog, Time> {
    orders: Orders,
    locations: LocationCache<Catalog, Time>,
    clock: Time,
    cursors: CursorKey,
}

/// The body of `GET /v1/orders/{order_id}`: the order, its fulfilments by people and its refunds. List entries carry neither.
#[derive(Serialize)]
struct OrderWithHistory<'a> {
    #[serde(flatten)]
    order: &'a Order,
    fulfilments: Vec<&'a Fulfilment>,
    refunds: Vec<&'a Refund>,
}

impl<Orders: OrderStore, Catalog: CatalogStore, Time: Clock> OrderIntake<Orders, Catalog, Time> {
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
            ("GET", "/v1/orders/{order_id}") => self.read(&call).await,
            ("POST", "/v1/orders/{order_id}/cancel") => self.cancel(&call).await,
            ("POST", "/v1/orders/{order_id}/refunds") => self.refund(&call).await,
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

    async fn read(&self, call: &Call) -> Result<Reply, Problem> {
        let known = self.visible_order(call, Action::ReadOrders).await?;
        let (fulfilments, refunds) = (known.fulfilments.iter(), known.refunds.iter());
        Reply::ok(&OrderWithHistory {
            order: &known.order,
            fulfilments: fulfilments.map(|(fulfilment, _)| fulfilment).collect(),
            refunds: refunds.map(|(refund, _)| refund).collect(),
        })
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        let location: LocationId = call.path("location_id")?;
        call.caller.may_at(Action::ReadOrders, &location)?;
        let expected = "a date, such as 2026-03-01";
        let date_text: String = call
            .query("business_date", expected)?
            .ok_or_else(|| Invalid::field("business_date", format!("is required: {expected}")))?;
        // Accept dates only: a timestamp would be converted to a date in another time zone.
        let business_date = date_text
            .parse()
            .ok()
            .filter(|date: &Date| date.to_string() == date_text)
            .ok_or_else(|| Invalid::field("business_date", format!("must be {expected}")))?;
        let list = format!("orders {location} {business_date}");
        let page = call.page(&self.cursors, &list)?;
        let orders = self.orders.list(&location, business_date, page).await?;
        // A caller with access to every location can name one that does not exist.
        if orders.items.is_empty() && self.locations.find(&location).await?.is_none() {
            return Err(Problem::not_found());
        }
        listing(
            "orders",
            &orders.items,
            orders.next.as_ref(),
            &self.cursors,
            &list,
        )
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
