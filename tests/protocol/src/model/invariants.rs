//! The invariants of orders, stock and tasks, checked in every reachable state.

use std::iter::zip;

use stateright::Property;
use stockline_domain::audit::Quantities;
use stockline_domain::level::{LastChange, Level, MovementKind, StateDeltas};
use stockline_domain::order::Line;
use stockline_domain::split_level::SplitLevel;
use stockline_domain::task::TaskState;

use super::requests::{Answer, Deed, Request};
use super::stories::Patience;
use super::tables::{Shelf, Tables};
use super::{Protocol, State};

/// No quantity of a level is negative.
pub const NEVER_NEGATIVE: &str = "nothing is ever below zero";
/// Each transaction changes a level, as a whole, only as the domain allows.
pub const NEVER_OVERSOLD: &str = "no write takes what is not available";
/// While a split level is short, no bucket sells what another bucket owes.
pub const WHAT_IS_OWED_IS_NOT_SOLD: &str =
    "while a split level is short, every item says so and none has anything to sell";
/// The allocated quantity of a level is the open quantity of its orders.
pub const PROMISES_ARE_KEPT: &str = "what is allocated is what the open orders wait for";
/// The movements of a drained stream add up to the level.
pub const MOVEMENTS_ADD_UP: &str = "once the streams are drained, the movements are the level";
/// No movement is applied twice.
pub const ONE_KEY_ONE_EFFECT: &str = "one key has one effect";
/// A success response describes what is stored.
pub const WHAT_IS_TOLD_HOLDS: &str = "what a caller was told is there, and the same for all";
/// A rejected request has no effect, then or later.
pub const A_REFUSAL_IS_FINAL: &str = "what a caller was refused has not happened";
/// No invocation waits for the ledger once the streams are drained.
pub const NOBODY_WAITS_IN_VAIN: &str =
    "what waits for the ledger goes on once the streams are drained";
/// A task completes once, together with its stock and its order.
pub const ONE_COMPLETION: &str = "a completed task has moved stock and order once";

/// All invariants.
pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(NEVER_NEGATIVE, never_negative),
        Property::always(NEVER_OVERSOLD, never_oversold),
        Property::always(WHAT_IS_OWED_IS_NOT_SOLD, what_is_owed_is_not_sold),
        Property::always(PROMISES_ARE_KEPT, promises_are_kept),
        Property::always(MOVEMENTS_ADD_UP, movements_add_up),
        Property::always(ONE_KEY_ONE_EFFECT, one_key_one_effect),
        Property::always(WHAT_IS_TOLD_HOLDS, what_is_told_holds),
        Property::always(A_REFUSAL_IS_FINAL, a_refusal_is_final),
        Property::always(ONE_COMPLETION, one_completion),
        Property::always(NOBODY_WAITS_IN_VAIN, nobody_waits_in_vain),
    ]
}

fn never_negative(_: &Protocol, state: &State) -> bool {
    let mut levels = state.tables.shelves().iter().map(Shelf::level);
    levels.all(|level| level.on_hand >= 0 && level.allocated >= 0)
}

fn never_oversold(_: &Protocol, state: &State) -> bool {
    !state.broke_the_rule
}

/// Whether the changes of levels between `before` and `after`, at most one transaction apart, are changes that the
/// domain makes to each level as a whole.
pub fn is_by_the_rule(before: &Tables, after: &Tables) -> bool {
    before.shelves() == after.shelves()
        || after.levels().all(|after| {
            let before = before.level(&after.key());
            before.is_some_and(|before| is_change_by_the_rule(&before, &after))
        })
}

fn is_change_by_the_rule(before: &SplitLevel, after: &SplitLevel) -> bool {
    let quantities = Quantities::of;
    let mut written = after.buckets().iter().filter(|after| {
        let before = before.buckets().get(usize::from(after.bucket));
        before.map_or_else(Quantities::default, quantities) != quantities(after)
    });
    let Some(first) = written.next() else {
        return true;
    };
    let parts = written.filter_map(|part| part.last_change.as_ref());
    let change = first.last_change.clone();
    let whole = change.map(|first| parts.fold(first, together));
    whole.is_some_and(|change| {
        let allowed = before.total().after(change);
        allowed.is_ok_and(|allowed| quantities(&allowed) == quantities(&after.total()))
    })
}

/// The sum of two changes that are parts of one change.
fn together(one: LastChange, other: &LastChange) -> LastChange {
    LastChange {
        on_hand_delta: one.on_hand_delta + other.on_hand_delta,
        allocated_delta: one.allocated_delta + other.allocated_delta,
        states: StateDeltas {
            damaged_delta: one.states.damaged_delta + other.states.damaged_delta,
            on_hold_delta: one.states.on_hold_delta + other.states.on_hold_delta,
            in_transit_delta: one.states.in_transit_delta + other.states.in_transit_delta,
            counted_delta: one.states.counted_delta + other.states.counted_delta,
        },
        ..one
    }
}

