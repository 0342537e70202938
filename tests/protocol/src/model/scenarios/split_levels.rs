//! Levels that are split over two buckets.

use stockline_domain::level::{Level, MovementKind};
use stockline_domain::order::Order;

use super::coverage::{applied, count_responses, moved, on_hand, placed, reachable};
use super::fixtures::{
    adjustment, cancel, change_stock, damage, fulfil, level, online, order, place, pos, split,
    split_level,
};
use super::{CallerTimeout, STORE, Scenario};
use crate::model::State;
use crate::model::requests::{LevelWriteProgress, Progress, Request, Response};
use crate::model::tables::{BucketItem, Tables};

/// An order exceeds either bucket and is canceled; the level is rebalanced after both.
pub fn order_across_buckets() -> Scenario {
    let mut tables = Tables::with_levels(split_level(STORE, "milk", 10, 2)).with_immediate_ledger();
    place(&mut tables, order(STORE, "pos", "eve", &[("milk", 4)]), 1);
    Scenario {
        name: "an order that needs both buckets, its cancellation, and a sale",
        tables,
        requests: vec![
            online("ana", &[("milk", 6)]),
            cancel("ana"),
            pos("cas", &[("milk", 1)]),
        ],
        attempts: vec![2, 2, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("an order takes from both buckets", |_, state| {
                buckets(state).all(|bucket| bucket.level().allocated > 0)
            }),
            reachable("the level is rebalanced", |_, state| {
                buckets(state).all(|bucket| moved(bucket, MovementKind::Rebalance))
            }),
            reachable("two rebalances are based on the same read", |_, state| {
                let mut read = state.invocations.iter().filter_map(|i| match &i.progress {
                    Progress::WritingLevels(_, LevelWriteProgress::RebalanceRead(items)) => {
                        Some(items)
                    }
                    _ => None,
                });
                read.next()
                    .is_some_and(|one| read.any(|other| one == other))
            }),
            reachable(
                "one bucket is insufficient for the sale, the other sells",
                |_, state| {
                    let steps = state.invocations.iter().map(|i| (i.caller, &i.progress));
                    steps.into_iter().any(|(caller, step)| {
                        caller == 2
                            && matches!(
                                step,
                                Progress::WritingLevels(_, LevelWriteProgress::Planned(_))
                            )
                    })
                },
            ),
            reachable("the order is short", |_, state| {
                state.callers[0].response == Some(Response::Short)
            }),
        ],
    }
}

/// Allocated units are damaged; a cancellation then covers the shortage before its units can be sold.
pub fn short_level() -> Scenario {
    let mut tables = Tables::with_levels(split_level(STORE, "milk", 3, 2)).with_immediate_ledger();
    place(
        &mut tables,
        order(STORE, "online", "ben", &[("milk", 1)]),
        0,
    );
    Scenario {
        name: "damage leaves a split level short during an order, a cancellation and a sale",
        tables,
        requests: vec![
            online("ana", &[("milk", 2)]),
            cancel("ben"),
            adjustment("damage", r#""delta":-1,"reason":"damage""#),
            pos("cas", &[("milk", 1)]),
        ],
        attempts: vec![1, 1, 1, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "the level is short, and both buckets are flagged",
                |_, state| buckets(state).all(|bucket| bucket.level().whole_short),
            ),
            reachable("the canceled unit covers the shortage", |_, state| {
                count_responses(state, |response| *response == Response::Done) == 1
                    && buckets(state).all(|bucket| moved(bucket, MovementKind::Release))
                    && buckets(state).all(|bucket| bucket.level().available() == 0)
            }),
            reachable("the sale is short", |_, state| {
                state.callers[3].response == Some(Response::Short)
            }),
            reachable("the sale takes the canceled unit", |_, state| {
                count_responses(state, placed) == 2 && on_hand(state).iter().sum::<i64>() == 2
            }),
        ],
    }
}

