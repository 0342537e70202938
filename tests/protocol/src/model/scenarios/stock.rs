//! Stock changes while the level sells.

use super::requests::{adjustment, change, count, level, till};
use super::sights::{applied, on_hand, sight, told};
use super::{Patience, STORE, Story};
use crate::model::requests::{Answer, Step};
use crate::model::tables::Tables;

/// Adjustments based on a read level, while the level sells.
pub fn corrections() -> Story {
    Story {
        title: "two corrections of one version, and damage, while the till sells",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]),
        requests: vec![
            till("ana", &[("milk", 1)]),
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
        tries: vec![1, 2, 1, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "only one of two that expect a version has it",
                |_, state| {
                    let told = |caller: usize| state.callers[caller].told.as_ref();
                    told(1).is_some_and(applied) && told(2) == Some(&Answer::Refused)
                },
            ),
            sight("a correction is given its lost answer again", |_, state| {
                told(state, |a| matches!(a, Answer::AppliedBefore(_))) > 0
            }),
            sight(
                "a level is written between a reading and its write",
                |_, state| {
                    let now = state.tables.shelves()[0].level();
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.step, Step::LevelsAndMoved(read, _) if read[0] != *now)
                })
                },
            ),
            sight("the till finds nothing left", |_, state| {
                state.callers[0].told == Some(Answer::Short)
            }),
        ],
    }
}

/// A count of an hour ago: later sales are subtracted from the counted quantity once the ledger has recorded them.
pub fn counts() -> Story {
    Story {
        title: "a count of an hour ago, and a later one, while the till sells",
        tables: Tables::stocked(vec![level(STORE, "milk", 3)]),
        requests: vec![
            till("ana", &[("milk", 1)]),
            till("ben", &[("milk", 1)]),
            count("earlier", "2026-03-01T11:00:00Z", 9),
            count("later", "2026-03-01T11:30:00Z", 8),
        ],
        tries: vec![1, 1, 2, 1],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("a count waits for the ledger", |protocol, state| {
                state.invocations.iter().any(|invocation| {
                    protocol.story.requests[invocation.caller]
                        .waits(&invocation.step, &state.tables)
                })
            }),
            sight("both sales come off what was counted", |_, state| {
                on_hand(state) == [7] && state.callers[2].told.as_ref().is_some_and(applied)
            }),
            sight("the earlier count comes too late", |_, state| {
                state.callers[2].told == Some(Answer::Refused)
            }),
            sight("a count is given its lost answer again", |_, state| {
                told(state, |a| matches!(a, Answer::AppliedBefore(_))) > 0
            }),
        ],
    }
}

/// A transfer between two stores while the source sells and the destination expects it.
pub fn a_transfer() -> Story {
    Story {
        title: "a transfer between two stores, and its arrival",
        tables: Tables::stocked(vec![level(STORE, "milk", 1), level("store-2", "milk", 0)]),
        requests: vec![
            change(
                "transfer",
                r#"{"kind":"transfer","from_location_id":"store-1","to_location_id":"store-2",
                    "sku":"milk","quantity":1}"#,
            ),
            till("ana", &[("milk", 1)]),
            change(
                "arrival",
                r#"{"kind":"arrival","location_id":"store-2","sku":"milk","quantity":1}"#,
            ),
        ],
        tries: vec![2, 1, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("the goods are on their way", |_, state| {
                on_hand(state) == [0, 0] && state.tables.shelves()[1].level().in_transit == 1
            }),
            sight("the goods have arrived", |_, state| {
                on_hand(state) == [0, 1]
            }),
            sight("the transfer comes too late", |_, state| {
                state.callers[0].told == Some(Answer::Refused)
            }),
            sight("the arrival comes too early", |_, state| {
                state.callers[2].told == Some(Answer::Refused)
            }),
        ],
    }
}
