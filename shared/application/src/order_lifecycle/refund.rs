//! Refunds lines of an order and returns their goods to stock.

use stockline_domain::order::{OrderRequestRefused, Refund, RefundContext, RefundOrder};

use super::{Decision, StepRequest, decide_and_write};
use crate::ports::orders::{
    AttachedRecord, AttachedRecordId, OrderStore, OrderUpdate, StoredOrder,
};
use crate::store_error::StoreError;

/// The outcome of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The refund is recorded.
    Refunded(Box<Refund>),
    /// The same request made this refund before.
    Replayed(Box<Refund>),
    /// Another request used the same idempotency key.
    KeyReused,
    /// Nothing changed: the order does not allow this refund.
    NotPossible(OrderRequestRefused),
}

/// Records the refund and returns restocked goods to their level, all or nothing.
pub async fn refund<Orders: OrderStore>(
    orders: &Orders,
    request: StepRequest<'_>,
    body: &RefundOrder,
    place: &RefundContext,
) -> Result<RefundOutcome, StoreError> {
    let StepRequest {
        fingerprint, at, ..
    } = request;
    let decide = |stored: &StoredOrder| {
        if let Some((refund, refunded_by)) = stored.refund(place.refund_id) {
            return Decision::Respond(if refunded_by == fingerprint {
                RefundOutcome::Replayed(Box::new(refund.clone()))
            } else {
                match body.check(&stored.order) {
                    Ok(()) => RefundOutcome::KeyReused,
                    Err(invalid) => RefundOutcome::NotPossible(invalid.into()),
                }
            });
        }
        match body.refund(place.clone(), &stored.order) {
            Err(error) => {
                let record = AttachedRecordId::Refund(place.refund_id);
                Decision::refuse(error, record, RefundOutcome::NotPossible)
            }
            Ok((refund, after)) => {
                let update = OrderUpdate {
                    changes: refund.level_deltas(&stored.order),
                    after,
                    record: Some(AttachedRecord::Refund(refund.clone(), fingerprint.clone())),
                    at,
                };
                Decision::Write(Box::new(update), RefundOutcome::Refunded(Box::new(refund)))
            }
        }
    };
    let short = |short| {
        Err(StoreError::failed("refund an order")(format!(
            "a level refused returned goods: {short:?}"
        )))
    };
    decide_and_write(orders, request, decide, short).await
}
