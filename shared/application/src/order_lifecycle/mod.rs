//! Cancels, fulfils, completes and refunds orders. Each step is decided on the stored order, and decided again when another write came
//! first.

mod cancel;
mod fulfil;
mod refund;

use jiff::Timestamp;
use stockline_domain::order::OrderRequestRefused;

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::ports::orders::{
    AttachedRecordId, OrderStore, OrderUpdate, ShortSku, StoredOrder, UpdateOutcome,
};
use crate::store_error::StoreError;

pub use cancel::{CancelOutcome, cancel};
pub use fulfil::{FulfilOutcome, complete, fulfil};
pub use refund::{RefundOutcome, refund};

/// One request for a step of an order.
#[derive(Debug, Clone, Copy)]
pub struct StepRequest<'a> {
    /// The order as it was read.
    pub order: &'a StoredOrder,
    /// The fingerprint of the request.
    pub fingerprint: &'a Fingerprint,
    /// When the request arrived.
    pub at: Timestamp,
    /// When the response is due.
    pub deadline: Deadline,
}

/// The decision on a step, for the order as it was read.
enum Decision<T> {
    /// Respond. Nothing is written.
    Respond(T),
    /// Refuse, provided that the order is unchanged and has no record of this id.
    Refuse(AttachedRecordId, T),
    /// Write the update, then respond.
    Write(Box<OrderUpdate>, T),
}

impl<T> Decision<T> {
    /// Refuses a step. A request that is invalid for every state of the order needs no second read.
    fn refuse(
        error: OrderRequestRefused,
        record: AttachedRecordId,
        outcome: impl Fn(OrderRequestRefused) -> T,
    ) -> Self {
        if matches!(error, OrderRequestRefused::Invalid(_)) {
            Self::Respond(outcome(error))
        } else {
            Self::Refuse(record, outcome(error))
        }
    }
}

/// Decides and writes a step until it succeeds or the deadline passes.
///
/// Concurrent steps are serialized: each is decided on the order as the one before it left it. A plain read may see the order
/// of a concurrent write but not yet the record attached to it; a repeated request would then find nothing left to do and be
/// refused. A refusal therefore counts only after a transactional read has found the order unchanged and the record absent.
async fn decide_and_write<Orders: OrderStore, T>(
    orders: &Orders,
    request: StepRequest<'_>,
    decide: impl Fn(&StoredOrder) -> Decision<T>,
    short: impl Fn(Vec<ShortSku>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let deadline = request.deadline;
    let mut attempts = deadline.attempts();
    let mut reread = None;
    loop {
        let stored = reread.as_ref().unwrap_or(request.order);
        let (update, outcome) = match decide(stored) {
            Decision::Respond(outcome) => return Ok(outcome),
            Decision::Refuse(record, outcome) => {
                if orders.is_unchanged(stored, record, deadline).await? {
                    return Ok(outcome);
                }
                (None, outcome)
            }
            Decision::Write(update, outcome) => (Some(update), outcome),
        };
        if let Some(update) = update {
            match orders.update(stored, &update, deadline).await? {
                UpdateOutcome::Written => return Ok(outcome),
                UpdateOutcome::Conflict => {}
                UpdateOutcome::Short(skus) => return short(skus),
            }
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
        reread = Some(read_again(orders, request.order).await?);
    }
}

async fn read_again<Orders: OrderStore>(
    orders: &Orders,
    stored: &StoredOrder,
) -> Result<StoredOrder, StoreError> {
    let id = stored.order.order_id;
    let found = orders.find(id).await?;
    found
        .ok_or_else(|| StoreError::failed("read an order again")(format!("order {id} was deleted")))
}
