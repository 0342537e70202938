//! Cancels what is still open of an order and releases its stock.

use stockline_domain::ids::CancellationId;
use stockline_domain::order::{CancelOrder, Cancellation, Order};

use super::{Decision, StepRequest, decide_and_write};
use crate::ports::orders::{AttachedRecord, OrderStore, OrderUpdate, StoredOrder};
use crate::store_error::StoreError;

/// The outcome of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// Nothing is open any more: this request or an earlier one canceled and released it.
    Canceled(Box<Order>),
    /// The same request canceled the order before. This is the order as it was then.
    Replayed(Box<Order>),
    /// Another request used the same idempotency key.
    KeyReused,
    /// Nothing changed: the whole order has been fulfilled.
    TooLate,
}

/// Cancels everything that is open and releases its stock, all or nothing.
pub async fn cancel<Orders: OrderStore>(
    orders: &Orders,
    request: StepRequest<'_>,
    body: &CancelOrder,
    id: CancellationId,
) -> Result<CancelOutcome, StoreError> {
    let StepRequest {
        fingerprint, at, ..
    } = request;
    let decide = |stored: &StoredOrder| {
        if let Some((cancellation, canceled_by)) = &stored.cancellation
            && cancellation.cancellation_id == id
        {
            return Decision::Respond(if canceled_by == fingerprint {
                CancelOutcome::Replayed(Box::new(stored.order.as_canceled(cancellation)))
            } else {
                CancelOutcome::KeyReused
            });
        }
        let Ok(after) = stored.order.cancel(at) else {
            return Decision::Respond(CancelOutcome::TooLate);
        };
        let outcome = CancelOutcome::Canceled(Box::new(after.clone()));
        if after == stored.order {
            return Decision::Respond(outcome);
        }
        let cancellation = Cancellation::of(id, &after, body.reason.clone());
        let update = OrderUpdate {
            changes: stored.order.release_deltas(body.reason.as_deref(), at),
            after,
            record: Some(AttachedRecord::Cancellation(
                cancellation,
                fingerprint.clone(),
            )),
            at,
        };
        Decision::Write(Box::new(update), outcome)
    };
    let short = |short| {
        Err(StoreError::failed("cancel an order")(format!(
            "a level holds less than the order allocated: {short:?}"
        )))
    };
    decide_and_write(orders, request, decide, short).await
}
