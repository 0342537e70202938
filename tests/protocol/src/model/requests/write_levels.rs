//! Writes level changes together with the items that cause them, as `level_changes` in `platform` does. The first
//! attempt writes deltas without reading. If one bucket of a split level fails, the level is read and a plan is made
//! for the whole; if the whole level cannot take the change, the first transaction is sent once more to re-evaluate
//! all conditions. A plan with more items than a transaction allows first consolidates the units in one bucket, in its own
//! transaction. A change that used several buckets, or consolidated units for a short level, rebalances the level before
//! the response.

use stockline_domain::level::{Level, LevelKey};
use stockline_domain::order::KeyedDelta;
use stockline_domain::split_level::{BucketDelta, Consolidation, WritePlan};

use super::NOW;
use crate::model::faults::Fault;
use crate::model::shared_value::Shared;
use crate::model::tables::{Tables, TransactItem, assemble_level};

/// How far a level change has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LevelWriteProgress {
    /// A bucket's condition failed. The level is read next.
    BucketFailed,
    /// The level was read with all buckets and can take the change.
    Planned(Vec<Shared<Level>>),
    /// The units were consolidated in one bucket.
    Consolidated(Vec<Shared<Level>>),
    /// The whole level cannot take the change. The first transaction is sent once more to re-evaluate all conditions.
    LevelInsufficient,
    /// The change is committed. The level is read for a rebalance next.
    Committed,
    /// The level was read for the rebalance.
    RebalanceRead(Vec<Shared<Level>>),
}

/// One step of a level change.
#[derive(Debug, Clone, Copy)]
pub struct LevelStep<'a> {
    /// How far the change has come; `None` at its start.
    pub progress: Option<&'a LevelWriteProgress>,
    /// The bucket that an attempt without a read addresses.
    pub bucket: u8,
    /// The injected defect.
    pub fault: Option<Fault>,
}

/// The result of one step of a level change.
pub enum LevelWriteResult {
    /// Everything is committed.
    Committed,
    /// Nothing is committed. Holds one flag per condition, true if it failed, the guards first.
    Failed(Vec<bool>),
    /// The change continues.
    Continue(LevelWriteProgress),
}

/// Makes the next step of writing `guards` and `changes` atomically.
///
/// Scenarios have either several levels or one split level, never both: a retry plans only the first change.
pub fn write_levels(
    guards: &[TransactItem],
    changes: &[KeyedDelta],
    step: LevelStep<'_>,
    tables: &mut Tables,
) -> LevelWriteResult {
    let LevelStep {
        progress: level_progress,
        bucket,
        fault,
    } = step;
    let read = |tables: &Tables| tables.buckets(&changes[0].key).unwrap();
    let (writes, needs_rebalance) = match level_progress {
        Some(LevelWriteProgress::BucketFailed) => {
            let items = read(tables);
            let plan = assemble_level(&items).plan(&changes[0].change);
            return LevelWriteResult::Continue(match plan {
                Ok(_) => LevelWriteProgress::Planned(items),
                Err(_) => LevelWriteProgress::LevelInsufficient,
            });
        }
        Some(LevelWriteProgress::Committed) => {
            return LevelWriteResult::Continue(LevelWriteProgress::RebalanceRead(read(tables)));
        }
        Some(LevelWriteProgress::RebalanceRead(items)) => {
            rebalance(&changes[0].key, items, tables, fault);
            return LevelWriteResult::Committed;
        }
        Some(LevelWriteProgress::Planned(items)) => {
            let (writes, is_multi_bucket) = planned(items, &changes[0], fault);
            if guards.len() + writes.len() > tables.transaction_limit() {
                let is_consolidated = match consolidation_plan(items, &changes[0]).transfer {
                    None => true,
                    Some(first) => {
                        let writes = planned_writes(&changes[0].key, first, fault);
                        tables.transact(&writes).is_ok()
                    }
                };
                return LevelWriteResult::Continue(if is_consolidated {
                    LevelWriteProgress::Consolidated(items.clone())
                } else {
                    LevelWriteProgress::BucketFailed
                });
            }
            (writes, is_multi_bucket)
        }
        Some(LevelWriteProgress::Consolidated(items)) => {
            let then = consolidation_plan(items, &changes[0]).write;
            let is_owed = matches!(then, WritePlan::Rewrite(_));
            (planned_writes(&changes[0].key, then, fault), is_owed)
        }
        None | Some(LevelWriteProgress::LevelInsufficient) => {
            let first = changes.iter().map(|KeyedDelta { key, change }| {
                let is_split = tables.bucket(key, 0).is_some_and(|it| it.split_over > 1);
                let bucket = if is_split { bucket } else { 0 };
                delta_write(key, BucketDelta::whole(change, bucket), fault)
            });
            (first.collect(), false)
        }
    };
    let all: Vec<TransactItem> = guards.iter().cloned().chain(writes).collect();
    let Err(failed) = tables.transact(&all) else {
        return if needs_rebalance {
            LevelWriteResult::Continue(LevelWriteProgress::Committed)
        } else {
            LevelWriteResult::Committed
        };
    };
    let has_failed_guard = failed[..guards.len()].contains(&true);
    let is_final_attempt = level_progress == Some(&LevelWriteProgress::LevelInsufficient);
    // One bucket may fail where the level as a whole can take the change, and a change before a later count has
    // different deltas. Both need a read.
    let may_succeed_after_read = |KeyedDelta { key, change }: &KeyedDelta| {
        let items = tables.buckets(key);
        items.is_some_and(|items| items.len() > 1 || items[0].has_count_after(change.occurred_at))
    };
    if has_failed_guard || is_final_attempt || !changes.iter().any(may_succeed_after_read) {
        LevelWriteResult::Failed(failed)
    } else {
        LevelWriteResult::Continue(LevelWriteProgress::BucketFailed)
    }
}

