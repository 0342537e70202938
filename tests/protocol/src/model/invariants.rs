//! The invariants of orders, stock and tasks, checked in every reachable state.

use std::iter::zip;

use stateright::Property;
use stockline_domain::level::{Level, LevelDelta, MovementKind, Quantities, StateDeltas};
use stockline_domain::order::Line;
use stockline_domain::split_level::SplitLevel;
use stockline_domain::task::TaskState;

use super::requests::{OrderChange, Request, Response};
use super::scenarios::CallerTimeout;
use super::tables::{BucketItem, Tables};
use super::{Protocol, State};

/// No quantity of a level is negative.
pub const NEVER_NEGATIVE: &str = "no quantity is negative";
/// Each transaction changes a level, as a whole, only as the domain allows.
pub const NEVER_OVERSOLD: &str = "no write takes more than is available";
/// While a split level is short, no bucket sells what another bucket owes.
pub const SHORT_LEVEL_SELLS_NOTHING: &str =
    "while a split level is short, every bucket is flagged short and none has available units";
/// The allocated quantity of a level is the open quantity of its orders.
pub const ALLOCATED_MATCHES_ORDERS: &str = "allocated equals the open quantities of orders";
/// The movements of a drained stream add up to the level.
pub const MOVEMENTS_ADD_UP: &str = "movements of a drained stream add up to the level";
/// No movement is applied twice.
pub const ONE_KEY_ONE_EFFECT: &str = "one idempotency key has one effect";
/// A success response describes what is stored.
pub const RESPONSES_ARE_TRUE: &str = "what a caller was response is there, and the same for all";
/// A rejected request has no effect, then or later.
pub const REJECTION_IS_FINAL: &str = "a rejected request has no effect";
/// No invocation waits for the ledger once the streams are drained.
pub const WAITING_ENDS: &str = "no invocation waits for the ledger once the streams are drained";
/// A task completes once, together with its stock and its order.
pub const ONE_COMPLETION: &str = "a completed task moves stock and order once";

/// All invariants.
pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(NEVER_NEGATIVE, never_negative),
        Property::always(NEVER_OVERSOLD, never_oversold),
        Property::always(SHORT_LEVEL_SELLS_NOTHING, short_level_sells_nothing),
        Property::always(ALLOCATED_MATCHES_ORDERS, allocated_matches_orders),
        Property::always(MOVEMENTS_ADD_UP, movements_add_up),
        Property::always(ONE_KEY_ONE_EFFECT, one_key_one_effect),
        Property::always(RESPONSES_ARE_TRUE, responses_are_true),
        Property::always(REJECTION_IS_FINAL, rejection_is_final),
        Property::always(ONE_COMPLETION, one_completion),
        Property::always(WAITING_ENDS, waiting_ends),
    ]
}

fn never_negative(_: &Protocol, state: &State) -> bool {
    let mut levels = state.tables.bucket_items().iter().map(BucketItem::level);
    levels.all(|level| level.on_hand >= 0 && level.allocated >= 0)
}

fn never_oversold(_: &Protocol, state: &State) -> bool {
    !state.is_rule_broken
}

/// Whether the changes of levels between `before` and `after`, at most one transaction apart, are changes that the
/// domain makes to each level as a whole.
pub fn is_allowed_transition(before: &Tables, after: &Tables) -> bool {
    before.bucket_items() == after.bucket_items()
        || after.levels().all(|after| {
            let before = before.level(&after.key());
            before.is_some_and(|before| is_allowed_change(&before, &after))
        })
}

fn is_allowed_change(before: &SplitLevel, after: &SplitLevel) -> bool {
    let quantities = Level::quantities;
    let mut written = after.buckets().iter().filter(|after| {
        let before = before.buckets().get(usize::from(after.bucket));
        before.map_or_else(Quantities::default, quantities) != quantities(after)
    });
    let Some(first) = written.next() else {
        return true;
    };
    let parts = written.filter_map(|part| part.last_change.as_ref());
    let change = first.last_change.clone();
    let whole = change.map(|first| parts.fold(first, sum));
    whole.is_some_and(|change| {
        let allowed = before.total().after(change);
        allowed.is_ok_and(|allowed| quantities(&allowed) == quantities(&after.total()))
    })
}

/// The sum of two changes that are parts of one change.
fn sum(one: LevelDelta, other: &LevelDelta) -> LevelDelta {
    LevelDelta {
        on_hand_delta: one.on_hand_delta + other.on_hand_delta,
        allocated_delta: one.allocated_delta + other.allocated_delta,
        states: StateDeltas {
            damaged_delta: one.states.damaged_delta + other.states.damaged_delta,
            on_hold_delta: one.states.on_hold_delta + other.states.on_hold_delta,
            in_transit_delta: one.states.in_transit_delta + other.states.in_transit_delta,
            incoming_delta: one.states.incoming_delta + other.states.incoming_delta,
            counted_delta: one.states.counted_delta + other.states.counted_delta,
        },
        ..one
    }
}

