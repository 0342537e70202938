//! A change of stock: the levels are read, the domain decides, and levels and the change's mark are written together.

use stockline_domain::ids::RequestId;
use stockline_domain::level::Level;
use stockline_domain::stock_change::{StockChange, moved_after};

use super::{Answer, NOW, Next, Step};
use crate::model::faults::Fault;
use crate::model::item::Item;
use crate::model::tables::{AppliedChange, Tables, Write};

pub fn run(
    request: RequestId,
    change: &StockChange,
    step: &Step,
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
            let levels = keys.iter().map(|key| tables.level(key).cloned());
            return match levels.collect() {
                Some(levels) => Next::Step(Step::Levels(levels)),
                None => Next::Answer(Answer::Unknown),
            };
        }
    };
    let before: Vec<Level> = read.iter().map(|level| Level::clone(level)).collect();
    let Ok(after) = change.apply(&before, moved_since, request, 0, NOW.parse().unwrap()) else {
        // An earlier try may have applied it, and it is that which now stands in its way.
        return Next::Answer(match tables.applied(request) {
            Some(mark) => Answer::AppliedBefore(mark.levels.clone()),
            None => Answer::Refused,
        });
    };
    let mark = AppliedChange {
        request,
        levels: Item::new(after.clone()),
    };
    let levels = mark.levels.clone();
    let mut writes = match fault {
        Some(Fault::ChangeWithoutMark) => Vec::new(),
        _ => vec![Write::Applied(mark)],
    };
    for (before, after) in before.iter().zip(after) {
        let write = Write::Level {
            before: before.version,
            after,
        };
        writes.push(match fault {
            Some(Fault::LostUpdate) => Write::Unguarded(Box::new(write)),
            _ => write,
        });
    }
    match tables.transact(&writes) {
        Ok(()) => Next::Answer(Answer::Applied(levels)),
        Err(_) => match tables.applied(request) {
            Some(mark) => Next::Answer(Answer::AppliedBefore(mark.levels.clone())),
            // Someone else wrote a level first: it is read again.
            None => Next::Step(Step::Begun),
        },
    }
}

/// By how much `level` has moved since the moment that `change` speaks of; none while the ledger has yet to tell.
pub fn moved(change: &StockChange, level: &Level, tables: &Tables) -> Option<i64> {
    match change.depends_on_movements_after(level) {
        Some(time) => moved_after(level, &tables.movements(&level.key()), time),
        None => Some(0),
    }
}
