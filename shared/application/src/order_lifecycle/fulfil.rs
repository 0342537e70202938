//! Fulfils lines of an order: their goods leave stock, handed over or sent as a shipment.

use stockline_domain::ids::FulfilmentId;
use stockline_domain::order::{
    CompleteOrder, FulfilOrder, Fulfilment, OrderRequestRefused, Shipment,
};

use super::{Decision, StepRequest, decide_and_write};
use crate::ports::orders::{
    AttachedRecord, AttachedRecordId, OrderStore, OrderUpdate, ShortSku, StoredOrder,
};
use crate::store_error::StoreError;

/// The outcome of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FulfilOutcome {
    /// The fulfilment is recorded.
    Fulfilled(Box<Fulfilment>),
    /// The same request made this fulfilment before.
    Replayed(Box<Fulfilment>),
    /// Another request used the same idempotency key.
    KeyReused,
    /// Nothing changed: the order does not allow this fulfilment.
    NotPossible(OrderRequestRefused),
    /// Nothing changed: a count has found less of these SKUs than is promised.
    Short(Vec<ShortSku>),
}

/// Records the fulfilment and takes its goods out of stock, all or nothing.
pub async fn fulfil<Orders: OrderStore>(
    orders: &Orders,
    request: StepRequest<'_>,
    body: &FulfilOrder,
    id: FulfilmentId,
) -> Result<FulfilOutcome, StoreError> {
    record(orders, request, body, None, id).await
}

/// Records the fulfilment and its shipment, and takes its goods out of stock, all or nothing.
pub async fn complete<Orders: OrderStore>(
    orders: &Orders,
    request: StepRequest<'_>,
    body: &CompleteOrder,
    id: FulfilmentId,
) -> Result<FulfilOutcome, StoreError> {
    if let Err(invalid) = body.check() {
        return Ok(FulfilOutcome::NotPossible(invalid.into()));
    }
    let (goods, shipment) = (body.fulfil_order(), body.shipment());
    record(orders, request, &goods, Some(&shipment), id).await
}

async fn record<Orders: OrderStore>(
    orders: &Orders,
    request: StepRequest<'_>,
    body: &FulfilOrder,
    shipment: Option<&Shipment>,
    id: FulfilmentId,
) -> Result<FulfilOutcome, StoreError> {
    let StepRequest {
        fingerprint, at, ..
    } = request;
    let decide = |stored: &StoredOrder| {
        if let Some((fulfilment, fulfilled_by)) = stored.fulfilment(id) {
            return Decision::Respond(if fulfilled_by == fingerprint {
                FulfilOutcome::Replayed(Box::new(fulfilment.clone()))
            } else {
                match body.check(&stored.order) {
                    Ok(()) => FulfilOutcome::KeyReused,
                    Err(invalid) => FulfilOutcome::NotPossible(invalid.into()),
                }
            });
        }
        let earlier = stored.fulfilments.iter().map(|(fulfilment, _)| fulfilment);
        let possible = body
            .fulfilment(id, &stored.order, at)
            .and_then(|possible| possible.0.check_item_size(earlier).map(|()| possible));
        match possible {
            Err(error) => {
                let record = AttachedRecordId::Fulfilment(id);
                Decision::refuse(error, record, FulfilOutcome::NotPossible)
            }
            Ok((goods, after)) => {
                let fulfilment = Fulfilment {
                    shipment: shipment.cloned(),
                    ..goods
                };
                let update = OrderUpdate {
                    changes: fulfilment.level_deltas(&stored.order),
                    after,
                    record: Some(AttachedRecord::Fulfilment(
                        fulfilment.clone(),
                        fingerprint.clone(),
                    )),
                    at,
                };
                let outcome = FulfilOutcome::Fulfilled(Box::new(fulfilment));
                Decision::Write(Box::new(update), outcome)
            }
        }
    };
    let short = |short| Ok(FulfilOutcome::Short(short));
    decide_and_write(orders, request, decide, short).await
}
