//! Places an order. The order is its own idempotency record, so one transaction suffices when the first attempt finds
//! enough stock.

use stockline_domain::order::Order;

use super::levels::{Changed, write};
use super::{Answer, Next, Step};
use crate::model::faults::Fault;
use crate::model::item::Item;
use crate::model::tables::{StoredOrder, Tables, Write};

pub fn run(
    order: &Order,
    body: u8,
    step: &Step,
    bucket: u8,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> Next {
    if fault == Some(Fault::CheckThenWrite) && matches!(step, Step::Begun) {
        return if has_enough(order, tables) {
            Next::Step(Step::Enough)
        } else {
            Next::Answer(Answer::Short)
        };
    }
    let new = Write::NewOrder(StoredOrder::new(order.clone(), body));
    let guard = match fault {
        Some(Fault::BlindAdd) => Write::Unguarded(Box::new(new)),
        _ => new,
    };
    let so_far = match step {
        Step::Attempt(_, attempt) => Some(attempt),
        _ => None,
    };
    match write(&[guard], &order.takes(), (so_far, bucket), tables, fault) {
        Changed::All => Next::Answer(Answer::Placed(Item::new(order.clone()))),
        Changed::Refused(failed) => Next::Answer(refused(order, body, &failed, tables, fault)),
        Changed::On(attempt) => Next::Step(Step::Attempt(None, attempt)),
    }
}

/// The response for a failed transaction. The order's own condition comes first: an earlier attempt of this request
/// may have taken the units that are missing.
fn refused(
    order: &Order,
    body: u8,
    failed: &[bool],
    tables: &Tables,
    fault: Option<Fault>,
) -> Answer {
    let short = failed[1..].contains(&true);
    let existing = tables.order(order.order_id).filter(|_| failed[0]);
    match existing {
        Some(_) if short && fault == Some(Fault::ShortBeforeReplay) => Answer::Short,
        Some(existing) if existing.fingerprint == body => {
            Answer::Replayed(Item::new(existing.order.as_placed()))
        }
        Some(_) => Answer::KeyReused,
        None => {
            // A split level, or one with a later count, was read before it was reported short.
            let was_read = tables
                .levels()
                .any(|level| level.buckets().len() > 1 || level.total().has_counted(order.sold_at));
            assert!(
                was_read || !has_enough(order, tables),
                "an order is refused what there is"
            );
            Answer::Short
        }
    }
}

fn has_enough(order: &Order, tables: &Tables) -> bool {
    order.takes().into_iter().all(|taken| {
        let level = tables.level(&taken.key);
        level.is_some_and(|level| level.plan(&taken.change).is_ok())
    })
}
