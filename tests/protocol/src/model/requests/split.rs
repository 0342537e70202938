//! A policy that splits a level over more items: they are there, and know whether the level is short, before its first
//! item says that they are used; then the level is evened out.

use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::split_level::SplitLevel;

use super::levels::even_out;
use super::{Answer, Attempt, Next, Step};
use crate::model::faults::Fault;
use crate::model::tables::{Tables, Write, whole};

/// The next step, of a level that is there and not split yet, to two items.
pub fn run(
    key: &LevelKey,
    policy: &ReorderPolicy,
    step: &Step,
    tables: &mut Tables,
    fault: Option<Fault>,
) -> Next {
    match step {
        Step::Levels(read) => {
            let level = whole(read).total();
            if policy.buckets > level.split_over {
                put_bucket(&level, policy, tables, fault);
            }
            Next::Step(Step::BucketsPut(read.clone()))
        }
        Step::BucketsPut(read) => {
            let is_short = whole(read).total().is_short();
            let (key, policy) = (key.clone(), policy.clone());
            let is_known = |tables: &Tables| {
                let first = tables.bucket(&key, 0);
                first.is_some_and(|first| first.policy.as_ref() == Some(&policy))
            };
            let write = Write::Policy {
                key: key.clone(),
                policy: policy.clone(),
                is_short,
            };
            Next::Step(if tables.transact(&[write]).is_ok() || is_known(tables) {
                Step::Attempt(None, Attempt::Written)
            } else {
                // Another wrote it in between: it is decided anew.
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

/// One that is there already, and not yet used, learns whether the level is short.
fn put_bucket(first: &Level, policy: &ReorderPolicy, tables: &mut Tables, fault: Option<Fault>) {
    let wider = Level {
        split_over: policy.buckets,
        whole_short: first.is_short() && fault != Some(Fault::SplitUntold),
        ..first.clone()
    };
    let bucket = Level {
        version: 1,
        ..SplitLevel::empty_bucket(&wider, 1)
    };
    let key = bucket.key();
    let is_told = |tables: &Tables| {
        let there = tables.bucket(&key, 1);
        there.is_some_and(|there| there.whole_short)
    };
    // What is told again raises a version and no more; without end, if nobody hears of it.
    if tables.transact(&[Write::NewBucket(bucket)]).is_err()
        && wider.whole_short
        && !is_told(tables)
    {
        tables.transact(&[Write::TellShort(key, 1)]).unwrap();
    }
}
