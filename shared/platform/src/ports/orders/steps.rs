//! An order goes on: each step is decided on the order as it is found, and decided anew where another came first.

use jiff::Timestamp;
use stockline_domain::ids::{FulfilmentId, Sku};
use stockline_domain::order::{
    FulfilOrder, Fulfilment, NotPossible, Order, Refund, RefundOrder, RefundPlace,
};

use super::{Advance, Advanced, KnownOrder, OrderStore, Record, ShortSku};
use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::store_error::StoreError;

/// What became of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancellation {
    /// What was open of the order is canceled, now or before, and released once.
    Canceled(Box<Order>),
    /// All of it has left.
    TooLate,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refunding {
    /// It is made.
    Refunded(Box<Refund>),
    /// The same request had made it before.
    Replayed(Box<Refund>),
    /// Another request had used the same idempotency key.
    KeyReused,
    /// Nothing changed: it cannot be made.
    NotPossible(NotPossible),
    /// Nothing changed: the location has no level of these SKUs to put them back to.
    NotStocked(Vec<Sku>),
}

/// What became of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fulfilling {
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

/// Cancels what is open of the order, for the caller's `reason`, and releases it, all or nothing.
pub async fn cancel<S: OrderStore>(
    store: &S,
    known: &KnownOrder,
    reason: Option<&str>,
    at: Timestamp,
    deadline: Deadline,
) -> Result<Cancellation, StoreError> {
    let decide = |known: &KnownOrder| {
        let Ok(after) = known.order.cancel(at) else {
            return Decision::Answer(Cancellation::TooLate);
        };
        let answer = Cancellation::Canceled(Box::new(after.clone()));
        if after == known.order {
            return Decision::Answer(answer);
        }
        let advance = Advance {
            changes: known.order.releases(reason, at),
            after,
            record: None,
            at,
        };
        Decision::Write(Box::new(advance), answer)
    };
    let refused = |refused| {
        Err(StoreError::failed("cancel an order")(format!(
            "a level holds less than the order allocated: {refused:?}"
        )))
    };
    drive(store, known, deadline, decide, refused).await
}

/// Refunds `body` of the order, which came as `request`, and puts back what goes to stock, all or nothing.
pub async fn refund<S: OrderStore>(
    store: &S,
    known: &KnownOrder,
    body: &RefundOrder,
    place: &RefundPlace,
    request: &Fingerprint,
    deadline: Deadline,
) -> Result<Refunding, StoreError> {
    let decide = |known: &KnownOrder| {
        if let Some((made, by)) = known.refund(place.refund_id) {
            return Decision::Answer(if by == request {
                Refunding::Replayed(Box::new(made.clone()))
            } else {
                Refunding::KeyReused
            });
        }
        match body.refund(place.clone(), &known.order) {
            Err(error) => Decision::Answer(Refunding::NotPossible(error)),
            Ok((refund, after)) => {
                let advance = Advance {
                    changes: refund.movements(&known.order),
                    after,
                    record: Some(Record::Refund(refund.clone(), request.clone())),
                    at: place.at,
                };
                Decision::Write(Box::new(advance), Refunding::Refunded(Box::new(refund)))
            }
        }
    };
    let refused = |refused| match refused {
        Refused::NotStocked(skus) => Ok(Refunding::NotStocked(skus)),
        Refused::Short(short) => Err(StoreError::failed("refund an order")(format!(
            "goods that come back were refused: {short:?}"
        ))),
    };
    drive(store, known, deadline, decide, refused).await
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
) -> Result<Fulfilling, StoreError> {
    let decide = |known: &KnownOrder| {
        if let Some((made, by)) = known.fulfilment(id) {
            return Decision::Answer(if by == request {
                Fulfilling::Replayed(Box::new(made.clone()))
            } else {
                Fulfilling::KeyReused
            });
        }
        let before = known.fulfilments.iter().map(|(made, _)| made);
        let possible = body
            .fulfilment(id, &known.order, at)
            .and_then(|possible| possible.0.check_room(before).map(|()| possible));
        match possible {
            Err(error) => Decision::Answer(Fulfilling::NotPossible(error)),
            Ok((fulfilment, after)) => {
                let advance = Advance {
                    changes: fulfilment.movements(&known.order),
                    after,
                    record: Some(Record::Fulfilment(fulfilment.clone(), request.clone())),
                    at,
                };
                let answer = Fulfilling::Fulfilled(Box::new(fulfilment));
                Decision::Write(Box::new(advance), answer)
            }
        }
    };
    let refused = |refused| match refused {
        Refused::Short(short) => Ok(Fulfilling::Short(short)),
        Refused::NotStocked(skus) => Err(StoreError::failed("fulfil an order")(format!(
            "the order holds what has no level: {skus:?}"
        ))),
    };
    drive(store, known, deadline, decide, refused).await
}

/// What a step comes to on an order as it is found.
enum Decision<T> {
    /// Nothing is to be written.
    Answer(T),
    /// This is to be written, and then answered.
    Write(Box<Advance>, T),
}

/// What the levels refused.
#[derive(Debug)]
enum Refused {
    Short(Vec<ShortSku>),
    NotStocked(Vec<Sku>),
}

/// However many come at once, each is decided on the order as the one before left it.
async fn drive<S: OrderStore, T>(
    store: &S,
    known: &KnownOrder,
    deadline: Deadline,
    decide: impl Fn(&KnownOrder) -> Decision<T>,
    refused: impl Fn(Refused) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let (mut tries, mut again) = (deadline.tries(), None);
    loop {
        let known = again.as_ref().unwrap_or(known);
        let (advance, answer) = match decide(known) {
            Decision::Answer(answer) => return Ok(answer),
            Decision::Write(advance, answer) => (advance, answer),
        };
        match store.advance(known, &advance, deadline).await? {
            Advanced::Done => return Ok(answer),
            Advanced::Overtaken => {}
            Advanced::Short(short) => return refused(Refused::Short(short)),
            Advanced::NotStocked(skus) => return refused(Refused::NotStocked(skus)),
        }
        if !tries.another().await {
            return Err(StoreError::Busy);
        }
        let id = known.order.order_id;
        again = store.find(id).await?;
        if again.is_none() {
            return Err(StoreError::failed("read an order again")(format!(
                "{id} is gone"
            )));
        }
    }
}
