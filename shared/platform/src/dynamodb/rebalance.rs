//! Rebalances stock between the buckets of a split level. Each move is one transaction and leaves the level's total unchanged.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use stockline_domain::level::LevelKey;
use stockline_domain::split_level::{Consolidation, WritePlan};

use super::change_level::plan_items;
use super::split_levels::SplitLevels;
use super::transaction::{AttemptResult, TransactionResult, attempt_transaction, new_client_token};
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// The maximum time that rebalancing after a committed change delays the response.
const REBALANCE_TIMEOUT: Duration = Duration::from_millis(250);

/// The time before the deadline that is kept for the response.
const RESPONSE_RESERVE: Duration = Duration::from_millis(250);

/// Moves stock between the buckets of split levels.
#[derive(Debug, Clone)]
pub struct Rebalancer {
    client: Client,
    levels: SplitLevels,
}

impl Rebalancer {
    /// Creates a rebalancer of `levels`.
    pub fn new(client: Client, levels: SplitLevels) -> Self {
        Self { client, levels }
    }

    /// Rebalances the `uneven` levels as far as time allows, and logs errors. A later change rebalances what is left.
    ///
    /// The change before it is committed and its response waits, so the time limit is short and covers all levels together.
    pub async fn rebalance_after_write(
        &self,
        uneven: Vec<&LevelKey>,
        at: Timestamp,
        deadline: Deadline,
    ) {
        let time = REBALANCE_TIMEOUT.min(deadline.remaining().saturating_sub(RESPONSE_RESERVE));
        if time.is_zero() {
            return;
        }
        let budget = Deadline::within(time);
        let rebalancing = async {
            for key in uneven {
                if let Err(error) = self.rebalance(key, at, budget).await {
                    tracing::warn!(%error, "failed to rebalance a level");
                }
            }
        };
        if tokio::time::timeout(time, rebalancing).await.is_err() {
            tracing::warn!("levels were not rebalanced in time");
        }
    }

    /// Makes one attempt to rebalance a level. Returns true if the level was balanced already, false after an attempt, whether
    /// it succeeded or not.
    ///
    /// If the move between all buckets fails, because others write one of them all the time, stock moves only from the bucket
    /// that is furthest above its share to the one that is furthest below.
    pub async fn rebalance(
        &self,
        key: &LevelKey,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let Some(snapshot) = self.levels.read(key, deadline).await? else {
            return Ok(true);
        };
        let Some(plan) = snapshot.level.rebalance_plan(at) else {
            return Ok(true);
        };
        if !self.write_plan(key, &plan).await?
            && let Some(pair_plan) = snapshot.level.rebalance_step(at)
        {
            self.write_plan(key, &pair_plan).await?;
        }
        Ok(false)
    }

    /// Makes one attempt to move the stock that a change concerns to one bucket. Returns whether it is there.
    pub async fn consolidate(
        &self,
        key: &LevelKey,
        consolidation: &Consolidation,
    ) -> Result<bool, StoreError> {
        match &consolidation.transfer {
            Some(transfer) => self.write_plan(key, transfer).await,
            None => Ok(true),
        }
    }

    async fn write_plan(&self, key: &LevelKey, plan: &WritePlan) -> Result<bool, StoreError> {
        let items = plan_items(self.levels.table(), key, plan)?;
        let result = attempt_transaction(&self.client, items, &new_client_token()).await?;
        Ok(matches!(
            result,
            AttemptResult::Decided(TransactionResult::Committed)
        ))
    }
}
