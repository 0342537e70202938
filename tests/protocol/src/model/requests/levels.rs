//! Levels change together with what makes them change: `level_changes` in `platform`. The first try knows nothing of a
//! level; where one item of a level that is split refuses, it is read whole and planned anew, and where the whole refuses,
//! the guards are asked once more. What is more items than a transaction takes is gathered in one of them first, in a
//! transaction of its own. What was taken in several parts, or gathered because it was owed, is evened out before it is
//! answered.

use stockline_domain::level::{Level, LevelKey};
use stockline_domain::order::LevelChange;
use stockline_domain::split_level::{Gathering, Part, Plan};

use super::NOW;
use crate::model::faults::Fault;
use crate::model::item::Item;
use crate::model::tables::{Tables, Write, whole};

/// What has come of the tries so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// An item refused: the level is to be read whole.
    RefusedByOne,
    /// The level was read, all its items, and can take the change.
    Planned(Vec<Item<Level>>),
    /// And what the change concerns was brought together in one of them.
    Gathered(Vec<Item<Level>>),
    /// The level as a whole could not take the change: the guards are asked once more.
    RefusedByTheWhole,
    /// All is written, and the level to be evened out.
    Written,
    /// And it was read for that.
    Uneven(Vec<Item<Level>>),
}

/// What became of guards and levels.
pub enum Changed {
    /// All of it is written.
    All,
    /// Nothing is: which conditions failed in the end, the guards' first.
    Refused(Vec<bool>),
    /// It goes on.
    On(Attempt),
}

/// The next step of writing `guards` and `changes`, all or nothing, after what came of it so far.
///
/// Of several levels none is split: one story has the one, one the other.
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
    // One item of a level refuses what the others may have, and what a later count has seen is another change.
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

/// What is written of `change` at a level that was read and can take it, and whether that is in several parts.
fn planned(
    items: &[Item<Level>],
    LevelChange { key, change }: &LevelChange,
    fault: Option<Fault>,
) -> (Vec<Write>, bool) {
    let plan = whole(items).plan(change).unwrap();
    let is_apart = matches!(&plan, Plan::Parts(parts) if parts.len() > 1);
    (as_planned(key, plan, fault), is_apart)
}

/// How a change is written that is more than a transaction takes, at a level that was read and can take it.
fn gathering(items: &[Item<Level>], LevelChange { change, .. }: &LevelChange) -> Gathering {
    let gathering = whole(items).gathering(change, change.recorded_at);
    gathering.unwrap()
}

/// The writes that make `plan` at a level.
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

/// Every item of a level, each as it was and as it is to be.
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

/// Moves goods between the items of a level as they were read, if these have them still.
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
    // Whether it comes about or not, the change is written.
    let _ = tables.transact(&writes);
}
