//! Writes level changes together with the items that cause them, as `level_changes` in `platform` does. The first
//! attempt writes deltas without reading. If one bucket of a split level fails, the level is read and a plan is made
//! for the whole; if the whole level cannot take the change, the first transaction is sent once more to re-evaluate
//! all conditions. A plan with more items than a transaction allows first gathers the units in one bucket, in its own
//! transaction. A change that used several buckets, or gathered units for a short level, rebalances the level before
//! the response.

use stockline_domain::level::{Level, LevelKey};
use stockline_domain::order::LevelChange;
use stockline_domain::split_level::{Gathering, Part, Plan};

use super::NOW;
use crate::model::faults::Fault;
use crate::model::item::Item;
use crate::model::tables::{Tables, Write, whole};

/// How far a level change has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// A bucket's condition failed. The level is read next.
    RefusedByOne,
    /// The level was read with all buckets and can take the change.
    Planned(Vec<Item<Level>>),
    /// The units were gathered in one bucket.
    Gathered(Vec<Item<Level>>),
    /// The whole level cannot take the change. The first transaction is sent once more to re-evaluate all conditions.
    RefusedByTheWhole,
    /// The change is committed. The level is read for a rebalance next.
    Written,
    /// The level was read for the rebalance.
    Uneven(Vec<Item<Level>>),
}

/// The result of one step of a level change.
pub enum Changed {
    /// Everything is committed.
    All,
    /// Nothing is committed. Holds one flag per condition that failed, the guards first.
    Refused(Vec<bool>),
    /// The change continues.
    On(Attempt),
}

/// Makes the next step of writing `guards` and `changes` atomically.
///
/// Scenarios have either several levels or one split level, never both: a retry plans only the first change.
pub fn write(
    guards: &[Write],
    changes: &[LevelChange],
    (so_far, bucket): (Option<&Attempt>, u8),
    tables: &mut Tables,
    fault: Option<Fault>,
) -> Changed {
    let read = |tables: &Tables| tables.items(&changes[0].key).unwrap();
    let (writes, leaves_uneven) = match so_far {
        Some(Attempt::RefusedByOne) => {
            let items = read(tables);
            let plan = whole(&items).plan(&changes[0].change);
            return Changed::On(match plan {
                Ok(_) => Attempt::Planned(items),
                Err(_) => Attempt::RefusedByTheWhole,
            });
        }
        Some(Attempt::Written) => return Changed::On(Attempt::Uneven(read(tables))),
        Some(Attempt::Uneven(items)) => {
            even_out(&changes[0].key, items, tables, fault);
            return Changed::All;
        }
        Some(Attempt::Planned(items)) => {
            let (writes, is_apart) = planned(items, &changes[0], fault);
            if guards.len() + writes.len() > tables.room() {
                let is_gathered = match gathering(items, &changes[0]).first {
                    None => true,
                    Some(first) => {
                        let writes = as_planned(&changes[0].key, first, fault);
                        tables.transact(&writes).is_ok()
                    }
                };
                return Changed::On(if is_gathered {
                    Attempt::Gathered(items.clone())
                } else {
                    Attempt::RefusedByOne
                });
            }
            (writes, is_apart)
        }
        Some(Attempt::Gathered(items)) => {
            let then = gathering(items, &changes[0]).then;
            let is_owed = matches!(then, Plan::Anew(_));
            (as_planned(&changes[0].key, then, fault), is_owed)
        }
        None | Some(Attempt::RefusedByTheWhole) => {
            let first = changes.iter().map(|LevelChange { key, change }| {
                let is_split = tables.bucket(key, 0).is_some_and(|it| it.split_over > 1);
                let bucket = if is_split { bucket } else { 0 };
                added(key, Part::whole(change, bucket), fault)
            });
            (first.collect(), false)
        }
    };
    let all: Vec<Write> = guards.iter().cloned().chain(writes).collect();
    let Err(failed) = tables.transact(&all) else {
        return if leaves_uneven {
            Changed::On(Attempt::Written)
        } else {
            Changed::All
        };
    };
    let is_guarded = failed[..guards.len()].contains(&true);
    let is_last = so_far == Some(&Attempt::RefusedByTheWhole);
    // One bucket may fail where the level as a whole can take the change, and a change before a later count has
    // different deltas. Both need a read.
    let is_open = |LevelChange { key, change }: &LevelChange| {
        let items = tables.items(key);
        items.is_some_and(|items| items.len() > 1 || items[0].has_counted(change.occurred_at))
    };
    if is_guarded || is_last || !changes.iter().any(is_open) {
        Changed::Refused(failed)
    } else {
        Changed::On(Attempt::RefusedByOne)
    }
}

/// The planned writes of `change` for a level that was read, and whether they touch several buckets.
fn planned(
    items: &[Item<Level>],
    LevelChange { key, change }: &LevelChange,
    fault: Option<Fault>,
) -> (Vec<Write>, bool) {
    let plan = whole(items).plan(change).unwrap();
    let is_apart = matches!(&plan, Plan::Parts(parts) if parts.len() > 1);
    (as_planned(key, plan, fault), is_apart)
}

/// The plan for a change with more items than a transaction allows, for a level that was read.
fn gathering(items: &[Item<Level>], LevelChange { change, .. }: &LevelChange) -> Gathering {
    let gathering = whole(items).gathering(change, change.recorded_at);
    gathering.unwrap()
}

/// The writes of `plan` for a level.
pub fn as_planned(key: &LevelKey, plan: Plan, fault: Option<Fault>) -> Vec<Write> {
    match plan {
        Plan::Parts(parts) => {
            let parts = parts.into_iter();
            parts.map(|part| added(key, part, fault)).collect()
        }
        Plan::Anew(levels) => anew(levels, fault),
    }
}

fn added(key: &LevelKey, part: Part, fault: Option<Fault>) -> Write {
    let key = key.clone();
    match fault {
        Some(Fault::CheckThenWrite) => Write::Unguarded(Box::new(Write::Change(key, part))),
        Some(Fault::OwedIsSold) => Write::ChangeCarelessly(key, part),
        _ => Write::Change(key, part),
    }
}

/// Replaces every bucket of a level, each on condition of the version that was read.
fn anew(levels: Vec<(Level, Level)>, fault: Option<Fault>) -> Vec<Write> {
    let write = |(before, after): (Level, Level)| {
        let is_later = after.bucket > 0;
        let write = Write::Level {
            before: before.version,
            after,
        };
        match fault {
            Some(Fault::LostUpdate) => Write::Unguarded(Box::new(write)),
            Some(Fault::AnewByTheFirst) if is_later => Write::Unguarded(Box::new(write)),
            _ => write,
        }
    };
    levels.into_iter().map(write).collect()
}

/// Moves units between the buckets of a level, on condition that they still hold what was read.
pub fn even_out(key: &LevelKey, items: &[Item<Level>], tables: &mut Tables, fault: Option<Fault>) {
    let Some(evening) = whole(items).evening(NOW.parse().unwrap()) else {
        return;
    };
    let writes = match evening {
        Plan::Parts(parts) if fault == Some(Fault::EvenedTwice) => parts
            .into_iter()
            .map(|part| Write::ChangeCarelessly(key.clone(), part))
            .collect(),
        evening => as_planned(key, evening, fault),
    };
    // A failed rebalance does not matter: the change itself is already committed.
    let _ = tables.transact(&writes);
}
