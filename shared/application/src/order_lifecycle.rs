//! An order goes on: each step is decided on the order as it is found, and decided anew where another came first.

use jiff::Timestamp;
use stockline_domain::ids::{CancellationId, FulfilmentId, OrderId};
use stockline_domain::order::{
    CancelOrder, Cancellation, FulfilOrder, Fulfilment, NotPossible, Order, Refund, RefundOrder,
    RefundPlace,
};

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::ports::orders::{Advance, Advanced, KnownOrder, OrderStore, Record, RecordId, ShortSku};
use crate::store_error::StoreError;

/// What became of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// What was open of the order is canceled, now or by another request before, and released once.
    Canceled(Box<Order>),
    /// The same request had canceled it before; this is the order as it was then.
    Replayed(Box<Order>),
    /// Another request had used the same idempotency key.
    KeyReused,
    /// All of it has left.
    TooLate,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// It is made.
    Refunded(Box<Refund>),
    /// The same request had made it before.
    Replayed(Box<Refund>),
    /// Another request had used the same idempotency key.
    KeyReused,
    /// Nothing changed: it cannot be made.
    NotPossible(NotPossible),
}

/// What became of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FulfilOutcome {
    /// The goods have left.
    Fulfilled(Box<Fulfilment>),
    /// The same request had made it before.
    Replayed(Box<Fulfilment>),
    /// Another request had used the same idempotency key.
    KeyReused,
    /// Nothing changed: it cannot be made.
    NotPossible(NotPossible),
    /// Nothing changed: a count found less than is promised, and these SKUs are not there to leave.
    Short(Vec<ShortSku>),
}

/// Cancels what is open of the order as `body` says, which came as `request`, and releases it, all or nothing.
pub async fn cancel<S: OrderStore>(
    store: &S,
    known: &KnownOrder,
    body: &CancelOrder,
    id: CancellationId,
    request: &Fingerprint,
    at: Timestamp,
    deadline: Deadline,
) -> Result<CancelOutcome, StoreError> {
    let decide = |known: &KnownOrder| {
        if let Some((made, by)) = &known.cancellation
            && made.cancellation_id == id
        {
            return Decision::Answer(if by == request {
                CancelOutcome::Replayed(Box::new(known.order.as_canceled(made)))
            } else {
                CancelOutcome::KeyReused
            });
        }
        let Ok(after) = known.order.cancel(at) else {
            return Decision::Answer(CancelOutcome::TooLate);
        };
        let answer = CancelOutcome::Canceled(Box::new(after.clone()));
        if after == known.order {
            return Decision::Answer(answer);
        }
        let made = Cancellation::of(id, &after);
        let advance = Advance {
            changes: known.order.releases(body.reason.as_deref(), at),
            after,
            record: Some(Record::Cancellation(made, request.clone())),
            at,
        };
        Decision::Write(Box::new(advance), answer)
    };
    let short = |short| {
        Err(StoreError::failed("cancel an order")(format!(
            "a level holds less than the order allocated: {short:?}"
        )))
    };
    drive(store, known, deadline, decide, short).await
}

/// Refunds `body` of the order, which came as `request`, and puts back what goes to stock, all or nothing.
pub async fn refund<S: OrderStore>(
    store: &S,
    known: &KnownOrder,
    body: &RefundOrder,
    place: &RefundPlace,
    request: &Fingerprint,
    deadline: Deadline,
) -> Result<RefundOutcome, StoreError> {
    let decide = |known: &KnownOrder| {
        if let Some((made, by)) = known.refund(place.refund_id) {
            return Decision::Answer(if by == request {
                RefundOutcome::Replayed(Box::new(made.clone()))
            } else {
                match body.check(&known.order) {
                    Ok(()) => RefundOutcome::KeyReused,
                    Err(invalid) => RefundOutcome::NotPossible(invalid.into()),
                }
            });
        }
        match body.refund(place.clone(), &known.order) {
            Err(error) => {
                let record = RecordId::Refund(place.refund_id);
                Decision::refuse(error, record, RefundOutcome::NotPossible)
            }
            Ok((refund, after)) => {
                let advance = Advance {
                    changes: refund.movements(body.occurred_at, &known.order),
                    after,
                    record: Some(Record::Refund(refund.clone(), request.clone())),
                    at: place.at,
                };
                Decision::Write(Box::new(advance), RefundOutcome::Refunded(Box::new(refund)))
            }
        }
    };
    let short = |short| {
        Err(StoreError::failed("refund an order")(format!(
            "goods that come back were refused: {short:?}"
        )))
    };
    drive(store, known, deadline, decide, short).await
}

