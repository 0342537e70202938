//! A stock change: reads the levels with all their buckets, lets the domain decide, and writes levels and the
//! applied-change marker in one transaction. A relative change may add deltas to a split level instead of replacing
//! what was read. The function does so after some attempts; the model allows it at any attempt.

use stockline_domain::ids::RequestId;
use stockline_domain::level::Level;
use stockline_domain::split_level::{SplitLevel, WritePlan};
use stockline_domain::stock_change::{
    ChangeContext, RequestedChange, SettledChange, on_hand_delta_since,
};

use super::write_levels::planned_writes;
use super::{NOW, NextStep, Progress, Response, Step};
use crate::model::faults::Fault;
use crate::model::shared_value::Shared;
use crate::model::tables::{AppliedChange, Tables, TransactItem, assemble_level};

pub fn run(
    request: RequestId,
    change: &RequestedChange,
    step: Step<'_>,
    tables: &mut Tables,
) -> NextStep {
    let Step {
        progress, fault, ..
    } = step;
    let use_deltas = step.choice > 0;
    let (read, moved) = match progress {
        Progress::LevelsAndMovementsRead(read, moved) => (read, *moved),
        Progress::LevelsRead(read) => {
            return NextStep::Continue(match moved_since(change, &read[0], tables) {
                Some(moved) => Progress::LevelsAndMovementsRead(read.clone(), moved),
                None => progress.clone(),
            });
        }
        _ => {
            let keys = change.keys();
            let levels: Option<Vec<_>> = keys.iter().map(|key| tables.buckets(key)).collect();
            return match levels {
                Some(levels) => NextStep::Continue(Progress::LevelsRead(levels.concat())),
                None => NextStep::Respond(Response::NotFound),
            };
        }
    };
    let before: Vec<SplitLevel> = read
        .chunk_by(|_, next| next.bucket > 0)
        .map(assemble_level)
        .collect();
    let totals: Vec<Level> = before.iter().map(SplitLevel::total).collect();
    let context = ChangeContext {
        request,
        index: 0,
        now: NOW.parse().unwrap(),
        moved_since: moved,
        replenishment_order: None,
    };
    let Ok(SettledChange { levels: after, .. }) = change.apply(&totals, &context) else {
        // An earlier attempt may have applied the change, which then fails its own preconditions.
        return NextStep::Respond(match tables.marker(request) {
            Some(marker) => Response::ReplayedChange(marker.levels.clone()),
            None => Response::Rejected,
        });
    };
    let plans: Vec<WritePlan> = before
        .iter()
        .zip(&after)
        .map(|(before, after)| {
            let change_made = after.last_change.as_ref().unwrap();
            if use_deltas && before.buckets().len() > 1 {
                before.plan(change_made).unwrap()
            } else {
                WritePlan::Rewrite(before.rewrite(after, change_made))
            }
        })
        .collect();
    let after = before.iter().zip(&plans);
    let after = after.map(|(before, plan)| before.after(plan).unwrap().total());
    let marker = AppliedChange {
        request,
        levels: Shared::new(after.collect()),
    };
    let levels_after = marker.levels.clone();
    let mut writes = match fault {
        Some(Fault::ChangeWithoutMarker) => Vec::new(),
        _ => vec![TransactItem::CreateMarker(marker)],
    };
    for (before, plan) in before.iter().zip(plans) {
        writes.extend(planned_writes(&before.key(), plan, fault));
    }
    match tables.transact(&writes) {
        Ok(()) => NextStep::Respond(Response::Applied(levels_after)),
        Err(_) => match tables.marker(request) {
            Some(marker) => NextStep::Respond(Response::ReplayedChange(marker.levels.clone())),
            // Another write came first: read the levels again.
            None => NextStep::Continue(Progress::Started),
        },
    }
}

/// Whether `change` may be written as deltas to the levels that were `read`.
pub fn can_use_deltas(change: &RequestedChange, read: &[Shared<Level>]) -> bool {
    change.is_relative() && read.iter().any(|item| item.bucket > 0)
}

/// By how much `level`, which is not split, moved since the time that `change` refers to; `None` while the ledger has
/// not recorded all movements.
pub fn moved_since(change: &RequestedChange, level: &Level, tables: &Tables) -> Option<i64> {
    match change.depends_on_movements_since(level) {
        Some(time) => on_hand_delta_since(level, &tables.movements(&level.key()), time),
        None => Some(0),
    }
}
