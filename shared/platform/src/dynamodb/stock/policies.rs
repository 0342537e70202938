//! Policies: when and how much to reorder, and over how many items a level is split.
//!
//! The items that a level is newly split over come in the transaction that says that they are used. So there is no moment
//! at which they are there and miss what the level learns, and what an earlier release left of them is written over.

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
use crate::dynamodb::replace_level::{level_item, replace_level};
use crate::dynamodb::transaction::{Tried, Written, fresh_token, sort, try_once};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::ports::stock::MissingLevel;
use stockline_application::store_error::StoreError;

/// Over how many items a level is split, at most, that ever was over `split`.
fn split_for(split: u8, policy: &ReorderPolicy) -> u8 {
    if policy.buckets <= 1 {
        split
    } else {
        split.max(policy.buckets)
    }
}

impl DynamoStock {
    pub(super) async fn write_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        missing: MissingLevel,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut attempts = deadline.attempts();
        loop {
            let written = match self.levels.read(key, deadline).await? {
                Some(read) => self.set_policy_of(&read.level.buckets()[0], policy).await,
                None if missing == MissingLevel::Report => return Ok(None),
                None => self.create_with_policy(key, policy).await,
            };
            match written {
                Ok(Some(first)) => return self.evened_out(first, at, deadline).await.map(Some),
                // An order's transaction may hold the level: it is over in some milliseconds.
                Ok(None) | Err(StoreError::Busy) => {}
                Err(failed) => return Err(failed),
            }
            // Another wrote it in between: it is decided anew.
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// Creates the level with nothing in it; none where another created it first.
    async fn create_with_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let first = Level {
            version: 1,
            policy: Some(policy.clone()),
            split_over: split_for(0, policy),
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

    /// Sets the policy of the level whose first item was read as `first`; none where another write split it meanwhile, or
    /// is in the way of splitting it.
    async fn set_policy_of(
        &self,
        first: &Level,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let split_over = split_for(first.split_over, policy);
        if split_over == first.split_over {
            return self.update_policy(first, policy).await;
        }
        let wider = Level {
            policy: Some(policy.clone()),
            split_over,
            // Of a level that is split already, its items know more than the first has in it.
            whole_short: first.whole_short || first.is_short(),
            ..first.clone()
        };
        let split = self.split(first, &wider)?;
        let is_split = self
            .write_with_buckets(split, &wider, first.split_over.max(1))
            .await?;
        Ok(is_split.then_some(wider))
    }

    /// Sets the policy of a level that is split as far as it wants. One that is the same is not written again, so that a try
    /// whose response was lost raises the version once.
    async fn update_policy(
        &self,
        first: &Level,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let sent = self
            .client
            .update_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::level(&first.key()))))
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(policy) OR policy <> :policy) \
                 AND (attribute_not_exists(split_over) OR split_over <= :split)",
            )
            .update_expression("SET policy = :policy, version = version + :one")
            .expression_attribute_values(":policy", attribute(policy)?)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":split", number(first.split_over))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let found = match sent {
            Ok(written) => written.attributes,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    failed.item.clone()
                }
                _ => return Err(sort("write a policy")(error)),
            },
        };
        let found: Option<Level> = found
            .filter(|item: &HashMap<_, _>| !item.is_empty())
            .map(value)
            .transpose()?;
        Ok(found.filter(|level| level.policy.as_ref() == Some(policy)))
    }

    /// The write that splits the level whose first item was read as `first`, if what its new items are told of `wider` is
    /// still so, and nobody uses them.
    fn split(&self, first: &Level, wider: &Level) -> Result<TransactWriteItem, StoreError> {
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
            .expression_attribute_values(":nothing", number(0));
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
            conditions.push("(attribute_exists(whole_short) OR available < :nothing)");
            assignments.push("whole_short = :whole_short");
            update = update.expression_attribute_values(":whole_short", attribute(&true)?);
        } else {
            conditions.push("attribute_not_exists(whole_short)");
            conditions.push("available >= :nothing");
        }
        let update = update
            .condition_expression(conditions.join(" AND "))
            .update_expression(format!("SET {}", assignments.join(", ")))
            .build()
            .map_err(StoreError::failed("split a level"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Makes `write`, which is of the first item of the level, and with it the other items from `from` on, with nothing in
    /// them; whether the condition of `write` held.
    async fn write_with_buckets(
        &self,
        write: TransactWriteItem,
        first: &Level,
        from: u8,
    ) -> Result<bool, StoreError> {
        let mut items = vec![write];
        for bucket in from..first.split_over {
            let empty = Level {
                version: 1,
                ..SplitLevel::empty_bucket(first, bucket)
            };
            // Whatever is there is not used, or the condition of the first item does not hold.
            let put = Put::builder()
                .table_name(self.levels.table())
                .set_item(Some(level_item(&empty)?))
                .build()
                .map_err(StoreError::failed("split a level"))?;
            items.push(TransactWriteItem::builder().put(put).build());
        }
        match try_once(&self.client, items, &fresh_token()).await? {
            Tried::Decided(written) => Ok(matches!(written, Written::All)),
            Tried::Busy(_) => Err(StoreError::Busy),
        }
    }

    /// The level, whole, evened out over its buckets as far as there is time: the next change goes on.
    async fn evened_out(
        &self,
        first: Level,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Level, StoreError> {
        if first.split_over <= 1 {
            return Ok(first);
        }
        let (key, mut attempts) = (first.key(), deadline.attempts());
        while !self.rebalance.even_out(&key, at, deadline).await? {
            if !attempts.wait_for_next().await {
                break;
            }
        }
        Ok(self.levels.read_on(first, deadline).await?.level.total())
    }

    async fn put_new(&self, level: &Level) -> Result<bool, StoreError> {
        let sent = self
            .client
            .put_item()
            .table_name(self.levels.table())
            .set_item(Some(level_item(level)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(sort("write a level")(error)),
            },
        }
    }
}
