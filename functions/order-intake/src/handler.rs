//! An HTTP call on orders becomes one call of the store.

mod problems;
mod steps;

use jiff::civil::Date;
use serde::Serialize;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::location_cache::LocationCache;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome, StoredOrder};
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::invalid::Invalid;
use stockline_domain::order::{Order, Refund};
use stockline_domain::place_order::PlaceOrder;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::Problem;

use problems::{insufficient_stock, key_reused, not_stocked};

/// Takes orders in, and lets them go on.
pub struct OrderIntake<O, L, C> {
    orders: O,
    locations: LocationCache<L, C>,
    clock: C,
    cursors: CursorKey,
}

/// An order as it is read alone: with what was paid back of it.
#[derive(Serialize)]
struct OrderWithRefunds<'a> {
    #[serde(flatten)]
    order: &'a Order,
    refunds: Vec<&'a Refund>,
}

impl<O: OrderStore, L: CatalogStore, C: Clock> OrderIntake<O, L, C> {
    /// Over these stores.
    pub fn new(orders: O, locations: LocationCache<L, C>, clock: C, cursors: CursorKey) -> Self {
        Self {
            orders,
            locations,
            clock,
            cursors,
        }
    }

    /// Answers one call.
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
        let no_such_location =
            || Invalid::field("/location_id", "must be a location of the caller's");
        if call
            .caller
            .may_at(Action::WriteOrders, &body.location_id)
            .is_err()
        {
            return Err(no_such_location().into());
        }
        let id = OrderId::derive(&call.caller.subject, key);
        let request = fingerprint(&body)?;
        let Some(location) = self.locations.find(&body.location_id).await? else {
            return self.placed_before(id, &request, no_such_location()).await;
        };
        let close_out_hour = location.location.close_out_hour;
        let order = match body.order(id, self.clock.now(), &location.time_zone, close_out_hour) {
            Ok(order) => order,
            Err(invalid) => return self.placed_before(id, &request, invalid).await,
        };
        match self.orders.place(&order, &request, call.deadline).await? {
            PlaceOutcome::Placed => {
                count(Metric::OrdersPlaced, 1);
                Reply::created(&order)
            }
            PlaceOutcome::Replayed(existing) => {
                count(Metric::OrdersReplayed, 1);
                replay_of(&existing)
            }
            PlaceOutcome::KeyReused => Err(key_reused()),
            PlaceOutcome::Short(short) => {
                count(Metric::OrdersShort, 1);
                Err(insufficient_stock(&short))
            }
            PlaceOutcome::NotStocked(skus) => Err(not_stocked(&order.lines, &skus)),
        }
    }

    /// What was valid when it came is answered as it was then: a sale grows old, and rules change.
    async fn placed_before(
        &self,
        id: OrderId,
        request: &Fingerprint,
        invalid: Invalid,
    ) -> Result<Reply, Problem> {
        match self.orders.find(id).await? {
            Some(known) if known.request == *request => replay_of(&known.order),
            _ => Err(invalid.into()),
        }
    }

    async fn read(&self, call: &Call) -> Result<Reply, Problem> {
        let known = self.visible(call, Action::ReadOrders).await?;
        Reply::ok(&OrderWithRefunds {
            order: &known.order,
            refunds: known.refunds.iter().map(|(refund, _)| refund).collect(),
        })
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        let location: LocationId = call.path("location_id")?;
        call.caller.may_at(Action::ReadOrders, &location)?;
        let expected = "a date, such as 2026-03-01";
        let told: String = call
            .query("business_date", expected)?
            .ok_or_else(|| Invalid::field("business_date", format!("is required: {expected}")))?;
        // Of a time, the day would be listed on which it is somewhere else.
        let business_date = told
            .parse()
            .ok()
            .filter(|date: &Date| date.to_string() == told)
            .ok_or_else(|| Invalid::field("business_date", format!("must be {expected}")))?;
        let list = format!("orders {location} {business_date}");
        let page = call.page(&self.cursors, &list)?;
        let orders = self.orders.list(&location, business_date, page).await?;
        // Who may see every location may also name one that is not there.
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

    async fn visible(&self, call: &Call, action: Action) -> Result<StoredOrder, Problem> {
        call.caller.may(action)?;
        let id: OrderId = call.path("order_id")?;
        let known = self.orders.find(id).await?.ok_or_else(Problem::not_found)?;
        call.caller.may_at(action, &known.order.location_id)?;
        Ok(known)
    }
}

fn replay_of(order: &Order) -> Result<Reply, Problem> {
    Ok(Reply::created(&order.as_placed())?.replayed())
}

fn fingerprint<T: Serialize>(body: &T) -> Result<Fingerprint, Problem> {
    Fingerprint::of(body).map_err(|error| {
        tracing::error!(%error, "the request cannot be written as JSON");
        Problem::internal()
    })
}

#[cfg(test)]
mod tests;
