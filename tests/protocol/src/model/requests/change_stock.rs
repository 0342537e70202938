//! A stock change: reads the levels with all their buckets, lets the domain decide, and writes levels and the
//! applied-change marker in one transaction. A relative change may add deltas to a split level instead of replacing
//! what was read. The function does so after some attempts; the model allows it at any attempt.

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
        // An earlier attempt may have applied the change, which then fails its own preconditions.
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
            // Another write came first: read the levels again.
            None => Next::Step(Step::Begun),
        },
    }
}

/// Whether `change` may be written as deltas to the levels that were `read`.
pub fn may_be_added(change: &StockChange, read: &[Item<Level>]) -> bool {
    change.is_relative() && read.iter().any(|item| item.bucket > 0)
}

/// By how much `level`, which is not split, moved since the time that `change` refers to; `None` while the ledger has
/// not recorded all movements.
pub fn moved(change: &StockChange, level: &Level, tables: &Tables) -> Option<i64> {
    match change.depends_on_movements_after(level) {
        Some(time) => moved_after(level, &tables.movements(&level.key()), time),
        None => Some(0),
    }
}
