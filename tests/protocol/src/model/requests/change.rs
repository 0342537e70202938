//! A change of stock: the levels are read, each with all its items, the domain decides, and levels and the change's mark are
//! written together. A change that is the same whatever else happens may be added to a level that is split in place of being
//! written over what was read: the function does so after some tries, here it may at any.

use stockline_domain::ids::RequestId;
use stockline_domain::level::Level;
use stockline_domain::split_level::{Plan, SplitLevel};
use stockline_domain::stock_change::{StockChange, moved_after};

use super::levels::as_planned;
use super::{Answer, NOW, Next, Step};
use crate::model::faults::Fault;
use crate::model::item::Item;
use crate::model::tables::{AppliedChange, Tables, Write, whole};

pub fn run(
    request: RequestId,
    change: &StockChange,
    step: &Step,
    is_added: bool,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> Next {
    let (read, moved_since) = match step {
        Step::LevelsAndMoved(read, moved_since) => (read, *moved_since),
        Step::Levels(read) => {
            return Next::Step(match moved(change, &read[0], tables) {
                Some(moved) => Step::LevelsAndMoved(read.clone(), moved),
                None => step.clone(),
            });
        }
        _ => {
            let keys = change.keys();
            let levels: Option<Vec<_>> = keys.iter().map(|key| tables.items(key)).collect();
            return match levels {
                Some(levels) => Next::Step(Step::Levels(levels.concat())),
                None => Next::Answer(Answer::Unknown),
            };
        }
    };
    let before: Vec<SplitLevel> = read
        .chunk_by(|_, next| next.bucket > 0)
        .map(whole)
        .collect();
    let totals: Vec<Level> = before.iter().map(SplitLevel::total).collect();
    let Ok(after) = change.apply(&totals, moved_since, request, 0, NOW.parse().unwrap()) else {
        // An earlier try may have applied it, and it is that which now stands in its way.
        return Next::Answer(match tables.applied(request) {
            Some(mark) => Answer::AppliedBefore(mark.levels.clone()),
            None => Answer::Refused,
        });
    };
    let plans: Vec<Plan> = before
        .iter()
        .zip(&after)
        .map(|(before, after)| {
            let made = after.last_change.as_ref().unwrap();
            if is_added && before.buckets().len() > 1 {
                before.plan(made).unwrap()
            } else {
                Plan::Anew(before.anew(after, made))
            }
        })
        .collect();
    let after = before.iter().zip(&plans);
    let after = after.map(|(before, plan)| before.after(plan).unwrap().total());
    let mark = AppliedChange {
        request,
        levels: Item::new(after.collect()),
    };
    let answer = mark.levels.clone();
    let mut writes = match fault {
        Some(Fault::ChangeWithoutMark) => Vec::new(),
        _ => vec![Write::Applied(mark)],
    };
    for (before, plan) in before.iter().zip(plans) {
        writes.extend(as_planned(&before.key(), plan, fault));
    }
    match tables.transact(&writes) {
        Ok(()) => Next::Answer(Answer::Applied(answer)),
        Err(_) => match tables.applied(request) {
            Some(mark) => Next::Answer(Answer::AppliedBefore(mark.levels.clone())),
            // Someone else wrote a level first: it is read again.
            None => Next::Step(Step::Begun),
        },
    }
}

/// Whether `change` may be added to the levels that were `read`.
pub fn may_be_added(change: &StockChange, read: &[Item<Level>]) -> bool {
    change.is_relative() && read.iter().any(|item| item.bucket > 0)
}

/// By how much `level`, which is not split, has moved since the moment that `change` speaks of; none while the ledger has
/// yet to tell.
pub fn moved(change: &StockChange, level: &Level, tables: &Tables) -> Option<i64> {
    match change.depends_on_movements_after(level) {
        Some(time) => moved_after(level, &tables.movements(&level.key()), time),
        None => Some(0),
    }
}
