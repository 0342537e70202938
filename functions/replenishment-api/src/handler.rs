//! Routes each operation on replenishment orders to the store.

use stockline_application::ports::clock::Clock;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::replenishment::{CancelOutcome, CancelRequest, cancel_order};
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, ReplenishmentOrderId};
use stockline_domain::invalid::Invalid;
use stockline_domain::replenishment::ReplenishmentState;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::body::OrderBody;

const STATES: &str = "open, partly_received, received or canceled";

/// Lists and cancels replenishment orders.
pub struct ReplenishmentApi<Store, Time> {
    store: Store,
    clock: Time,
    cursors: CursorKey,
}

impl<Store: ReplenishmentStore, Time: Clock> ReplenishmentApi<Store, Time> {
    /// Creates the handler; `cursors` signs the cursors of lists.
    pub fn new(store: Store, clock: Time, cursors: CursorKey) -> Self {
        Self {
            store,
            clock,
            cursors,
        }
    }

    /// Handles one request; a problem becomes the error response.
    pub async fn handle(&self, call: Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.resource.as_str()) {
            ("GET", "/v1/replenishment-orders") => self.list(&call).await,
            ("POST", "/v1/replenishment-orders/{replenishment_order_id}/cancel") => {
                self.cancel(&call).await
            }
            _ => Err(Problem::not_found()),
        }
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::ManageReplenishment)?;
        let expected = "a location id: 1 to 64 of A-Z a-z 0-9 _ -";
        let location: LocationId = call
            .query("location_id", expected)?
            .ok_or_else(|| Invalid::field("location_id", format!("must be {expected}")))?;
        let state: Option<ReplenishmentState> = call.query("state", STATES)?;
        call.caller.may_at(Action::ManageReplenishment, &location)?;
        let filter = state.map_or("all", ReplenishmentState::as_str);
        let list = format!("replenishment/{location}/{filter}");
        let page = call.page(&self.cursors, &list)?;
        let found = self.store.list_orders(&location, state, page).await?;
        let orders: Vec<OrderBody> = found.items.iter().map(OrderBody::from).collect();
        let (name, next) = ("replenishment_orders", found.next.as_ref());
        listing(name, &orders, next, &self.cursors, &list)
    }

    async fn cancel(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::ManageReplenishment)?;
        let order: ReplenishmentOrderId = call.path("replenishment_order_id")?;
        let request = CancelRequest {
            order,
            caller: &call.caller,
            at: self.clock.now(),
            deadline: call.deadline,
        };
        match cancel_order(&self.store, request).await? {
            CancelOutcome::Canceled(order) => Reply::ok(&OrderBody::from(&*order)),
            CancelOutcome::TooLate(closed) => Err(Problem::new(
                ProblemKind::ReplenishmentOrderReceived,
                format!("Nothing was canceled: {closed}."),
            )),
            CancelOutcome::NotFound => Err(Problem::not_found()),
        }
    }
}

#[cfg(test)]
mod tests;
