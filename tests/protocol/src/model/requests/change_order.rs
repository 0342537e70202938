//! Cancels, refunds or manually fulfils an order: reads the order with its records, then writes its next revision,
//! the new record and the level changes in one transaction.

use stockline_domain::ids::{FulfilmentId, OrderId, RefundId};
use stockline_domain::order::{FulfilOrder, LevelChange, Order, RefundOrder, RefundPlace};

use super::levels::{Changed, write};
use super::{Answer, NOW, Next, Step};
use crate::model::faults::Fault;
use crate::model::tables::{StoredOrder, Tables, Write};

/// A change of an existing order.
#[derive(Debug, Clone)]
pub enum Deed {
    /// Cancels all open quantities.
    Cancel,
    /// Refunds some fulfilled units.
    Refund(RefundId, RefundOrder),
    /// Fulfils some units by hand.
    Fulfil(FulfilmentId, FulfilOrder),
}

/// The effect of a change on the order and its levels.
struct Advance {
    after: Order,
    changes: Vec<LevelChange>,
}

impl Deed {
    /// The id of the record it writes. A cancellation has no record: it sets `canceled_at` on the order.
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

    /// The level changes, empty if `order` does not allow the change.
    pub(super) fn changes(&self, order: &Order) -> Vec<LevelChange> {
        let advance = self.advance(order);
        advance.map_or_else(Vec::new, |advance| advance.changes)
    }

    /// The effect on `order`; `None` if a rule rejects it.
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
        // Another write came first: read the order again.
        Changed::Refused(failed) if failed[0] => Next::Step(Step::Begun),
        Changed::Refused(_) => Next::Answer(Answer::Failed),
        Changed::On(attempt) => Next::Step(Step::Attempt(Some(before.clone()), attempt)),
    }
}
