//! An HTTP call on orders becomes one call of the store.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::invalid::{FieldError, Invalid};
use stockline_domain::order::Order;
use stockline_domain::place_order::PlaceOrder;
use stockline_platform::clock::Clock;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::fingerprint::Fingerprint;
use stockline_platform::location_cache::LocationCache;
use stockline_platform::metrics::{Metric, count};
use stockline_platform::ports::catalog::CatalogStore;
use stockline_platform::ports::orders::{Cancellation, OrderStore, Placement, ShortSku};
use stockline_platform::problem::{Problem, ProblemKind};

/// Takes orders in.
pub struct OrderIntake<O, L, C> {
    orders: O,
    locations: LocationCache<L, C>,
    clock: C,
    cursors: CursorKey,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CancelOrder {
    /// Why, at most 200 characters.
    #[serde(default)]
    reason: Option<String>,
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
        let location = self.locations.find(&body.location_id).await?;
        let location = location.ok_or_else(no_such_location)?;
        let request = fingerprint(&body)?;
        let wanted: Vec<Sku> = body.lines.iter().map(|line| line.sku.clone()).collect();
        let order = body.order(
            OrderId::derive(&call.caller.subject, key),
            self.clock.now(),
            &location.time_zone,
            location.location.close_out_hour,
        )?;
        match self.orders.place(&order, &request, call.deadline).await? {
            Placement::Placed => {
                count(Metric::OrdersPlaced, 1);
                Reply::created(&order)
            }
            Placement::Replayed(existing) => {
                count(Metric::OrdersReplayed, 1);
                Ok(Reply::created(&existing.as_placed())?.replayed())
            }
            Placement::KeyReused => Err(Problem::new(
                ProblemKind::IdempotencyKeyReused,
                "Another order was sent under this Idempotency-Key; use a new key for a new order.",
            )),
            Placement::Short(short) => {
                count(Metric::OrdersShort, 1);
                Err(insufficient_stock(&short))
            }
            Placement::NotStocked(skus) => Err(not_stocked(&wanted, &skus)),
        }
    }

    async fn read(&self, call: &Call) -> Result<Reply, Problem> {
        Reply::ok(&self.visible(call, Action::ReadOrders).await?)
    }

    async fn cancel(&self, call: &Call) -> Result<Reply, Problem> {
        call.idempotency_key()?;
        let order = self.visible(call, Action::WriteOrders).await?;
        let body: CancelOrder = call.body()?;
        let reason = body.reason.as_deref();
        if reason.is_some_and(|reason| !(1..=200).contains(&reason.chars().count())) {
            return Err(Invalid::field("/reason", "must be 1 to 200 characters").into());
        }
        let at = self.clock.now();
        match self
            .orders
            .cancel(order.order_id, reason, at, call.deadline)
            .await?
        {
            Cancellation::Canceled(order) => Reply::ok(&order),
            Cancellation::TooLate => Err(Problem::new(
                ProblemKind::OrderNotCancelable,
                "Goods of the order have left; it can be refunded, not canceled.",
            )),
            Cancellation::Unknown => Err(Problem::not_found()),
        }
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        let location: LocationId = call.path("location_id")?;
        call.caller.may_at(Action::ReadOrders, &location)?;
        let expected = "a date, such as 2026-03-01";
        let business_date: Date = call
            .query("business_date", expected)?
            .ok_or_else(|| Invalid::field("business_date", format!("is required: {expected}")))?;
        let list = format!("orders {location} {business_date}");
        let page = call.page(&self.cursors, &list)?;
        let orders = self.orders.list(&location, business_date, page).await?;
        listing(
            "orders",
            &orders.items,
            orders.next.as_ref(),
            &self.cursors,
            &list,
        )
    }

    async fn visible(&self, call: &Call, action: Action) -> Result<Order, Problem> {
        call.caller.may(action)?;
        let id: OrderId = call.path("order_id")?;
        let order = self.orders.find(id).await?.ok_or_else(Problem::not_found)?;
        call.caller.may_at(action, &order.location_id)?;
        Ok(order)
    }
}

fn fingerprint(body: &PlaceOrder) -> Result<Fingerprint, Problem> {
    Fingerprint::of(body).map_err(|error| {
        tracing::error!(%error, "the order cannot be written as JSON");
        Problem::internal()
    })
}

fn insufficient_stock(short: &[ShortSku]) -> Problem {
    let lines: Vec<Value> = short
        .iter()
        .map(|short| json!({"sku": short.sku, "requested": short.requested, "available": short.available}))
        .collect();
    Problem::new(
        ProblemKind::InsufficientStock,
        format!(
            "{} SKU(s) of the order are short; nothing was taken.",
            short.len()
        ),
    )
    .with("lines", lines.into())
}

fn not_stocked(wanted: &[Sku], missing: &[Sku]) -> Problem {
    let errors = wanted
        .iter()
        .enumerate()
        .filter(|(_, sku)| missing.contains(sku))
        .map(|(index, sku)| FieldError {
            pointer: format!("/lines/{index}/sku"),
            detail: format!("{sku} is not stocked at this location"),
        })
        .collect();
    Problem::new(
        ProblemKind::UnknownLine,
        "The order names what the location does not stock; nothing was taken.",
    )
    .with_errors(errors)
}

#[cfg(test)]
mod tests;
