//! Writes reorder policies, and splits levels over the number of buckets that their policy asks for.
//!
//! New buckets are put in the same transaction that raises `split_over`. So no writer can update the level between the two
//! and leave the new buckets stale, and leftover bucket items are overwritten.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::split_level::SplitLevel;

use super::DynamoStock;
use crate::dynamodb::attributes::{attribute, key_of, number, value};
use crate::dynamodb::cause_attributes::CauseAttributes;
use crate::dynamodb::replace_level::{level_item, replace_level};
use crate::dynamodb::transaction::{
    AttemptResult, TransactionResult, attempt_transaction, classify_error, new_client_token,
};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// Returns how many buckets a level with `split_over` buckets has under `policy`. The number never falls, and is 0 until a
/// policy asks for more than one.
fn required_buckets(split_over: u8, policy: &ReorderPolicy) -> u8 {
    if policy.buckets <= 1 {
        split_over
    } else {
        split_over.max(policy.buckets)
    }
}

impl DynamoStock {
    /// Sets a policy, and splits and rebalances the level if the policy asks for more buckets. Returns the level, or None if it
    /// does not exist.
    pub(super) async fn write_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut attempts = deadline.attempts();
        loop {
            let Some(snapshot) = self.levels.read(key, deadline).await? else {
                return Ok(None);
            };
            let first = &snapshot.level.buckets()[0];
            match self.update_or_split(first, policy).await {
                Ok(Some(first)) => return self.rebalance_all(first, at, deadline).await.map(Some),
                // Another write changed the level since it was read, or a transaction conflicts, which lasts some
                // milliseconds. The next attempt reads the level again.
                Ok(None) | Err(StoreError::Busy) => {}
                Err(error) => return Err(error),
            }
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// Creates a level without stock. Returns the level, or None if it exists.
    pub(super) async fn create_level(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut attempts = deadline.attempts();
        loop {
            match self.create_buckets(key, policy).await {
                Ok(Some(first)) => return self.rebalance_all(first, at, deadline).await.map(Some),
                Ok(None) => return Ok(None),
                Err(StoreError::Busy) => {}
                Err(error) => return Err(error),
            }
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// Creates the buckets of a level and returns bucket 0. Returns None if the level exists.
    async fn create_buckets(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let first = Level {
            version: 1,
            policy: Some(policy.clone()),
            split_over: required_buckets(0, policy),
            ..Level::empty(key)
        };
        let is_created = if first.split_over == 0 {
            self.put_new(&first).await?
        } else {
            let create = replace_level(self.levels.table(), &Level::empty(key), &first)?;
            self.write_with_buckets(create, &first, 1).await?
        };
        Ok(is_created.then_some(first))
    }

    /// Sets the policy of the level with bucket 0 `first`, splits the level if needed, and returns its new bucket 0. Returns
    /// None if a concurrent write prevented it.
    async fn update_or_split(
        &self,
        first: &Level,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let split_over = required_buckets(first.split_over, policy);
        if split_over == first.split_over {
            return self.update_policy(first, policy).await;
        }
        let wider = Level {
            policy: Some(policy.clone()),
            split_over,
            // `is_short` of bucket 0 suffices only for a level that is not split. For a split level, `whole_short` tells.
            whole_short: first.whole_short || first.is_short(),
            ..first.clone()
        };
        let split = self.split_item(first, &wider)?;
        let is_split = self
            .write_with_buckets(split, &wider, first.split_over.max(1))
            .await?;
        Ok(is_split.then_some(wider))
    }

    /// Sets the policy of a level that has enough buckets. Returns None if the level was split concurrently.
    ///
    /// An equal policy is not written again, so that a retry after a lost response does not raise the version twice.
    async fn update_policy(
        &self,
        first: &Level,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let cause = CauseAttributes::current();
        let assignments = ["policy = :policy", "version = version + :one"];
        let mut update = self
            .client
            .update_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::level(&first.key()))))
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(policy) OR policy <> :policy) \
                 AND (attribute_not_exists(split_over) OR split_over <= :split)",
            )
            .update_expression(cause.update_expression(&assignments, &[]))
            .expression_attribute_values(":policy", attribute(policy)?)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":split", number(first.split_over));
        for (name, value) in cause.values() {
            update = update.expression_attribute_values(name, value);
        }
        let result = update
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let attributes = match result {
            Ok(output) => output.attributes,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    failed.item.clone()
                }
                _ => return Err(classify_error("write a policy")(error)),
            },
        };
        let level: Option<Level> = attributes
            .filter(|item: &HashMap<_, _>| !item.is_empty())
            .map(value)
            .transpose()?;
        Ok(level.filter(|level| level.policy.as_ref() == Some(policy)))
    }

    /// Returns the transaction item that updates bucket 0 from `first` to `wider`, which has more buckets. Its condition: what
    /// the new buckets copy from `wider` is unchanged, and the level was not split further.
    fn split_item(&self, first: &Level, wider: &Level) -> Result<TransactWriteItem, StoreError> {
        let cause = CauseAttributes::current();
        let mut conditions = vec!["attribute_exists(pk)"];
        let mut assignments = vec![
            "policy = :policy",
            "split_over = :split",
            "version = version + :one",
        ];
        let mut update = Update::builder()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::level(&first.key()))))
            .expression_attribute_values(":policy", attribute(&wider.policy)?)
            .expression_attribute_values(":split", number(wider.split_over))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0));
        if first.split_over == 0 {
            conditions.push("attribute_not_exists(split_over)");
        } else {
            conditions.push("split_over = :split_before");
            update = update.expression_attribute_values(":split_before", number(first.split_over));
        }
        if let Some(counted_at) = &wider.counted_at {
            conditions.push("counted_at = :counted_at");
            update = update.expression_attribute_values(":counted_at", attribute(counted_at)?);
        } else {
            conditions.push("attribute_not_exists(counted_at)");
        }
        if wider.whole_short {
            conditions.push("(attribute_exists(whole_short) OR available < :zero)");
            assignments.push("whole_short = :whole_short");
            update = update.expression_attribute_values(":whole_short", attribute(&true)?);
        } else {
            conditions.push("attribute_not_exists(whole_short)");
            conditions.push("available >= :zero");
        }
        for (name, value) in cause.values() {
            update = update.expression_attribute_values(name, value);
        }
        let update = update
            .condition_expression(conditions.join(" AND "))
            .update_expression(cause.update_expression(&assignments, &[]))
            .build()
            .map_err(StoreError::failed("split a level"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Writes `first_item`, which makes bucket 0 `first`, together with empty buckets from number `new_from` on. Returns whether
    /// the condition of `first_item` held.
    async fn write_with_buckets(
        &self,
        first_item: TransactWriteItem,
        first: &Level,
        new_from: u8,
    ) -> Result<bool, StoreError> {
        let mut items = vec![first_item];
        for bucket in new_from..first.split_over {
            let empty = Level {
                version: 1,
                ..SplitLevel::empty_bucket(first, bucket)
            };
            // Unconditional: an existing item is an unused leftover, or else the condition of `first_item` fails.
            let put = Put::builder()
                .table_name(self.levels.table())
                .set_item(Some(level_item(&empty)?))
                .build()
                .map_err(StoreError::failed("split a level"))?;
            items.push(TransactWriteItem::builder().put(put).build());
        }
        match attempt_transaction(&self.client, items, &new_client_token()).await? {
            AttemptResult::Decided(result) => Ok(matches!(result, TransactionResult::Committed)),
            AttemptResult::Busy(_) => Err(StoreError::Busy),
        }
    }

    /// Rebalances the level with bucket 0 `first` as far as `deadline` allows, and returns its total. Later changes continue the
    /// rebalancing.
    async fn rebalance_all(
        &self,
        first: Level,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Level, StoreError> {
        if first.split_over <= 1 {
            return Ok(first);
        }
        let (key, mut attempts) = (first.key(), deadline.attempts());
        while !self.rebalancer.rebalance(&key, at, deadline).await? {
            if !attempts.wait_for_next().await {
                break;
            }
        }
        let snapshot = self.levels.read_with_first(first, deadline).await?;
        Ok(snapshot.level.total())
    }

    /// Puts a bucket if it does not exist. Returns whether it was put.
    async fn put_new(&self, level: &Level) -> Result<bool, StoreError> {
        let result = self
            .client
            .put_item()
            .table_name(self.levels.table())
            .set_item(Some(level_item(level)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(classify_error("write a level")(error)),
            },
        }
    }
}
