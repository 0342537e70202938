//! Writes level changes in one transaction with the items that cause them: an order, a refund or a task.

mod planned_write;
mod replan;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use stockline_domain::level::Level;
use stockline_domain::order::KeyedDelta;

use super::rebalance::Rebalancer;
use super::split_levels::SplitLevels;
use super::transaction::{
    AttemptResult, ConditionCheck, TransactionResult, attempt_transaction, new_client_token,
};
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

use planned_write::PlannedWrite;
use replan::Refusals;

/// The maximum number of items in one transaction, a limit of DynamoDB.
const MAX_ITEMS: usize = 100;

/// Writes level changes together with other items.
#[derive(Debug, Clone)]
pub struct LevelChanges {
    client: Client,
    levels: SplitLevels,
    rebalancer: Rebalancer,
}

/// The result of [`LevelChanges::write`].
pub enum LevelChangeResult {
    /// The guards and all changes are written.
    Written,
    /// Nothing is written because the condition of a guard failed. Holds one check per guard, in their order.
    GuardFailed(Vec<ConditionCheck>),
    /// Nothing is written because levels refused their changes. Holds the index of each refused change and the reason.
    LevelsRefused(Vec<(usize, LevelRefusal)>),
}

/// Why a level refused a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LevelRefusal {
    /// The level does not exist.
    Missing,
    /// The level cannot take the change. Holds the total of its buckets.
    NotApplicable(Box<Level>),
}

impl LevelChanges {
    /// Creates a writer of the levels in `stock_table`.
    pub fn new(client: Client, stock_table: String) -> Self {
        let levels = SplitLevels::new(client.clone(), stock_table);
        Self {
            rebalancer: Rebalancer::new(client.clone(), levels.clone()),
            levels,
            client,
        }
    }

    /// Writes `guards` and `changes` in one transaction, all or nothing. A guard is the transaction item of a cause; the
    /// caller handles its failed condition.
    ///
    /// The first attempt reads no level: it writes each change to one bucket, on the condition that the bucket can take it. If
    /// stock suffices, this is the only request. A level that refuses is read and its write planned again. If the plan exceeds
    /// the items of a transaction, stock is consolidated in one bucket first.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if `deadline` leaves no time for another attempt.
    pub async fn write(
        &self,
        guards: &[TransactWriteItem],
        changes: &[KeyedDelta],
        deadline: Deadline,
    ) -> Result<LevelChangeResult, StoreError> {
        let mut writes = self.initial_writes(changes);
        let mut token = new_client_token();
        let mut unconfirmed: Option<Refusals> = None;
        let mut attempts = deadline.attempts();
        loop {
            let items = self.transact_items(guards, changes, &writes)?;
            let refusals = if items.len() > MAX_ITEMS {
                token = new_client_token();
                self.consolidate_to_fit(guards.len(), changes, &mut writes, deadline)
                    .await?
            } else {
                match attempt_transaction(&self.client, items, &token).await? {
                    AttemptResult::Decided(TransactionResult::Committed) => {
                        self.rebalance_after_write(changes, &writes, deadline).await;
                        return Ok(LevelChangeResult::Written);
                    }
                    AttemptResult::Decided(TransactionResult::ConditionFailed(mut checks)) => {
                        let level_checks = checks.split_off(guards.len());
                        if checks.iter().any(ConditionCheck::is_failed) {
                            return Ok(LevelChangeResult::GuardFailed(checks));
                        }
                        if let Some(confirmed) = unconfirmed {
                            return Ok(LevelChangeResult::LevelsRefused(confirmed.levels));
                        }
                        token = new_client_token();
                        self.replan(changes, &mut writes, level_checks, deadline)
                            .await?
                    }
                    AttemptResult::Busy(is_busy_item) => {
                        let is_busy_level = is_busy_item.get(guards.len()..).unwrap_or_default();
                        if self
                            .switch_buckets(changes, &mut writes, is_busy_level)
                            .await?
                        {
                            token = new_client_token();
                        }
                        None
                    }
                }
            };
            if let Some(refusals) = refusals {
                if refusals.is_certain {
                    return Ok(LevelChangeResult::LevelsRefused(refusals.levels));
                }
                // One more transaction checks the guards again. If they pass, the levels were not emptied by a duplicate of
                // this request.
                writes = self.initial_writes(changes);
                unconfirmed = Some(refusals);
            }
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    fn initial_writes(&self, changes: &[KeyedDelta]) -> Vec<PlannedWrite> {
        changes
            .iter()
            .map(|change| self.initial_write(change))
            .collect()
    }

    /// Plans to write all of a change to a random bucket among those known to be in use.
    fn initial_write(&self, change: &KeyedDelta) -> PlannedWrite {
        let bucket_count = self.levels.cached_buckets_in_use(&change.key).unwrap_or(1);
        PlannedWrite::to_one_bucket(change, fastrand::u8(0..bucket_count))
    }

    fn transact_items(
        &self,
        guards: &[TransactWriteItem],
        changes: &[KeyedDelta],
        writes: &[PlannedWrite],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut items = guards.to_vec();
        for (change, write) in changes.iter().zip(writes) {
            items.extend(write.transact_items(self.levels.table(), change)?);
        }
        Ok(items)
    }

    /// Rebalances the levels that the committed `writes` left uneven.
    async fn rebalance_after_write(
        &self,
        changes: &[KeyedDelta],
        writes: &[PlannedWrite],
        deadline: Deadline,
    ) {
        let recorded_at = changes.iter().map(|change| change.change.recorded_at);
        let Some(at) = recorded_at.max() else {
            return;
        };
        let uneven = changes
            .iter()
            .zip(writes)
            .filter(|(_, write)| write.leaves_uneven())
            .map(|(change, _)| &change.key)
            .collect();
        self.rebalancer
            .rebalance_after_write(uneven, at, deadline)
            .await;
    }
}
