//! Orders: placing, retries, cancellation, fulfilment and refund.

use super::coverage::{
    count_responses, ledger_got_duplicates, on_hand, placed, reachable, replayed,
};
use super::fixtures::{cancel, fulfil, level, online, order, order_id, place, pos, refund};
use super::{CallerTimeout, STORE, Scenario};
use crate::model::Caller;
use crate::model::requests::{Progress, Request, Response};
use crate::model::tables::Tables;

/// Two orders compete for one unit, with lost responses.
pub fn two_orders_for_one_unit() -> Scenario {
    Scenario {
        name: "two orders for the last unit",
        tables: Tables::with_levels(vec![level(STORE, "milk", 1)]).with_stream_replay(),
        requests: vec![online("ana", &[("milk", 1)]), online("ben", &[("milk", 1)])],
        attempts: vec![3, 3],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("one order is placed and one is short", |_, state| {
                count_responses(state, placed) == 1
                    && count_responses(state, |a| *a == Response::Short) == 1
            }),
            reachable(
                "a retry after a lost response replays the order",
                |_, state| count_responses(state, replayed) > 0,
            ),
            reachable("a caller without a response has an order", |_, state| {
                let is_unanswered =
                    |caller: &&Caller| caller.response.is_none() && !caller.is_waiting;
                state.callers.iter().filter(is_unanswered).count() == 2
                    && state.callers.iter().all(|caller| caller.attempts == 3)
                    && state.tables.orders().count() == 1
            }),
            ledger_got_duplicates(),
        ],
    }
}

/// Three orders compete for two units.
pub fn three_orders_for_two_units() -> Scenario {
    Scenario {
        name: "three orders for two units, one of them point of sale",
        tables: Tables::with_levels(vec![level(STORE, "milk", 2)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ben", &[("milk", 1)]),
            pos("cas", &[("milk", 1)]),
        ],
        attempts: vec![2, 2, 2],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("both units are sold and one order is short", |_, state| {
                count_responses(state, placed) == 2
                    && count_responses(state, |a| *a == Response::Short) == 1
            }),
            reachable("the point-of-sale order takes one unit away", |_, state| {
                state.tables.bucket_items()[0].level().on_hand == 1
            }),
        ],
    }
}

