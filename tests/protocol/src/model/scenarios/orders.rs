//! Orders: placing, retries, cancellation, fulfilment and refund.

use super::requests::{cancel, hand_over, level, online, order, order_id, place, refund, till};
use super::sights::{came_twice, on_hand, placed, replayed, sight, told};
use super::{Patience, STORE, Story};
use crate::model::Caller;
use crate::model::requests::{Answer, Request, Step};
use crate::model::tables::Tables;

/// Two orders compete for one unit, with lost responses.
pub fn two_for_one() -> Story {
    Story {
        title: "two orders for the last unit",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]).read_twice(),
        requests: vec![online("ana", &[("milk", 1)]), online("ben", &[("milk", 1)])],
        tries: vec![3, 3],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("one is served and one is not", |_, state| {
                told(state, placed) == 1 && told(state, |a| *a == Answer::Short) == 1
            }),
            sight("a lost answer is given again", |_, state| {
                told(state, replayed) > 0
            }),
            sight("a caller gives up, and yet has an order", |_, state| {
                let unknown = |caller: &&Caller| caller.told.is_none() && !caller.waits;
                state.callers.iter().filter(unknown).count() == 2
                    && state.callers.iter().all(|caller| caller.tries == 3)
                    && state.tables.orders().count() == 1
            }),
            came_twice(),
        ],
    }
}

/// Three orders compete for two units.
pub fn three_for_two() -> Story {
    Story {
        title: "three orders for two units, one of them at the till",
        tables: Tables::stocked(vec![level(STORE, "milk", 2)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ben", &[("milk", 1)]),
            till("cas", &[("milk", 1)]),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("all is sold and one is refused", |_, state| {
                told(state, placed) == 2 && told(state, |a| *a == Answer::Short) == 1
            }),
            sight("the till has taken one of them away", |_, state| {
                state.tables.shelves()[0].level().on_hand == 1
            }),
        ],
    }
}

/// The same request twice, and another body under the same key.
pub fn one_key_three_times() -> Story {
    let Request::Place { order, .. } = online("ana", &[("milk", 2)]) else {
        unreachable!("an order is placed")
    };
    Story {
        title: "one key, twice at once and once with another body",
        tables: Tables::stocked(vec![level(STORE, "milk", 3)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ana", &[("milk", 1)]),
            Request::Place { order, body: 2 },
        ],
        tries: vec![2, 2, 2],
        patience: Patience::ShorterThanAnInvocation,
        sights: vec![
            sight("both have the same order", |_, state| {
                state.callers[..2]
                    .iter()
                    .all(|caller| caller.told.as_ref().is_some_and(placed))
            }),
            sight("the other body is refused", |_, state| {
                state.callers[2].told == Some(Answer::KeyReused)
            }),
            sight("the other body is first", |_, state| {
                state.callers[0].told == Some(Answer::KeyReused)
                    && state.callers[1].told == Some(Answer::KeyReused)
            }),
        ],
    }
}

/// A caller times out before the function does: its first attempt still runs when the second is answered.
pub fn a_late_try() -> Story {
    Story {
        title: "a try that comes after the answer to a later one",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ben", &[("milk", 1)]),
            cancel("ben"),
        ],
        tries: vec![2, 2, 1],
        patience: Patience::ShorterThanAnInvocation,
        sights: vec![
            sight("two tries of one caller run at once", |_, state| {
                let pairs = state.invocations.windows(2);
                pairs
                    .into_iter()
                    .any(|pair| pair[0].caller == pair[1].caller)
            }),
            // This is why a caller's timeout must exceed the function's: the order was rejected and then placed.
            sight(
                "an order that was refused is placed after all",
                |_, state| {
                    state.callers[0].told == Some(Answer::Short)
                        && state.tables.order(order_id("ana")).is_some()
                },
            ),
        ],
    }
}

/// Orders of the same two SKUs, in either line order.
pub fn baskets_of_two() -> Story {
    Story {
        title: "two baskets of the same two SKUs, and a third that takes one",
        tables: Tables::stocked(vec![level(STORE, "milk", 1), level(STORE, "bread", 2)]),
        requests: vec![
            online("ana", &[("milk", 1), ("bread", 1)]),
            online("ben", &[("bread", 1), ("milk", 1)]),
            till("cas", &[("bread", 2)]),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("nothing of a refused basket is taken", |_, state| {
                told(state, |a| *a == Answer::Short) == 2
                    && state.tables.shelves()[0].level().allocated == 0
            }),
            sight("one basket is whole", |_, state| {
                state
                    .tables
                    .shelves()
                    .iter()
                    .all(|s| s.level().allocated == 1)
            }),
        ],
    }
}

/// Two callers cancel an order that a third still places, and a fourth waits for the released unit.
pub fn cancels() -> Story {
    Story {
        title: "two cancels race with the order's replay and with each other",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            cancel("ana"),
            cancel("ana"),
            online("ben", &[("milk", 1)]),
        ],
        tries: vec![2, 2, 2, 1],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "a canceled order's replay is as it was placed",
                |_, state| {
                    state.callers[0].told.as_ref().is_some_and(replayed)
                        && state.callers[1].told == Some(Answer::Done)
                },
            ),
            sight("both have canceled it", |_, state| {
                told(state, |a| *a == Answer::Done) == 2
            }),
            sight(
                "a cancel finds the order written since it read it",
                |_, state| {
                    let order = state.tables.order(order_id("ana"));
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.step, Step::Order(read) if Some(read) != order)
                })
                },
            ),
            sight("what was released is sold again", |_, state| {
                state.callers[1].told == Some(Answer::Done)
                    && state.callers[3].told.as_ref().is_some_and(placed)
            }),
            sight("a cancel comes before its order", |_, state| {
                state.callers[1].told == Some(Answer::Unknown)
                    && state.callers[0].told.as_ref().is_some_and(placed)
            }),
        ],
    }
}

/// Half of an order is fulfilled, some of it is returned, and the open rest is canceled.
pub fn goods_out_and_back() -> Story {
    let placed = order(STORE, "click_and_collect", "ana", &[("milk", 2)]);
    let mut tables = Tables::stocked(vec![level(STORE, "milk", 2)]);
    place(&mut tables, placed, 0);
    Story {
        title: "a hand-over, a refund and a cancel of one order",
        tables,
        requests: vec![
            hand_over("ana", "1", r#"{"lines":[{"line":1,"quantity":1}]}"#),
            refund(
                "ana",
                "1",
                r#"{"reason":"sour","lines":[{"line":1,"quantity":1,"restock":true}]}"#,
            ),
            cancel("ana"),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "one is handed over, comes back, and nothing is open",
                |_, state| told(state, |a| *a == Answer::Done) == 3 && on_hand(state) == [2],
            ),
            sight("nothing can be refunded yet", |_, state| {
                state.callers[1].told == Some(Answer::Refused)
            }),
            sight("nothing can be handed over any more", |_, state| {
                state.callers[0].told == Some(Answer::Refused)
            }),
            sight("two deeds are decided on one reading", |_, state| {
                let steps = state.invocations.iter().map(|i| &i.step);
                steps.filter(|step| matches!(step, Step::Order(_))).count() >= 2
            }),
        ],
    }
}
