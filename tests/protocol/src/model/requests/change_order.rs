//! Cancels, refunds or manually fulfils an order: reads the order with its records, then writes its next revision,
//! the new record and the level changes in one transaction.

use stockline_domain::ids::{FulfilmentId, OrderId, RefundId};
use stockline_domain::order::{FulfilOrder, KeyedDelta, Order, RefundContext, RefundOrder};

use super::write_levels::{LevelStep, LevelWriteResult, write_levels};
use super::{NOW, NextStep, Progress, Response, Step};
use crate::model::faults::Fault;
use crate::model::tables::{StoredOrder, Tables, TransactItem};

/// A change of an existing order.
#[derive(Debug, Clone)]
pub enum OrderChange {
    /// Cancels all open quantities.
    Cancel,
    /// Refunds some fulfilled units.
    Refund(RefundId, RefundOrder),
    /// Fulfils some units by hand.
    Fulfil(FulfilmentId, FulfilOrder),
}

/// The effect of a change on the order and its levels.
struct OrderChangeEffect {
    after: Order,
    changes: Vec<KeyedDelta>,
}

impl OrderChange {
    /// The id of the record it writes. A cancellation has no record: it sets `canceled_at` on the order.
    fn record_id(&self) -> Option<String> {
        match self {
            Self::Cancel => None,
            Self::Refund(id, _) => Some(id.to_string()),
            Self::Fulfil(id, _) => Some(id.to_string()),
        }
    }

    fn is_done(&self, stored: &StoredOrder) -> bool {
        match self.record_id() {
            None => stored.order.canceled_at.is_some(),
            Some(record) => stored.records.contains(&record),
        }
    }

    /// The level changes, empty if `order` does not allow the change.
    pub(super) fn changes(&self, order: &Order) -> Vec<KeyedDelta> {
        let effect = self.effect(order);
        effect.map_or_else(Vec::new, |effect| effect.changes)
    }

    /// The effect on `order`; `None` if a rule rejects it.
    fn effect(&self, order: &Order) -> Option<OrderChangeEffect> {
        let at = NOW.parse().unwrap();
        Some(match self {
            Self::Cancel => OrderChangeEffect {
                after: order.cancel(at).ok()?,
                changes: order.release_deltas(None, at),
            },
            Self::Refund(refund_id, body) => {
                let place = RefundContext {
                    refund_id: *refund_id,
                    location_id: order.location_id.clone(),
                    business_date: order.business_date,
                    at,
                };
                let (refund, after) = body.refund(place, order).ok()?;
                let changes = refund.level_deltas(order);
                OrderChangeEffect { after, changes }
            }
            Self::Fulfil(id, body) => {
                let (fulfilment, after) = body.fulfilment(*id, order, at).ok()?;
                let changes = fulfilment.level_deltas(order);
                OrderChangeEffect { after, changes }
            }
        })
    }
}

pub fn run(
    id: OrderId,
    order_change: &OrderChange,
    step: Step<'_>,
    tables: &mut Tables,
) -> NextStep {
    let (before, level_progress) = match step.progress {
        Progress::OrderRead(before) => (before, None),
        Progress::WritingLevels(Some(before), attempt) => (before, Some(attempt)),
        _ => {
            return match tables.order(id) {
                Some(order) => NextStep::Continue(Progress::OrderRead(order.clone())),
                None => NextStep::Respond(Response::NotFound),
            };
        }
    };
    if order_change.is_done(before) {
        return NextStep::Respond(Response::Done);
    }
    let Some(effect) = order_change.effect(&before.order) else {
        return NextStep::Respond(Response::Rejected);
    };
    let mut records = before.records.clone();
    records.extend(order_change.record_id());
    let next = TransactItem::UpdateOrder(StoredOrder {
        order: effect.after,
        revision: before.revision + 1,
        fingerprint: before.fingerprint,
        records,
    });
    let guard = match step.fault {
        Some(Fault::UpdateOrderWithoutRevision) => TransactItem::Unconditional(Box::new(next)),
        _ => next,
    };
    let level_step = LevelStep {
        progress: level_progress,
        bucket: step.choice,
        fault: step.fault,
    };
    match write_levels(&[guard], &effect.changes, level_step, tables) {
        LevelWriteResult::Committed => NextStep::Respond(Response::Done),
        // Another write came first: read the order again.
        LevelWriteResult::Failed(failed) if failed[0] => NextStep::Continue(Progress::Started),
        LevelWriteResult::Failed(_) => NextStep::Respond(Response::ServerError),
        LevelWriteResult::Continue(attempt) => {
            NextStep::Continue(Progress::WritingLevels(Some(before.clone()), attempt))
        }
    }
}
