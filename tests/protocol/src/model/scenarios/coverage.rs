//! Predicates over states, and the states that an exploration must reach.

use stateright::Property;

use stockline_domain::level::MovementKind;

use crate::model::requests::Answer;
use crate::model::tables::Shelf;
use crate::model::{Protocol, State};

pub(super) fn told(state: &State, what: impl Fn(&Answer) -> bool) -> usize {
    let told = state
        .callers
        .iter()
        .filter_map(|caller| caller.told.as_ref());
    told.filter(|answer| what(answer)).count()
}

pub(super) fn placed(answer: &Answer) -> bool {
    matches!(answer, Answer::Placed(_) | Answer::Replayed(_))
}

pub(super) fn replayed(answer: &Answer) -> bool {
    matches!(answer, Answer::Replayed(_))
}

pub(super) fn applied(answer: &Answer) -> bool {
    matches!(answer, Answer::Applied(_) | Answer::AppliedBefore(_))
}

pub(super) fn on_hand(state: &State) -> Vec<i64> {
    let shelves = state.tables.shelves().iter();
    shelves.map(|shelf| shelf.level().on_hand).collect()
}

/// Whether the item has a write with a movement of this kind.
pub(super) fn moved(shelf: &Shelf, kind: MovementKind) -> bool {
    let mut changes = shelf
        .writes()
        .filter_map(|(_, after)| after.last_change.as_ref());
    changes.any(|change| change.kind == kind)
}

/// A state that the exploration must reach.
pub(super) fn sight(what: &'static str, seen: fn(&Protocol, &State) -> bool) -> Property<Protocol> {
    Property::sometimes(what, seen)
}

pub(super) fn came_twice() -> Property<Protocol> {
    sight(
        "the ledger is given all it has recorded again",
        |_, state| {
            state.tables.shelves().iter().any(|shelf| {
                shelf.readings_left() == 0 && shelf.is_drained() && shelf.movements().len() > 1
            })
        },
    )
}
