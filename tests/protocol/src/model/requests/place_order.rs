//! Places an order. The order is its own idempotency record, so one transaction suffices when the first attempt finds
//! enough stock.

use stockline_domain::order::Order;

use super::write_levels::{LevelStep, LevelWriteResult, write_levels};
use super::{NextStep, Progress, Response, Step};
use crate::model::faults::Fault;
use crate::model::shared_value::Shared;
use crate::model::tables::{StoredOrder, Tables, TransactItem};

pub fn run(order: &Order, body: u8, step: Step<'_>, tables: &mut Tables) -> NextStep {
    let Step {
        progress, fault, ..
    } = step;
    if fault == Some(Fault::CheckThenWrite) && matches!(progress, Progress::Started) {
        return if is_stock_sufficient(order, tables) {
            NextStep::Continue(Progress::StockChecked)
        } else {
            NextStep::Respond(Response::Short)
        };
    }
    let new = TransactItem::CreateOrder(StoredOrder::new(order.clone(), body));
    let guard = match fault {
        Some(Fault::PlaceWithoutCondition) => TransactItem::Unconditional(Box::new(new)),
        _ => new,
    };
    let level_step = LevelStep {
        progress: match progress {
            Progress::WritingLevels(_, attempt) => Some(attempt),
            _ => None,
        },
        bucket: step.choice,
        fault,
    };
    match write_levels(&[guard], &order.placement_deltas(), level_step, tables) {
        LevelWriteResult::Committed => {
            NextStep::Respond(Response::Placed(Shared::new(order.clone())))
        }
        LevelWriteResult::Failed(failed) => {
            NextStep::Respond(failure_response(order, body, &failed, tables, fault))
        }
        LevelWriteResult::Continue(attempt) => {
            NextStep::Continue(Progress::WritingLevels(None, attempt))
        }
    }
}

/// The response for a failed transaction. The order's own condition comes first: an earlier attempt of this request
/// may have taken the units that are missing.
fn failure_response(
    order: &Order,
    body: u8,
    failed: &[bool],
    tables: &Tables,
    fault: Option<Fault>,
) -> Response {
    let short = failed[1..].contains(&true);
    let existing = tables.order(order.order_id).filter(|_| failed[0]);
    match existing {
        Some(_) if short && fault == Some(Fault::ShortageBeforeReplay) => Response::Short,
        Some(existing) if existing.fingerprint == body => {
            Response::Replayed(Shared::new(existing.order.as_placed()))
        }
        Some(_) => Response::KeyReused,
        None => {
            // A split level, or one with a later count, was read before it was reported short.
            let was_read = tables.levels().any(|level| {
                level.buckets().len() > 1 || level.total().has_count_after(order.sold_at)
            });
            assert!(
                was_read || !is_stock_sufficient(order, tables),
                "an order with sufficient stock was rejected"
            );
            Response::Short
        }
    }
}

fn is_stock_sufficient(order: &Order, tables: &Tables) -> bool {
    order.placement_deltas().into_iter().all(|taken| {
        let level = tables.level(&taken.key);
        level.is_some_and(|level| level.plan(&taken.change).is_ok())
    })
}