/// A receipt, written as a replacement or as deltas, and a theft while the level sells.
pub fn receipt_and_theft() -> Scenario {
    Scenario {
        name: "a receipt, a theft and a sale of both buckets of a split level",
        tables: Tables::with_levels(split_level(STORE, "milk", 2, 2)),
        requests: vec![
            change_stock(
                "receipt",
                r#"{"kind":"receipt","location_id":"store-1","sku":"milk","quantity":2}"#,
            ),
            adjustment("theft", r#""delta":-2,"reason":"theft""#),
            pos("ana", &[("milk", 3)]),
        ],
        attempts: vec![2, 1, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("the receipt adds deltas to one bucket", |_, state| {
                let receipts = buckets(state).filter(|bucket| moved(bucket, MovementKind::Receipt));
                count_responses(state, applied) > 0 && receipts.count() == 1
            }),
            reachable("the receipt replaces both buckets", |_, state| {
                buckets(state).all(|bucket| moved(bucket, MovementKind::Receipt))
            }),
            reachable(
                "a retry after a lost response replays the receipt",
                |_, state| count_responses(state, |a| matches!(a, Response::ReplayedChange(_))) > 0,
            ),
            reachable("the theft is taken from both buckets", |_, state| {
                buckets(state).all(|bucket| moved(bucket, MovementKind::Adjustment))
            }),
            reachable("the sale takes received units", |_, state| {
                count_responses(state, placed) == 1 && on_hand(state).iter().sum::<i64>() == 1
            }),
        ],
    }
}

/// An order needs one item more than a transaction allows.
pub fn order_consolidated() -> Scenario {
    let tables = Tables::with_levels(split_level(STORE, "milk", 6, 2)).with_immediate_ledger();
    Scenario {
        name: "an order of more items than a transaction allows, its cancellation, and a sale",
        tables: tables.with_transaction_limit(2),
        requests: vec![
            online("ana", &[("milk", 5)]),
            cancel("ana"),
            pos("cas", &[("milk", 2)]),
        ],
        attempts: vec![2, 2, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "one bucket consolidates and allocates all units of the order",
                |_, state| buckets(state).any(|bucket| bucket.level().allocated == 5),
            ),
            reachable(
                "the sale takes consolidated units, and the order is placed anyway",
                |_, state| {
                    count_responses(state, placed) == 2
                        && buckets(state).any(|bucket| moved(bucket, MovementKind::Rebalance))
                },
            ),
            reachable("the order is short", |_, state| {
                state.callers[0].response == Some(Response::Short)
            }),
        ],
    }
}

/// A cancellation on a short level needs more items than a transaction allows.
pub fn cancels_consolidated() -> Scenario {
    let mut tables = Tables::with_levels(split_level(STORE, "milk", 4, 2)).with_immediate_ledger();
    place(
        &mut tables,
        order(STORE, "online", "ana", &[("milk", 2)]),
        0,
    );
    place(
        &mut tables,
        order(STORE, "online", "ben", &[("milk", 2)]),
        1,
    );
    damage(&mut tables, 3);
    Scenario {
        name: "a short split level, two cancellations of more items than a transaction allows, a fulfilment and a sale",
        tables: tables.with_transaction_limit(2),
        requests: vec![
            cancel("ana"),
            cancel("ben"),
            fulfil("ben", "1", r#"{"lines":[{"line":1,"quantity":1}]}"#),
            pos("cas", &[("milk", 1)]),
        ],
        attempts: vec![1, 1, 1, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "all units are in the first bucket, and both are flagged short",
                |_, state| {
                    buckets(state).all(|bucket| bucket.level().whole_short)
                        && on_hand(state) == [1, 0]
                },
            ),
            reachable(
                "the first bucket's flag is cleared before the other's",
                |_, state| {
                    let flags: Vec<bool> = buckets(state)
                        .map(|bucket| bucket.level().whole_short)
                        .collect();
                    flags == [false, true]
                },
            ),
            reachable(
                "both flags are cleared, and the level is rebalanced",
                |_, state| {
                    count_responses(state, |response| *response == Response::Done) == 2
                        && buckets(state).all(|bucket| !bucket.level().whole_short)
                        && buckets(state).all(|bucket| moved(bucket, MovementKind::Rebalance))
                },
            ),
            reachable("the sale takes the canceled unit", |_, state| {
                count_responses(state, placed) == 1 && on_hand(state).iter().sum::<i64>() == 0
            }),
        ],
    }
}

