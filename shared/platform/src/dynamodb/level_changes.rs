//! Levels change together with what makes them change: an order, its refund, a task.

mod rethink;
mod write;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use stockline_domain::level::Level;
use stockline_domain::order::LevelChange;

use super::rebalance::Rebalance;
use super::split_levels::SplitLevels;
use super::transaction::{self, Tried, Written, fresh_token, try_once};
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

use rethink::Refusal;
use write::Write;

/// The most items of one transaction.
const MAX_ITEMS: usize = 100;

/// Changes levels together with other items.
#[derive(Debug, Clone)]
pub struct LevelChanges {
    client: Client,
    levels: SplitLevels,
    rebalance: Rebalance,
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
    /// It cannot be changed so: the level, whole.
    Cannot(Box<Level>),
}

impl LevelChanges {
    /// Of `stock_table`.
    pub fn new(client: Client, stock_table: String) -> Self {
        let levels = SplitLevels::new(client.clone(), stock_table);
        Self {
            rebalance: Rebalance::new(client.clone(), levels.clone()),
            levels,
            client,
        }
    }

    /// Writes `guards` and `changes`, all or nothing.
    ///
    /// The first try knows nothing of the levels: it is the only one for an order that finds enough. A level that
    /// refuses is then read, and what may still be done with it is tried; where that is more than a transaction holds,
    /// goods are gathered first. A guard that fails is for the caller to judge.
    pub async fn write(
        &self,
        guards: &[TransactWriteItem],
        changes: &[LevelChange],
        deadline: Deadline,
    ) -> Result<Changed, StoreError> {
        let mut writes = self.first_writes(changes);
        let mut token = fresh_token();
        let mut refusal: Option<Refusal> = None;
        let mut attempts = deadline.attempts();
        loop {
            let items = self.items(guards, changes, &writes)?;
            let refused = if items.len() > MAX_ITEMS {
                token = fresh_token();
                self.make_room(guards.len(), changes, &mut writes, deadline)
                    .await?
            } else {
                match try_once(&self.client, items, &token).await? {
                    Tried::Decided(Written::All) => {
                        self.even_out(changes, &writes, deadline).await;
                        return Ok(Changed::All);
                    }
                    Tried::Decided(Written::Refused(mut met)) => {
                        let met_levels = met.split_off(guards.len());
                        if met.iter().any(transaction::Part::is_failed) {
                            return Ok(Changed::Guarded(met));
                        }
                        if let Some(refusal) = refusal {
                            return Ok(Changed::Refused(refusal.levels));
                        }
                        token = fresh_token();
                        self.think_again(changes, &mut writes, met_levels, deadline)
                            .await?
                    }
                    Tried::Busy(held) => {
                        let held_levels = held.get(guards.len()..).unwrap_or_default();
                        if self.step_aside(changes, &mut writes, held_levels).await? {
                            token = fresh_token();
                        }
                        None
                    }
                }
            };
            if let Some(refused) = refused {
                if refused.is_certain {
                    return Ok(Changed::Refused(refused.levels));
                }
                // The guards are asked once more: if they hold still, it was not this request that emptied the levels.
                writes = self.first_writes(changes);
                refusal = Some(refused);
            }
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    fn first_writes(&self, changes: &[LevelChange]) -> Vec<Write> {
        changes.iter().map(|change| self.first(change)).collect()
    }

    /// All of a change, in any of the buckets that are known to be in use.
    fn first(&self, change: &LevelChange) -> Write {
        let in_use = self.levels.in_use(&change.key).unwrap_or(1);
        Write::whole(change, fastrand::u8(0..in_use))
    }

    fn items(
        &self,
        guards: &[TransactWriteItem],
        changes: &[LevelChange],
        writes: &[Write],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut all = guards.to_vec();
        for (change, write) in changes.iter().zip(writes) {
            all.extend(write.items(self.levels.table(), change)?);
        }
        Ok(all)
    }

    /// Evens out the levels that were written in several parts, or gathered because they owed.
    async fn even_out(&self, changes: &[LevelChange], writes: &[Write], deadline: Deadline) {
        let Some(at) = changes.iter().map(|it| it.change.recorded_at).max() else {
            return;
        };
        let uneven = changes
            .iter()
            .zip(writes)
            .filter(|(_, write)| write.leaves_uneven())
            .map(|(change, _)| &change.key)
            .collect();
        self.rebalance
            .even_out_in_passing(uneven, at, deadline)
            .await;
    }
}
