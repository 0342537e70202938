//! Cancel, refund and fulfil: the operations on an order that is already placed.

use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{
    CancelOutcome, FulfilOutcome, RefundOutcome, cancel, fulfil, refund,
};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::OrderStore;
use stockline_domain::caller::Action;
use stockline_domain::ids::{CancellationId, FulfilmentId, RefundId};
use stockline_domain::order::{CancelOrder, FulfilOrder, RefundContext, RefundOrder};
use stockline_platform::edge::{Call, Reply};
use stockline_platform::problem::orders::{
    insufficient_stock, key_reused, not_fulfillable, not_refundable,
};
use stockline_platform::problem::{Problem, ProblemKind};

use super::{OrderIntake, fingerprint};

impl<Orders: OrderStore, Catalog: CatalogStore, Time: Clock> OrderIntake<Orders, Catalog, Time> {
    pub(super) async fn cancel(&self, call: &Call) -> Result<Reply, Problem> {
        let key = call.idempotency_key()?;
        let known = self.visible_order(call, Action::WriteOrders).await?;
        let body: CancelOrder = call.body()?;
        body.check()?;
        let id = CancellationId::derive(known.order.order_id, &call.caller.subject, key);
        let request = fingerprint(&body)?;
        let at = self.clock.now();
        match cancel(
            &self.orders,
            StepRequest {
                order: &known,
                fingerprint: &request,
                at,
                deadline: call.deadline,
            },
            &body,
            id,
        )
        .await?
        {
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
        let key = call.idempotency_key()?;
        let known = self.visible_order(call, Action::WriteOrders).await?;
        let body: RefundOrder = call.body()?;
        let order = &known.order;
        let location_id = body.location_id.as_ref().unwrap_or(&order.location_id);
        call.caller.may_at(Action::WriteOrders, location_id)?;
        let location = self.locations.find(location_id).await?;
        let location = location.ok_or_else(Problem::not_found)?;
        let at = self.clock.now();
        let place = RefundContext {
            refund_id: RefundId::derive(order.order_id, &call.caller.subject, key),
            location_id: location_id.clone(),
            business_date: location.business_date(at),
            at,
        };
        let request = fingerprint(&body)?;
        match refund(
            &self.orders,
            StepRequest {
                order: &known,
                fingerprint: &request,
                at: place.at,
                deadline: call.deadline,
            },
            &body,
            &place,
        )
        .await?
        {
            RefundOutcome::Refunded(refund) => Reply::created(&refund),
            RefundOutcome::Replayed(refund) => Ok(Reply::created(&refund)?.replayed()),
            RefundOutcome::KeyReused => Err(key_reused()),
            RefundOutcome::NotPossible(error) => Err(not_refundable(error)),
        }
    }

    pub(super) async fn fulfil(&self, call: &Call) -> Result<Reply, Problem> {
        let key = call.idempotency_key()?;
        let known = self.visible_order(call, Action::FulfilOrders).await?;
        let body: FulfilOrder = call.body()?;
        let id = FulfilmentId::derive(known.order.order_id, &call.caller.subject, key);
        let request = fingerprint(&body)?;
        let at = self.clock.now();
        match fulfil(
            &self.orders,
            StepRequest {
                order: &known,
                fingerprint: &request,
                at,
                deadline: call.deadline,
            },
            &body,
            id,
        )
        .await?
        {
            FulfilOutcome::Fulfilled(fulfilment) => Reply::created(&fulfilment),
            FulfilOutcome::Replayed(fulfilment) => Ok(Reply::created(&fulfilment)?.replayed()),
            FulfilOutcome::KeyReused => Err(key_reused()),
            FulfilOutcome::NotPossible(error) => Err(not_fulfillable(error)),
            FulfilOutcome::Short(short) => Err(insufficient_stock(&short)),
        }
    }
}