/// A level is split while it becomes short and recovers.
pub fn split_while_short() -> Scenario {
    let mut tables = Tables::with_levels(vec![level(STORE, "milk", 3)]).with_immediate_ledger();
    for buyer in ["ben", "dan"] {
        place(
            &mut tables,
            order(STORE, "online", buyer, &[("milk", 1)]),
            0,
        );
    }
    Scenario {
        name: "a level is split while damage leaves it short and an order is canceled",
        tables,
        requests: vec![
            split(STORE, "milk", 2),
            cancel("ben"),
            adjustment("damage", r#""delta":-2,"reason":"damage""#),
        ],
        attempts: vec![1, 1, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable("a short level is split", |_, state| {
                buckets(state).count() == 2
                    && buckets(state).all(|bucket| bucket.level().split_over == 2)
                    && buckets(state).any(|bucket| bucket.level().is_short())
            }),
            reachable("damage comes between the read and the split", |_, state| {
                is_read_stale(state, |read, now| !read.is_short() && now.is_short())
            }),
        ],
    }
}

/// A level is split while it is counted, over a bucket item left from an earlier split. An offline point of sale then
/// uploads sales from before the count.
pub fn split_while_counted() -> Scenario {
    let morning = level(STORE, "milk", 2);
    let leftover = Level {
        bucket: 1,
        split_over: 2,
        version: 1,
        ..Level::empty(&morning.key())
    };
    let upload = |buyer: &str| Request::Place {
        order: Order {
            sold_at: "2026-03-01T11:00:00Z".parse().unwrap(),
            ..order(STORE, "pos", buyer, &[("milk", 1)])
        },
        body: 1,
    };
    Scenario {
        name: "a level is split while it is counted, and earlier sales are uploaded",
        tables: Tables::with_levels(vec![morning, leftover]).with_immediate_ledger(),
        requests: vec![
            split(STORE, "milk", 2),
            // The expected version rejects a count after the split, because the model leaves out counts of split
            // levels.
            change_stock(
                "noon",
                r#"{"kind":"count","location_id":"store-1","sku":"milk","quantity":2,
                    "counted_at":"2026-03-01T11:30:00Z","expected_version":1}"#,
            ),
            upload("ana"),
            upload("ben"),
        ],
        attempts: vec![2, 1, 1, 1],
        caller_timeout: CallerTimeout::LongerThanInvocation,
        expected_states: vec![
            reachable(
                "a count comes between the read and the split",
                |_, state| is_read_stale(state, |read, now| read.counted_at != now.counted_at),
            ),
            reachable(
                "the leftover bucket gets the time of the count",
                |_, state| {
                    let mut later_buckets = buckets(state).skip(1);
                    later_buckets.any(|item| {
                        item.writes().any(|(before, after)| {
                            before.counted_at.is_none()
                                && after.counted_at
                                    == state.tables.bucket_items()[0].level().counted_at
                                && after.last_change.is_none()
                        })
                    })
                },
            ),
            reachable(
                "sales before the count do not change the counted level",
                |_, state| {
                    count_responses(state, placed) == 2 && on_hand(state).iter().sum::<i64>() == 2
                },
            ),
            reachable(
                "without the count, a sale takes from the new bucket",
                |_, state| {
                    buckets(state)
                        .skip(1)
                        .any(|bucket| moved(bucket, MovementKind::Sale))
                },
            ),
        ],
    }
}

/// Whether the split is about to use a stale read: `has_changed` holds between the read and the current first bucket.
fn is_read_stale(state: &State, has_changed: impl Fn(&Level, &Level) -> bool) -> bool {
    let now = state.tables.bucket_items()[0].level();
    let mut splits = state.invocations.iter().filter(|it| it.caller == 0);
    splits
        .any(|it| matches!(&it.progress, Progress::LevelsRead(read) if has_changed(&read[0], now)))
}

fn buckets(state: &State) -> impl Iterator<Item = &BucketItem> {
    state.tables.bucket_items().iter()
}
