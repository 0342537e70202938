//! Levels change together with what makes them change: an order, its refund, a task.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use stockline_domain::level::{Level, LevelError, LevelKey};
use stockline_domain::order::LevelChange;
use stockline_domain::split_level::{Part, Plan};

use super::attributes::value;
use super::change_level::change_level;
use super::split_levels::SplitLevels;
use super::stock::replace_level;
use super::transaction::{self, Tried, Written, fresh_token, try_once};
use crate::deadline::Deadline;
use crate::store_error::StoreError;

/// The longest that a caller whose change is committed waits for the evening out that comes after it.
const EVENING_OUT: Duration = Duration::from_millis(250);

/// What is left of the deadline at least, for the answer.
const FOR_THE_ANSWER: Duration = Duration::from_millis(250);

/// Changes levels together with other items.
#[derive(Debug, Clone)]
pub struct LevelChanges {
    client: Client,
    levels: SplitLevels,
}

/// What became of the guards and the levels.
pub enum Changed {
    /// All of it is written.
    All,
    /// Nothing is, for at least one of the guards: per guard, what it met.
    Guarded(Vec<transaction::Part>),
    /// Nothing is, for these of the changes, by their place.
    Refused(Vec<(usize, RefusedLevel)>),
}

/// Why a level did not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedLevel {
    /// There is none.
    Missing,
    /// It cannot be changed so.
    Cannot {
        /// The level, whole.
        level: Box<Level>,
        /// Why.
        error: LevelError,
    },
}

/// What is written for one change.
enum Write {
    Parts(Vec<Part>),
    Anew(Vec<(Level, Level)>),
}

impl LevelChanges {
    /// Of `stock_table`.
    pub fn new(client: Client, stock_table: String) -> Self {
        Self {
            levels: SplitLevels::new(client.clone(), stock_table),
            client,
        }
    }

