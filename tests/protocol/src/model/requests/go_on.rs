//! An order goes on: it is canceled, refunded, or its goods leave by hand. It is read with all that was done to it; its
//! next revision, the record of what is done and what that does to levels are written together.

use stockline_domain::ids::{FulfilmentId, OrderId, RefundId};
use stockline_domain::order::{FulfilOrder, LevelChange, Order, RefundOrder, RefundPlace};

use super::levels::{Changed, write};
use super::{Answer, NOW, Next, Step};
use crate::model::faults::Fault;
use crate::model::tables::{StoredOrder, Tables, Write};

/// What is done to an order.
#[derive(Debug, Clone)]
pub enum Deed {
    /// What is open of it is canceled.
    Cancel,
    /// Some of what has left is paid back.
    Refund(RefundId, RefundOrder),
    /// Some of it is handed over.
    Fulfil(FulfilmentId, FulfilOrder),
}

/// What a deed makes of an order and its levels.
struct Advance {
    after: Order,
    changes: Vec<LevelChange>,
}

impl Deed {
    /// The id of the record it leaves; a cancellation leaves its mark on the order itself.
    fn record(&self) -> Option<String> {
        match self {
            Self::Cancel => None,
            Self::Refund(id, _) => Some(id.to_string()),
            Self::Fulfil(id, _) => Some(id.to_string()),
        }
    }

    fn is_done(&self, stored: &StoredOrder) -> bool {
        match self.record() {
            None => stored.order.canceled_at.is_some(),
            Some(record) => stored.records.contains(&record),
        }
    }

    /// What it does to levels, if `order` lets it.
    pub(super) fn changes(&self, order: &Order) -> Vec<LevelChange> {
        let advance = self.advance(order);
        advance.map_or_else(Vec::new, |advance| advance.changes)
    }

    /// What it makes of `order`; none if a rule forbids it.
    fn advance(&self, order: &Order) -> Option<Advance> {
        let at = NOW.parse().unwrap();
        Some(match self {
            Self::Cancel => Advance {
                after: order.cancel(at).ok()?,
                changes: order.releases(None, at),
            },
            Self::Refund(refund_id, body) => {
                let place = RefundPlace {
                    refund_id: *refund_id,
                    location_id: order.location_id.clone(),
                    business_date: order.business_date,
                    at,
                };
                let (refund, after) = body.refund(place, order).ok()?;
                let changes = refund.movements(body.occurred_at, order);
                Advance { after, changes }
            }
            Self::Fulfil(id, body) => {
                let (fulfilment, after) = body.fulfilment(*id, order, at).ok()?;
                let changes = fulfilment.movements(body.occurred_at, order);
                Advance { after, changes }
            }
        })
    }
}

pub fn run(
    id: OrderId,
    deed: &Deed,
    step: &Step,
    bucket: u8,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> Next {
    let (before, so_far) = match step {
        Step::Order(before) => (before, None),
        Step::Attempt(Some(before), attempt) => (before, Some(attempt)),
        _ => {
            return match tables.order(id) {
                Some(order) => Next::Step(Step::Order(order.clone())),
                None => Next::Answer(Answer::Unknown),
            };
        }
    };
    if deed.is_done(before) {
        return Next::Answer(Answer::Done);
    }
    let Some(advance) = deed.advance(&before.order) else {
        return Next::Answer(Answer::Refused);
    };
    let mut records = before.records.clone();
    records.extend(deed.record());
    let next = Write::Order(StoredOrder {
        order: advance.after,
        revision: before.revision + 1,
        fingerprint: before.fingerprint,
        records,
    });
    let guard = match fault {
        Some(Fault::ReleaseTwice) => Write::Unguarded(Box::new(next)),
        _ => next,
    };
    match write(&[guard], &advance.changes, (so_far, bucket), tables, fault) {
        Changed::All => Next::Answer(Answer::Done),
        // Someone else wrote the order first: it is read again.
        Changed::Refused(failed) if failed[0] => Next::Step(Step::Begun),
        Changed::Refused(_) => Next::Answer(Answer::Failed),
        Changed::On(attempt) => Next::Step(Step::Attempt(Some(before.clone()), attempt)),
    }
}
