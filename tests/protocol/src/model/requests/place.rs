//! Placing an order: one transaction, the order its own guard.

use stockline_domain::order::{LevelChange, Order};

use super::{Answer, Next, Step};
use crate::model::faults::Fault;
use crate::model::item::Item;
use crate::model::tables::{StoredOrder, Tables, Write};

pub fn run(
    order: &Order,
    body: u8,
    step: &Step,
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
    let mut writes = vec![match fault {
        Some(Fault::BlindAdd) => unguarded(new),
        _ => new,
    }];
    for LevelChange { key, change } in order.takes() {
        let change = Write::Change(key, change);
        writes.push(match fault {
            Some(Fault::CheckThenWrite) => unguarded(change),
            _ => change,
        });
    }
    Next::Answer(match tables.transact(&writes) {
        Ok(()) => Answer::Placed(Item::new(order.clone())),
        Err(failed) => refused(order, body, &failed, tables, fault),
    })
}

/// What each failed condition says, the order's first: it may be this very request that took what is now short.
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
            // What a later count has seen would be planned anew; no story here has that.
            assert!(
                !has_enough(order, tables),
                "an order is refused what there is"
            );
            Answer::Short
        }
    }
}

fn has_enough(order: &Order, tables: &Tables) -> bool {
    order.takes().into_iter().all(|taken| {
        let level = tables.level(&taken.key);
        level.is_some_and(|level| level.after(taken.change).is_ok())
    })
}

fn unguarded(write: Write) -> Write {
    Write::Unguarded(Box::new(write))
}