/// The same request twice, and another body under the same key.
pub fn one_key_with_two_bodies() -> Scenario {
    let Request::Place { order, .. } = online("ana", &[("milk", 2)]) else {
        unreachable!("`online` places an order")
    };
    Scenario {
        name: "one key, twice with one body and once with another",
        tables: Tables::with_levels(vec![level(STORE, "milk", 3)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ana", &[("milk", 1)]),
            Request::Place { order, body: 2 },
        ],
        attempts: vec![2, 2, 2],
        caller_timeout: CallerTimeout::ShorterThanInvocation,
        expected_states: vec![
            reachable("both callers get the same order", |_, state| {
                state.callers[..2]
                    .iter()
                    .all(|caller| caller.response.as_ref().is_some_and(placed))
            }),
            reachable("the other body is rejected", |_, state| {
                state.callers[2].response == Some(Response::KeyReused)
            }),
            reachable("the other body comes first", |_, state| {
                state.callers[0].response == Some(Response::KeyReused)
                    && state.callers[1].response == Some(Response::KeyReused)
            }),
        ],
    }
}

/// A caller times out before the function does: its first attempt still runs when the second is answered.
pub fn early_caller_timeout() -> Scenario {
    Scenario {
        name: "an attempt that commits after a later one was answered",
        tables: Tables::with_levels(vec![level(STORE, "milk", 1)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ben", &[("milk", 1)]),
            cancel("ben"),
        ],
        attempts: vec![2, 2, 1],
        caller_timeout: CallerTimeout::ShorterThanInvocation,
        expected_states: vec![
            reachable("two attempts of one caller run concurrently", |_, state| {
                let pairs = state.invocations.windows(2);
                pairs
                    .into_iter()
                    .any(|pair| pair[0].caller == pair[1].caller)
            }),
            // This is why a caller's timeout must exceed the function's: the order was rejected and then placed.
            reachable(
                "an order that was rejected is placed afterwards",
                |_, state| {
                    state.callers[0].response == Some(Response::Short)
                        && state.tables.order(order_id("ana")).is_some()
                },
            ),
        ],
    }
}

/// Orders of the same two SKUs, in either line order.
pub fn orders_of_the_same_skus() -> Scenario {
    Scenario {
        name: "two orders of the same two SKUs, and a third of one of them",
        tables: Tables::with_levels(vec![level(STORE, "milk", 1), level(STORE, "bread", 2)]),
        requests: vec![
            online("ana", &[("milk", 1), ("bread", 1)]),
            online("ben", &[("bread", 1), ("milk", 1)]),
            pos("cas", &[("bread", 2)]),
        ],
        attempts: vec![2, 2, 2],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("a rejected order takes nothing", |_, state| {
                count_responses(state, |a| *a == Response::Short) == 2
                    && state.tables.bucket_items()[0].level().allocated == 0
            }),
            reachable("one order takes both SKUs", |_, state| {
                state
                    .tables
                    .bucket_items()
                    .iter()
                    .all(|s| s.level().allocated == 1)
            }),
        ],
    }
}

/// Two callers cancel an order that a third still places, and a fourth waits for the released unit.
pub fn concurrent_cancels() -> Scenario {
    Scenario {
        name: "two cancellations race with the order's replay and each other",
        tables: Tables::with_levels(vec![level(STORE, "milk", 1)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            cancel("ana"),
            cancel("ana"),
            online("ben", &[("milk", 1)]),
        ],
        attempts: vec![2, 2, 2, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "the replay of a canceled order shows it as placed",
                |_, state| {
                    state.callers[0].response.as_ref().is_some_and(replayed)
                        && state.callers[1].response == Some(Response::Done)
                },
            ),
            reachable("both cancellations succeed", |_, state| {
                count_responses(state, |a| *a == Response::Done) == 2
            }),
            reachable(
                "the order is written between a cancellation's read and write",
                |_, state| {
                    let order = state.tables.order(order_id("ana"));
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.progress, Progress::OrderRead(read) if Some(read) != order)
                })
                },
            ),
            reachable("the released unit is sold again", |_, state| {
                state.callers[1].response == Some(Response::Done)
                    && state.callers[3].response.as_ref().is_some_and(placed)
            }),
            reachable("a cancellation comes before its order", |_, state| {
                state.callers[1].response == Some(Response::NotFound)
                    && state.callers[0].response.as_ref().is_some_and(placed)
            }),
        ],
    }
}

/// Half of an order is fulfilled, some of it is returned, and the open rest is canceled.
pub fn fulfilment_refund_and_cancel() -> Scenario {
    let placed = order(STORE, "click_and_collect", "ana", &[("milk", 2)]);
    let mut tables = Tables::with_levels(vec![level(STORE, "milk", 2)]);
    place(&mut tables, placed, 0);
    Scenario {
        name: "a fulfilment, a refund and a cancellation of one order",
        tables,
        requests: vec![
            fulfil("ana", "1", r#"{"lines":[{"line":1,"quantity":1}]}"#),
            refund(
                "ana",
                "1",
                r#"{"reason":"sour","lines":[{"line":1,"quantity":1,"restock":true}]}"#,
            ),
            cancel("ana"),
        ],
        attempts: vec![2, 2, 2],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "one unit is fulfilled and returned, and nothing is open",
                |_, state| {
                    count_responses(state, |a| *a == Response::Done) == 3 && on_hand(state) == [2]
                },
            ),
            reachable("a refund before the fulfilment is rejected", |_, state| {
                state.callers[1].response == Some(Response::Rejected)
            }),
            reachable(
                "a fulfilment after the cancellation is rejected",
                |_, state| state.callers[0].response == Some(Response::Rejected),
            ),
            reachable(
                "two order changes are based on the same read",
                |_, state| {
                    let steps = state.invocations.iter().map(|i| &i.progress);
                    steps
                        .filter(|step| matches!(step, Progress::OrderRead(_)))
                        .count()
                        >= 2
                },
            ),
        ],
    }
}
