//! What has to hold in every state that can be reached: the invariants of orders and stock.

use std::iter::zip;

use stateright::Property;
use stockline_domain::level::{Level, MovementKind};
use stockline_domain::order::Line;
use stockline_domain::task::TaskState;

use super::requests::{Answer, Deed, Request};
use super::stories::Patience;
use super::tables::Shelf;
use super::{Protocol, State};

/// No level below zero.
pub const NEVER_NEGATIVE: &str = "nothing is ever below zero";
/// A level changes only as the domain allows.
pub const NEVER_OVERSOLD: &str = "no write takes what is not available";
/// What levels hold allocated is what open orders wait for.
pub const PROMISES_ARE_KEPT: &str = "what is allocated is what the open orders wait for";
/// The ledger adds up.
pub const MOVEMENTS_ADD_UP: &str = "once the streams are drained, the movements are the level";
/// No movement is made twice.
pub const ONE_KEY_ONE_EFFECT: &str = "one key has one effect";
/// What a caller was told is so.
pub const WHAT_IS_TOLD_HOLDS: &str = "what a caller was told is there, and the same for all";
/// What a caller was refused did not happen.
pub const A_REFUSAL_IS_FINAL: &str = "what a caller was refused has not happened";
/// The ledger keeps nobody waiting for what will not come.
pub const NOBODY_WAITS_IN_VAIN: &str =
    "what waits for the ledger goes on once the streams are drained";
/// A task completes once, with its stock and its order.
pub const ONE_COMPLETION: &str = "a completed task has moved stock and order once";

/// All of them.
pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(NEVER_NEGATIVE, never_negative),
        Property::always(NEVER_OVERSOLD, never_oversold),
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

/// The last write is enough: those before it were the last ones of states before this.
fn never_oversold(_: &Protocol, state: &State) -> bool {
    state.tables.shelves().iter().all(|shelf| {
        let Some((before, after)) = shelf.writes().last() else {
            return true;
        };
        let allowed = after.last_change.clone().map(|change| before.after(change));
        let as_allowed = |allowed: Level| {
            let counted_at = after.counted_at;
            Level {
                counted_at,
                ..allowed
            } == *after
        };
        allowed.is_some_and(|allowed| allowed.is_ok_and(as_allowed))
    })
}

fn promises_are_kept(_: &Protocol, state: &State) -> bool {
    state.tables.shelves().iter().all(|shelf| {
        let level = shelf.level();
        let open = state.tables.orders().map(|stored| &stored.order);
        let open = open.filter(|order| order.location_id == level.location_id);
        let lines = open.flat_map(|order| &order.lines);
        let waiting = lines
            .filter(|line| line.sku == level.sku)
            .map(Line::open_quantity);
        waiting.sum::<i64>() == level.allocated
    })
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
        let mut ids: Vec<_> = shelf.writes().map(|(_, after)| id(after)).collect();
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

/// Of callers who wait longer than an invocation can last: an earlier try cannot come after a later one's answer.
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