fn short_level_sells_nothing(_: &Protocol, state: &State) -> bool {
    let buckets = || {
        let buckets = state.tables.bucket_items().iter().map(BucketItem::level);
        buckets.filter(|bucket| bucket.split_over > 1)
    };
    buckets().filter(|bucket| bucket.is_short()).all(|short| {
        let mut others = buckets().filter(|bucket| is_same_level(bucket, short));
        others.all(|bucket| bucket.whole_short && bucket.available() <= 0)
    })
}

fn allocated_matches_orders(_: &Protocol, state: &State) -> bool {
    let buckets = || state.tables.bucket_items().iter().map(BucketItem::level);
    buckets().all(|level| {
        let level_buckets = buckets().filter(|bucket| is_same_level(bucket, level));
        let allocated = level_buckets.map(|bucket| bucket.allocated);
        let open = state.tables.orders().map(|stored| &stored.order);
        let open = open.filter(|order| order.location_id == level.location_id);
        let lines = open.flat_map(|order| &order.lines);
        let open_quantities = lines
            .filter(|line| line.sku == level.sku)
            .map(Line::open_quantity);
        open_quantities.sum::<i64>() == allocated.sum::<i64>()
    })
}

fn is_same_level(one: &Level, other: &Level) -> bool {
    (&one.location_id, &one.sku) == (&other.location_id, &other.sku)
}

fn movements_add_up(_: &Protocol, state: &State) -> bool {
    let mut drained = state
        .tables
        .bucket_items()
        .iter()
        .filter(|s| s.is_drained());
    drained.all(|bucket_item| {
        let level = bucket_item.level();
        let moved = bucket_item
            .movements()
            .iter()
            .fold((0, 0), |sum, movement| {
                let change = &movement.change;
                (sum.0 + change.on_hand_delta, sum.1 + change.allocated_delta)
            });
        moved == (level.on_hand, level.allocated)
    })
}

fn one_key_one_effect(_: &Protocol, state: &State) -> bool {
    state.tables.bucket_items().iter().all(|bucket_item| {
        let id = |level: &Level| level.last_change.as_ref().map(|change| change.movement_id);
        // A write of the policy or of the short flag keeps the last change, so only writes that change quantities
        // count.
        let changes_quantities =
            |(before, after): &(&Level, &Level)| before.quantities() != after.quantities();
        let moved = bucket_item.writes().filter(changes_quantities);
        let mut ids: Vec<_> = moved.map(|(_, after)| id(after)).collect();
        let last = ids.pop();
        last.is_none_or(|last| !ids.contains(&last))
    })
}

fn responses_are_true(protocol: &Protocol, state: &State) -> bool {
    zip(&protocol.scenario.requests, &state.callers).all(|(request, caller)| {
        match (request, &caller.response) {
            (
                Request::Place { order, .. },
                Some(Response::Placed(response) | Response::Replayed(response)),
            ) => **response == *order && state.tables.order(order.order_id).is_some(),
            (
                Request::ChangeStock { request, .. },
                Some(Response::Applied(response) | Response::ReplayedChange(response)),
            ) => state
                .tables
                .marker(*request)
                .is_none_or(|marker| marker.levels == *response),
            (Request::ChangeOrder(id, OrderChange::Cancel), Some(Response::Done)) => state
                .tables
                .order(*id)
                .is_some_and(|stored| stored.order.canceled_at.is_some()),
            _ => true,
        }
    })
}

/// Holds only for callers that time out later than a function: otherwise an earlier attempt can commit after a later
/// one was answered.
fn rejection_is_final(protocol: &Protocol, state: &State) -> bool {
    protocol.scenario.caller_timeout == CallerTimeout::ShorterThanInvocation
        || zip(&protocol.scenario.requests, &state.callers).all(|(request, caller)| {
            match (request, &caller.response) {
                (Request::Place { order, .. }, Some(Response::Short)) => {
                    state.tables.order(order.order_id).is_none()
                }
                (Request::ChangeStock { request, .. }, Some(Response::Rejected)) => {
                    state.tables.marker(*request).is_none()
                }
                _ => true,
            }
        })
}

fn one_completion(_: &Protocol, state: &State) -> bool {
    state.tables.tasks().all(|task| {
        let is_completed = task.state == TaskState::Completed;
        let moved = state
            .tables
            .bucket_items()
            .iter()
            .flat_map(BucketItem::writes)
            .filter_map(|(_, after)| after.last_change.as_ref())
            .filter(|change| {
                change.kind == MovementKind::Fulfilment
                    && change.reference == Some(task.order_id.to_string())
            })
            .count();
        let order = state.tables.order(task.order_id);
        let fulfilled = order.map_or(0, |stored| {
            let line = stored
                .order
                .lines
                .iter()
                .find(|line| line.line == task.line);
            line.map_or(0, |line| line.fulfilled_quantity)
        });
        moved == usize::from(is_completed)
            && fulfilled == if is_completed { task.quantity } else { 0 }
    })
}

fn waiting_ends(protocol: &Protocol, state: &State) -> bool {
    let is_drained = state
        .tables
        .bucket_items()
        .iter()
        .all(BucketItem::is_drained);
    !is_drained
        || state.invocations.iter().all(|invocation| {
            let request = &protocol.scenario.requests[invocation.caller];
            !request.waits_for_ledger(&invocation.progress, &state.tables)
        })
}