/// The planned writes of `change` for a level that was read, and whether they touch several buckets.
fn planned(
    items: &[Shared<Level>],
    KeyedDelta { key, change }: &KeyedDelta,
    fault: Option<Fault>,
) -> (Vec<TransactItem>, bool) {
    let plan = assemble_level(items).plan(change).unwrap();
    let is_multi_bucket = matches!(&plan, WritePlan::Deltas(parts) if parts.len() > 1);
    (planned_writes(key, plan, fault), is_multi_bucket)
}

/// The plan for a change with more items than a transaction allows, for a level that was read.
fn consolidation_plan(
    items: &[Shared<Level>],
    KeyedDelta { change, .. }: &KeyedDelta,
) -> Consolidation {
    let consolidation = assemble_level(items).consolidation(change, change.recorded_at);
    consolidation.unwrap()
}

/// The writes of `plan` for a level.
pub fn planned_writes(key: &LevelKey, plan: WritePlan, fault: Option<Fault>) -> Vec<TransactItem> {
    match plan {
        WritePlan::Deltas(parts) => {
            let parts = parts.into_iter();
            parts.map(|part| delta_write(key, part, fault)).collect()
        }
        WritePlan::Rewrite(levels) => replacement_writes(levels, fault),
    }
}

fn delta_write(key: &LevelKey, part: BucketDelta, fault: Option<Fault>) -> TransactItem {
    let key = key.clone();
    match fault {
        Some(Fault::CheckThenWrite) => {
            TransactItem::Unconditional(Box::new(TransactItem::AddDeltas(key, part)))
        }
        Some(Fault::IgnoreWholeShort) => TransactItem::AddDeltasUnchecked(key, part),
        _ => TransactItem::AddDeltas(key, part),
    }
}

/// Replaces every bucket of a level, each on condition of the version that was read.
fn replacement_writes(levels: Vec<(Level, Level)>, fault: Option<Fault>) -> Vec<TransactItem> {
    let write = |(before, after): (Level, Level)| {
        let is_later = after.bucket > 0;
        let write = TransactItem::ReplaceBucket {
            before: before.version,
            after,
        };
        match fault {
            Some(Fault::ReplaceWithoutVersion) => TransactItem::Unconditional(Box::new(write)),
            Some(Fault::CheckFirstBucketOnly) if is_later => {
                TransactItem::Unconditional(Box::new(write))
            }
            _ => write,
        }
    };
    levels.into_iter().map(write).collect()
}

/// Moves units between the buckets of a level, on condition that they still hold what was read.
pub fn rebalance(
    key: &LevelKey,
    items: &[Shared<Level>],
    tables: &mut Tables,
    fault: Option<Fault>,
) {
    let Some(rebalance) = assemble_level(items).rebalance_plan(NOW.parse().unwrap()) else {
        return;
    };
    let writes = match rebalance {
        WritePlan::Deltas(parts) if fault == Some(Fault::RebalanceTwice) => parts
            .into_iter()
            .map(|part| TransactItem::AddDeltasUnchecked(key.clone(), part))
            .collect(),
        rebalance => planned_writes(key, rebalance, fault),
    };
    // A failed rebalance does not matter: the change itself is already committed.
    let _ = tables.transact(&writes);
}
