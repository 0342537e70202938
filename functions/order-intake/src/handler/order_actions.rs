//! Cancel, refund and fulfil: the operations on an order that is already placed.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::order_lifecycle::{
    CancelOutcome, FulfilOutcome, RefundOutcome, StepRequest, cancel, fulfil, refund,
};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::order_search::OrderSearch;
use stockline_application::ports::orders::{OrderStore, StoredOrder};
use stockline_domain::caller::Action;
use stockline_domain::ids::{CancellationId, FulfilmentId, OrderId, RefundId};
use stockline_domain::order::{CancelOrder, FulfilOrder, RefundContext, RefundOrder};
use stockline_platform::edge::{Call, Reply};
use stockline_platform::problem::orders::{
    insufficient_stock, key_reused, not_fulfillable, not_refundable,
};
use stockline_platform::problem::{Problem, ProblemKind};

use super::{OrderIntake, fingerprint};

/// One request for an operation on an order.
struct OrderAction<'a, Body> {
    /// The order as it was read.
    order: StoredOrder,
    body: Body,
    fingerprint: Fingerprint,
    subject: &'a str,
    idempotency_key: &'a str,
    at: Timestamp,
    deadline: Deadline,
}

impl<Body> OrderAction<'_, Body> {
    /// The id of the record that this request attaches to the order. `derive` is the `derive` of its type.
    fn record_id<Id>(&self, derive: impl Fn(OrderId, &str, &str) -> Id) -> Id {
        let order = self.order.order.order_id;
        derive(order, self.subject, self.idempotency_key)
    }

    fn step(&self) -> StepRequest<'_> {
        StepRequest {
            order: &self.order,
            fingerprint: &self.fingerprint,
            at: self.at,
            deadline: self.deadline,
        }
    }
}

impl<Orders, Catalog, Time> OrderIntake<Orders, Catalog, Time>
where
    Orders: OrderStore + OrderSearch,
    Catalog: CatalogStore,
    Time: Clock,
{
    pub(super) async fn cancel(&self, call: &Call) -> Result<Reply, Problem> {
        let action: OrderAction<'_, CancelOrder> =
            self.order_action(call, Action::WriteOrders).await?;
        action.body.check()?;
        let id = action.record_id(CancellationId::derive);
        match cancel(&self.orders, action.step(), &action.body, id).await? {
            CancelOutcome::Canceled(order) => Reply::ok(&order),
            CancelOutcome::Replayed(order) => Ok(Reply::ok(&order)?.replayed()),
            CancelOutcome::KeyReused => Err(key_reused()),
            CancelOutcome::TooLate => Err(Problem::new(
                ProblemKind::OrderNotCancelable,
                "Every line is fulfilled, so nothing can be canceled. Refund the order instead.",
            )),
        }
    }

    pub(super) async fn refund(&self, call: &Call) -> Result<Reply, Problem> {
        let action: OrderAction<'_, RefundOrder> =
            self.order_action(call, Action::WriteOrders).await?;
        let requested = action.body.location_id.as_ref();
        let location_id = requested.unwrap_or(&action.order.order.location_id);
        call.caller.may_at(Action::WriteOrders, location_id)?;
        let location = self.locations.find(location_id).await?;
        let location = location.ok_or_else(Problem::not_found)?;
        let place = RefundContext {
            refund_id: action.record_id(RefundId::derive),
            location_id: location_id.clone(),
            business_date: location
                .business_date(action.body.returned_at(&action.order.order, action.at)),
            at: action.at,
        };
        match refund(&self.orders, action.step(), &action.body, &place).await? {
            RefundOutcome::Refunded(refund) => Reply::created(&refund),
            RefundOutcome::Replayed(refund) => Ok(Reply::created(&refund)?.replayed()),
            RefundOutcome::KeyReused => Err(key_reused()),
            RefundOutcome::NotPossible(error) => Err(not_refundable(error)),
        }
    }

    pub(super) async fn fulfil(&self, call: &Call) -> Result<Reply, Problem> {
        let action: OrderAction<'_, FulfilOrder> =
            self.order_action(call, Action::FulfilOrders).await?;
        let id = action.record_id(FulfilmentId::derive);
        match fulfil(&self.orders, action.step(), &action.body, id).await? {
            FulfilOutcome::Fulfilled(fulfilment) => Reply::created(&fulfilment),
            FulfilOutcome::Replayed(fulfilment) => Ok(Reply::created(&fulfilment)?.replayed()),
            FulfilOutcome::KeyReused => Err(key_reused()),
            FulfilOutcome::NotPossible(error) => Err(not_fulfillable(error)),
            FulfilOutcome::Short(short) => Err(insufficient_stock(&short)),
        }
    }

    /// Reads what every operation needs: the idempotency key, the order, and then the body.
    async fn order_action<'a, Body: DeserializeOwned + Serialize>(
        &self,
        call: &'a Call,
        action: Action,
    ) -> Result<OrderAction<'a, Body>, Problem> {
        let idempotency_key = call.idempotency_key()?;
        let order = self.visible_order(call, action).await?;
        let body: Body = call.body()?;
        Ok(OrderAction {
            order,
            fingerprint: fingerprint(&body)?,
            body,
            subject: &call.caller.subject,
            idempotency_key,
            at: self.clock.now(),
            deadline: call.deadline,
        })
    }
}
