//! Sets a policy that splits a level. One transaction writes the new buckets, with the short flag and the time of the
//! last count, and the first bucket, which makes them active. Then the level is rebalanced.

use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::split_level::SplitLevel;

use super::levels::even_out;
use super::{Answer, Attempt, Next, Step};
use crate::model::faults::Fault;
use crate::model::tables::{Tables, Write};

/// Makes the next step of splitting an existing unsplit level over two buckets.
pub fn run(
    key: &LevelKey,
    policy: &ReorderPolicy,
    step: &Step,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> Next {
    match step {
        Step::Levels(read) => {
            let writes = writes(&read[0], policy, tables, fault);
            let is_known = |tables: &Tables| {
                let first = tables.bucket(key, 0);
                first.is_some_and(|first| first.policy.as_ref() == Some(policy))
            };
            Next::Step(if tables.transact(&writes).is_ok() || is_known(tables) {
                Step::Attempt(None, Attempt::Written)
            } else {
                // Another write came first: read the level again.
                Step::Begun
            })
        }
        Step::Attempt(_, Attempt::Uneven(read)) => {
            even_out(key, read, tables, fault);
            Next::Answer(Answer::Done)
        }
        Step::Attempt(..) => {
            let items = tables.items(key).unwrap();
            Next::Step(Step::Attempt(None, Attempt::Uneven(items)))
        }
        _ => match tables.items(key) {
            Some(items) => Next::Step(Step::Levels(items)),
            None => Next::Answer(Answer::Unknown),
        },
    }
}

/// The policy update of the first bucket, and the new bucket.
fn writes(
    first: &Level,
    policy: &ReorderPolicy,
    tables: &Tables,
    fault: Option<Fault>,
) -> Vec<Write> {
    let is_short = |first: &Level| first.whole_short || first.is_short();
    let expected = match fault {
        Some(Fault::SplitByAnOldReading) => tables.bucket(&first.key(), 0).unwrap(),
        _ => first,
    };
    let split = Write::Policy {
        key: first.key(),
        policy: policy.clone(),
        is_short: is_short(expected),
        counted_at: expected.counted_at,
    };
    let wider = Level {
        split_over: policy.buckets,
        whole_short: is_short(first) && fault != Some(Fault::SplitUntold),
        ..first.clone()
    };
    let bucket = Write::NewBucket(Level {
        version: 1,
        ..SplitLevel::empty_bucket(&wider, 1)
    });
    vec![split, bucket]
}
