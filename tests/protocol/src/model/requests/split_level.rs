//! Sets a policy that splits a level. One transaction writes the new buckets, with the short flag and the time of the
//! last count, and the first bucket, which makes them active. Then the level is rebalanced.

use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::split_level::SplitLevel;

use super::write_levels::rebalance;
use super::{LevelWriteProgress, NextStep, Progress, Response};
use crate::model::faults::Fault;
use crate::model::tables::{Tables, TransactItem};

/// Makes the next step of splitting an existing unsplit level over two buckets.
pub fn run(
    key: &LevelKey,
    policy: &ReorderPolicy,
    progress: &Progress,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> NextStep {
    match progress {
        Progress::LevelsRead(read) => {
            let writes = split_writes(&read[0], policy, tables, fault);
            let is_policy_set = |tables: &Tables| {
                let first = tables.bucket(key, 0);
                first.is_some_and(|first| first.policy.as_ref() == Some(policy))
            };
            NextStep::Continue(
                if tables.transact(&writes).is_ok() || is_policy_set(tables) {
                    Progress::WritingLevels(None, LevelWriteProgress::Committed)
                } else {
                    // Another write came first: read the level again.
                    Progress::Started
                },
            )
        }
        Progress::WritingLevels(_, LevelWriteProgress::RebalanceRead(read)) => {
            rebalance(key, read, tables, fault);
            NextStep::Respond(Response::Done)
        }
        Progress::WritingLevels(..) => {
            let items = tables.buckets(key).unwrap();
            NextStep::Continue(Progress::WritingLevels(
                None,
                LevelWriteProgress::RebalanceRead(items),
            ))
        }
        _ => match tables.buckets(key) {
            Some(items) => NextStep::Continue(Progress::LevelsRead(items)),
            None => NextStep::Respond(Response::NotFound),
        },
    }
}

/// The policy update of the first bucket, and the new bucket.
fn split_writes(
    first: &Level,
    policy: &ReorderPolicy,
    tables: &Tables,
    fault: Option<Fault>,
) -> Vec<TransactItem> {
    let is_short = |first: &Level| first.whole_short || first.is_short();
    let expected = match fault {
        Some(Fault::SplitByStaleRead) => tables.bucket(&first.key(), 0).unwrap(),
        _ => first,
    };
    let split = TransactItem::UpdatePolicy {
        key: first.key(),
        policy: policy.clone(),
        is_short: is_short(expected),
        counted_at: expected.counted_at,
    };
    let template = Level {
        split_over: policy.buckets,
        whole_short: is_short(first) && fault != Some(Fault::SplitWithoutShortFlag),
        ..first.clone()
    };
    let bucket = TransactItem::PutBucket(Level {
        version: 1,
        ..SplitLevel::empty_bucket(&template, 1)
    });
    vec![split, bucket]
}