/// Lets `body` of the order leave, which came as `request`, all or nothing.
pub async fn fulfil<S: OrderStore>(
    store: &S,
    known: &KnownOrder,
    body: &FulfilOrder,
    id: FulfilmentId,
    request: &Fingerprint,
    at: Timestamp,
    deadline: Deadline,
) -> Result<FulfilOutcome, StoreError> {
    let decide = |known: &KnownOrder| {
        if let Some((made, by)) = known.fulfilment(id) {
            return Decision::Answer(if by == request {
                FulfilOutcome::Replayed(Box::new(made.clone()))
            } else {
                match body.check(&known.order) {
                    Ok(()) => FulfilOutcome::KeyReused,
                    Err(invalid) => FulfilOutcome::NotPossible(invalid.into()),
                }
            });
        }
        let before = known.fulfilments.iter().map(|(made, _)| made);
        let possible = body
            .fulfilment(id, &known.order, at)
            .and_then(|possible| possible.0.check_room(before).map(|()| possible));
        match possible {
            Err(error) => {
                Decision::refuse(error, RecordId::Fulfilment(id), FulfilOutcome::NotPossible)
            }
            Ok((fulfilment, after)) => {
                let advance = Advance {
                    changes: fulfilment.movements(body.occurred_at, &known.order),
                    after,
                    record: Some(Record::Fulfilment(fulfilment.clone(), request.clone())),
                    at,
                };
                let answer = FulfilOutcome::Fulfilled(Box::new(fulfilment));
                Decision::Write(Box::new(advance), answer)
            }
        }
    };
    let short = |short| Ok(FulfilOutcome::Short(short));
    drive(store, known, deadline, decide, short).await
}

/// What a step comes to on an order as it is found.
enum Decision<T> {
    /// Nothing is to be written.
    Answer(T),
    /// Nothing is to be written, if the order is as it was found, and this was not done to it.
    Refuse(RecordId, T),
    /// This is to be written, and then answered.
    Write(Box<Advance>, T),
}

impl<T> Decision<T> {
    /// A request that no state of the order could meet is answered at once.
    fn refuse(error: NotPossible, record: RecordId, answer: impl Fn(NotPossible) -> T) -> Self {
        if matches!(error, NotPossible::Invalid(_)) {
            Self::Answer(answer(error))
        } else {
            Self::Refuse(record, answer(error))
        }
    }
}

/// However many come at once, each is decided on the order as the one before left it.
///
/// A read beside a write may show the order as the write left it, and not yet what the write kept beside it: to the very
/// request that was done, sent again, the order would have nothing left. So a refusal counts once a read finds the same that
/// no write can be under way beside.
async fn drive<S: OrderStore, T>(
    store: &S,
    known: &KnownOrder,
    deadline: Deadline,
    decide: impl Fn(&KnownOrder) -> Decision<T>,
    short: impl Fn(Vec<ShortSku>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let id = known.order.order_id;
    let (mut tries, mut again) = (deadline.tries(), None);
    loop {
        let known = again.as_ref().unwrap_or(known);
        let (advance, answer) = match decide(known) {
            Decision::Answer(answer) => return Ok(answer),
            Decision::Refuse(record, answer) => {
                if store.is_settled(known, record, deadline).await? {
                    return Ok(answer);
                }
                (None, answer)
            }
            Decision::Write(advance, answer) => (Some(advance), answer),
        };
        if let Some(advance) = advance {
            match store.advance(known, &advance, deadline).await? {
                Advanced::Done => return Ok(answer),
                Advanced::Overtaken => {}
                Advanced::Short(skus) => return short(skus),
            }
        }
        if !tries.another().await {
            return Err(StoreError::Busy);
        }
        again = Some(read_again(store, id).await?);
    }
}

async fn read_again<S: OrderStore>(store: &S, id: OrderId) -> Result<KnownOrder, StoreError> {
    let found = store.find(id).await?;
    found.ok_or_else(|| StoreError::failed("read an order again")(format!("{id} is gone")))
}