    /// Writes `guards` and `changes`, all or nothing.
    ///
    /// The first try knows nothing of the levels: it is the only one for an order that finds enough. A level that
    /// refuses is then read, and what may still be done with it is tried. A guard that fails is for the caller to judge.
    pub async fn write(
        &self,
        guards: &[TransactWriteItem],
        changes: &[LevelChange],
        deadline: Deadline,
    ) -> Result<Changed, StoreError> {
        let mut writes = self.first_writes(changes);
        let mut token = fresh_token();
        let mut tries = 0;
        loop {
            match try_once(&self.client, self.parts(guards, changes, &writes)?, &token).await? {
                Tried::Decided(Written::All) => {
                    self.even_out(changes, &writes, deadline).await;
                    return Ok(Changed::All);
                }
                Tried::Decided(Written::Refused(mut met)) => {
                    let met_levels = met.split_off(guards.len());
                    if met.iter().any(transaction::Part::is_failed) {
                        return Ok(Changed::Guarded(met));
                    }
                    let refused = self
                        .think_again(changes, &mut writes, met_levels, deadline)
                        .await?;
                    if !refused.is_empty() {
                        return Ok(Changed::Refused(refused));
                    }
                    token = fresh_token();
                }
                Tried::Busy(held) => {
                    let held_levels = held.get(guards.len()..).unwrap_or_default();
                    if self
                        .step_aside(changes, &mut writes, held_levels, deadline)
                        .await?
                    {
                        token = fresh_token();
                    }
                }
            }
            tries += 1;
            if !deadline.back_off(tries).await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// What the first try writes.
    pub fn first_try(
        &self,
        guards: &[TransactWriteItem],
        changes: &[LevelChange],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        self.parts(guards, changes, &self.first_writes(changes))
    }

    fn first_writes(&self, changes: &[LevelChange]) -> Vec<Write> {
        changes.iter().map(|change| self.first(change)).collect()
    }

    /// All of a change, in any of the buckets that are known to be in use.
    fn first(&self, change: &LevelChange) -> Write {
        let in_use = self.levels.in_use(&change.key).unwrap_or(1);
        Write::Parts(vec![Part::whole(&change.change, fastrand::u8(0..in_use))])
    }

    fn parts(
        &self,
        guards: &[TransactWriteItem],
        changes: &[LevelChange],
        writes: &[Write],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut all = guards.to_vec();
        for (change, write) in changes.iter().zip(writes) {
            match write {
                Write::Parts(parts) => {
                    for part in parts {
                        all.push(change_level(self.levels.table(), &change.key, part)?);
                    }
                }
                Write::Anew(levels) => {
                    for (before, after) in levels {
                        let before = (before.version > 0).then_some(before);
                        all.push(replace_level(self.levels.table(), before, after)?);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Reads the levels that refused, and plans anew what they can take; answers those that cannot.
    async fn think_again(
        &self,
        changes: &[LevelChange],
        writes: &mut [Write],
        met: Vec<transaction::Part>,
        deadline: Deadline,
    ) -> Result<Vec<(usize, RefusedLevel)>, StoreError> {
        let mut met = met.into_iter();
        let mut refused = Vec::new();
        for (place, (change, write)) in changes.iter().zip(writes).enumerate() {
            let of_this: Vec<_> = met.by_ref().take(write.len()).collect();
            if !of_this.iter().any(transaction::Part::is_failed) {
                continue;
            }
            if let (Write::Parts(parts), [transaction::Part::Failed(None)]) =
                (&*write, &of_this[..])
                && parts[0].bucket == 0
            {
                refused.push((place, RefusedLevel::Missing));
                continue;
            }
            match self.plan(change, of_this, deadline).await? {
                Ok(next) => *write = next,
                Err(why) => refused.push((place, why)),
            }
        }
        Ok(refused)
    }

    async fn plan(
        &self,
        change: &LevelChange,
        met: Vec<transaction::Part>,
        deadline: Deadline,
    ) -> Result<Result<Write, RefusedLevel>, StoreError> {
        let shown = met.into_iter().find_map(|met| match met {
            transaction::Part::Failed(Some(item)) => Some(value::<Level>(item)),
            _ => None,
        });
        let level = match shown.transpose()? {
            // It was shown as it was when it refused: nothing is left to read.
            Some(first) if first.bucket == 0 && first.split_over <= 1 => {
                Some(self.levels.rest_of(first, deadline).await?)
            }
            _ => self.levels.read(&change.key, deadline).await?,
        };
        let Some(level) = level else {
            return Ok(Err(RefusedLevel::Missing));
        };
        Ok(match level.plan(&change.change) {
            Ok(Plan::Parts(parts)) => Ok(Write::Parts(parts)),
            Ok(Plan::Anew(levels)) => Ok(Write::Anew(levels)),
            Err(error) => Err(RefusedLevel::Cannot {
                level: Box::new(level.total()),
                error,
            }),
        })
    }

    /// Where another write held a level, learns whether it is split, and tries another of its buckets.
    async fn step_aside(
        &self,
        changes: &[LevelChange],
        writes: &mut [Write],
        held: &[bool],
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let mut held = held.iter();
        let mut moved = false;
        for (change, write) in changes.iter().zip(writes) {
            let is_held = held.by_ref().take(write.len()).any(|held| *held);
            let Write::Parts(parts) = write else { continue };
            if !is_held || parts.len() > 1 {
                continue;
            }
            if self.levels.in_use(&change.key).is_none() {
                self.levels.read(&change.key, deadline).await?;
            }
            if self
                .levels
                .in_use(&change.key)
                .is_some_and(|count| count > 1)
            {
                *write = self.first(change);
                moved = true;
            }
        }
        Ok(moved)
    }

    /// Evens out the levels of which one bucket had not enough: once, and if it fails, then the next time.
    ///
    /// What it comes after is committed and waits to be answered, so it has little time, all the levels together.
    async fn even_out(&self, changes: &[LevelChange], writes: &[Write], deadline: Deadline) {
        let uneven: Vec<&LevelChange> = changes
            .iter()
            .zip(writes)
            .filter(|(_, write)| matches!(write, Write::Parts(parts) if parts.len() > 1))
            .map(|(change, _)| change)
            .collect();
        let time = EVENING_OUT.min(deadline.left().saturating_sub(FOR_THE_ANSWER));
        if uneven.is_empty() || time.is_zero() {
            return;
        }
        let budget = Deadline::within(time);
        let evening = async {
            for LevelChange { key, change } in uneven {
                if let Err(error) = self.even_out_once(key, change.recorded_at, budget).await {
                    tracing::warn!(%error, "a level stays uneven for now");
                }
            }
        };
        if tokio::time::timeout(time, evening).await.is_err() {
            tracing::warn!("levels stay uneven for now: there was no time to even them out");
        }
    }

    /// Evens the buckets of a level out, if nobody changes them meanwhile; answers whether they are even.
    pub async fn even_out_once(
        &self,
        key: &LevelKey,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let Some(level) = self.levels.read(key, deadline).await? else {
            return Ok(true);
        };
        let Some(parts) = level.evening(at) else {
            return Ok(true);
        };
        let parts = parts
            .iter()
            .map(|part| change_level(self.levels.table(), key, part))
            .collect::<Result<_, _>>()?;
        try_once(&self.client, parts, &fresh_token()).await?;
        Ok(false)
    }
}

impl Write {
    /// How many items it writes.
    fn len(&self) -> usize {
        match self {
            Self::Parts(parts) => parts.len(),
            Self::Anew(levels) => levels.len(),
        }
    }
}
