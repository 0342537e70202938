//! Stock changes while the level sells.

use super::coverage::{applied, count_responses, on_hand, reachable};
use super::fixtures::{adjustment, change_stock, count, level, pos};
use super::{CallerTimeout, STORE, Scenario};
use crate::model::requests::{Progress, Response};
use crate::model::tables::Tables;

/// Adjustments based on a read level, while the level sells.
pub fn adjustments_while_selling() -> Scenario {
    Scenario {
        name: "two adjustments of one version, damage, and a sale",
        tables: Tables::with_levels(vec![level(STORE, "milk", 1)]),
        requests: vec![
            pos("ana", &[("milk", 1)]),
            adjustment(
                "found",
                r#""delta":1,"reason":"found","expected_version":1"#,
            ),
            adjustment(
                "other",
                r#""delta":2,"reason":"other","expected_version":1"#,
            ),
            adjustment("damage", r#""delta":-1,"reason":"damage""#),
        ],
        attempts: vec![1, 2, 1, 2],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "only one of two adjustments of a version is applied",
                |_, state| {
                    let response_to = |caller: usize| state.callers[caller].response.as_ref();
                    response_to(1).is_some_and(applied)
                        && response_to(2) == Some(&Response::Rejected)
                },
            ),
            reachable(
                "a retry after a lost response replays the adjustment",
                |_, state| count_responses(state, |a| matches!(a, Response::ReplayedChange(_))) > 0,
            ),
            reachable(
                "the level is written between a read and its write",
                |_, state| {
                    let now = state.tables.bucket_items()[0].level();
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.progress, Progress::LevelsAndMovementsRead(read, _) if read[0] != *now)
                })
                },
            ),
            reachable("the sale is short", |_, state| {
                state.callers[0].response == Some(Response::Short)
            }),
        ],
    }
}

/// A count of an hour ago: later sales are subtracted from the counted quantity once the ledger has recorded them.
pub fn counts_while_selling() -> Scenario {
    Scenario {
        name: "a count of an hour ago, a later one, and two sales",
        tables: Tables::with_levels(vec![level(STORE, "milk", 3)]),
        requests: vec![
            pos("ana", &[("milk", 1)]),
            pos("ben", &[("milk", 1)]),
            count("earlier", "2026-03-01T11:00:00Z", 9),
            count("later", "2026-03-01T11:30:00Z", 8),
        ],
        attempts: vec![1, 1, 2, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("a count waits for the ledger", |protocol, state| {
                state.invocations.iter().any(|invocation| {
                    protocol.scenario.requests[invocation.caller]
                        .waits_for_ledger(&invocation.progress, &state.tables)
                })
            }),
            reachable(
                "both sales are subtracted from the counted quantity",
                |_, state| {
                    on_hand(state) == [7] && state.callers[2].response.as_ref().is_some_and(applied)
                },
            ),
            reachable(
                "the earlier count is rejected after the later one",
                |_, state| state.callers[2].response == Some(Response::Rejected),
            ),
            reachable(
                "a retry after a lost response replays the count",
                |_, state| count_responses(state, |a| matches!(a, Response::ReplayedChange(_))) > 0,
            ),
        ],
    }
}

/// A transfer between two stores while the source sells and the destination expects it.
pub fn transfer_and_arrival() -> Scenario {
    Scenario {
        name: "a transfer between two stores, and its arrival",
        tables: Tables::with_levels(vec![level(STORE, "milk", 1), level("store-2", "milk", 0)]),
        requests: vec![
            change_stock(
                "transfer",
                r#"{"kind":"transfer","from_location_id":"store-1","to_location_id":"store-2",
                    "sku":"milk","quantity":1}"#,
            ),
            pos("ana", &[("milk", 1)]),
            change_stock(
                "arrival",
                r#"{"kind":"arrival","location_id":"store-2","sku":"milk","quantity":1}"#,
            ),
        ],
        attempts: vec![2, 1, 2],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("the units are in transit", |_, state| {
                on_hand(state) == [0, 0] && state.tables.bucket_items()[1].level().in_transit == 1
            }),
            reachable("the units have arrived", |_, state| {
                on_hand(state) == [0, 1]
            }),
            reachable(
                "the transfer is rejected because the unit is sold",
                |_, state| state.callers[0].response == Some(Response::Rejected),
            ),
            reachable("the arrival is rejected before the transfer", |_, state| {
                state.callers[2].response == Some(Response::Rejected)
            }),
        ],
    }
}