fn what_is_owed_is_not_sold(_: &Protocol, state: &State) -> bool {
    let items = || {
        let items = state.tables.shelves().iter().map(Shelf::level);
        items.filter(|item| item.split_over > 1)
    };
    items().filter(|item| item.is_short()).all(|short| {
        let mut others = items().filter(|item| is_of_one_level(item, short));
        others.all(|item| item.whole_short && item.available() <= 0)
    })
}

fn promises_are_kept(_: &Protocol, state: &State) -> bool {
    let items = || state.tables.shelves().iter().map(Shelf::level);
    items().all(|level| {
        let its_items = items().filter(|item| is_of_one_level(item, level));
        let allocated = its_items.map(|item| item.allocated);
        let open = state.tables.orders().map(|stored| &stored.order);
        let open = open.filter(|order| order.location_id == level.location_id);
        let lines = open.flat_map(|order| &order.lines);
        let waiting = lines
            .filter(|line| line.sku == level.sku)
            .map(Line::open_quantity);
        waiting.sum::<i64>() == allocated.sum::<i64>()
    })
}

fn is_of_one_level(one: &Level, other: &Level) -> bool {
    (&one.location_id, &one.sku) == (&other.location_id, &other.sku)
}

fn movements_add_up(_: &Protocol, state: &State) -> bool {
    let mut drained = state.tables.shelves().iter().filter(|s| s.is_drained());
    drained.all(|shelf| {
        let level = shelf.level();
        let moved = shelf.movements().iter().fold((0, 0), |sum, movement| {
            let change = &movement.change;
            (sum.0 + change.on_hand_delta, sum.1 + change.allocated_delta)
        });
        moved == (level.on_hand, level.allocated)
    })
}

fn one_key_one_effect(_: &Protocol, state: &State) -> bool {
    state.tables.shelves().iter().all(|shelf| {
        let id = |level: &Level| level.last_change.as_ref().map(|change| change.movement_id);
        // A write of the policy or of the short flag keeps the last change, so only writes that change quantities
        // count.
        let moves =
            |(before, after): &(&Level, &Level)| Quantities::of(before) != Quantities::of(after);
        let moved = shelf.writes().filter(moves);
        let mut ids: Vec<_> = moved.map(|(_, after)| id(after)).collect();
        let last = ids.pop();
        last.is_none_or(|last| !ids.contains(&last))
    })
}

fn what_is_told_holds(protocol: &Protocol, state: &State) -> bool {
    zip(&protocol.story.requests, &state.callers).all(|(request, caller)| {
        match (request, &caller.told) {
            (Request::Place { order, .. }, Some(Answer::Placed(told) | Answer::Replayed(told))) => {
                **told == *order && state.tables.order(order.order_id).is_some()
            }
            (
                Request::Change { request, .. },
                Some(Answer::Applied(told) | Answer::AppliedBefore(told)),
            ) => state
                .tables
                .applied(*request)
                .is_none_or(|mark| mark.levels == *told),
            (Request::GoOn(id, Deed::Cancel), Some(Answer::Done)) => state
                .tables
                .order(*id)
                .is_some_and(|stored| stored.order.canceled_at.is_some()),
            _ => true,
        }
    })
}

/// Holds only for callers that time out later than a function: otherwise an earlier attempt can commit after a later
/// one was answered.
fn a_refusal_is_final(protocol: &Protocol, state: &State) -> bool {
    protocol.story.patience == Patience::ShorterThanAnInvocation
        || zip(&protocol.story.requests, &state.callers).all(|(request, caller)| {
            match (request, &caller.told) {
                (Request::Place { order, .. }, Some(Answer::Short)) => {
                    state.tables.order(order.order_id).is_none()
                }
                (Request::Change { request, .. }, Some(Answer::Refused)) => {
                    state.tables.applied(*request).is_none()
                }
                _ => true,
            }
        })
}

fn one_completion(_: &Protocol, state: &State) -> bool {
    state.tables.tasks().all(|task| {
        let completed = task.state == TaskState::Completed;
        let moved = state
            .tables
            .shelves()
            .iter()
            .flat_map(Shelf::writes)
            .filter_map(|(_, after)| after.last_change.as_ref())
            .filter(|change| {
                change.kind == MovementKind::Fulfilment
                    && change.reference == Some(task.order_id.to_string())
            })
            .count();
        let order = state.tables.order(task.order_id);
        let left = order.map_or(0, |stored| {
            let line = stored
                .order
                .lines
                .iter()
                .find(|line| line.line == task.line);
            line.map_or(0, |line| line.fulfilled_quantity)
        });
        moved == usize::from(completed) && left == if completed { task.quantity } else { 0 }
    })
}

fn nobody_waits_in_vain(protocol: &Protocol, state: &State) -> bool {
    let drained = state.tables.shelves().iter().all(Shelf::is_drained);
    !drained
        || state.invocations.iter().all(|invocation| {
            let request = &protocol.story.requests[invocation.caller];
            !request.waits(&invocation.step, &state.tables)
        })
}
