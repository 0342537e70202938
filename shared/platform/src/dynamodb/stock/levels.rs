//! Levels: read, listed, replaced when nobody else came first, and given a policy.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use stockline_domain::ids::LocationId;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::split_level::SplitLevel;

use super::DynamoStock;
use crate::cursor::{Listing, Page};
use crate::deadline::Deadline;
use crate::dynamodb::attributes::{
    Item, attribute, item, key_of, number, position, start_key, string, value,
};
use crate::dynamodb::get_all::get_all;
use crate::dynamodb::transaction::sort;
use crate::keys;
use crate::ports::stock::MissingLevel;
use crate::store_error::StoreError;

/// A level as it is stored: with what conditions compare and what the indexes sort by.
///
/// `available` is stored because a condition has no arithmetic, and `counted_ms` because it compares texts by letters.
pub fn level_item(level: &Level) -> Result<Item, StoreError> {
    let mut stored = item(&keys::level_bucket(&level.key(), level.bucket), level)?;
    stored.insert("available".to_owned(), number(level.available()));
    if let Some(counted_at) = level.counted_at {
        stored.insert("counted_ms".to_owned(), number(counted_at.as_millisecond()));
    }
    if level.bucket == 0 {
        stored.insert(
            "index_location".to_owned(),
            string(level.location_id.as_str()),
        );
        stored.insert("index_sku".to_owned(), string(level.sku.as_str()));
    }
    Ok(stored)
}

/// The write that makes `before` into `after`, unless another write came between. What has no version is not there.
pub fn replace_level(
    table: &str,
    before: &Level,
    after: &Level,
) -> Result<TransactWriteItem, StoreError> {
    if before.version == 0 {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(level_item(after)?))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(StoreError::failed("write a level"))?;
        return Ok(TransactWriteItem::builder().put(put).build());
    }
    // Named attributes and not the whole item: what others keep on it stays as it is.
    let mut assignments = vec![
        "on_hand = :on_hand",
        "allocated = :allocated",
        "available = :available",
        "damaged = :damaged",
        "on_hold = :on_hold",
        "in_transit = :in_transit",
        "version = :version",
        "last_change = :change",
    ];
    let mut update = Update::builder()
        .table_name(table)
        .set_key(Some(key_of(&keys::level_bucket(
            &after.key(),
            after.bucket,
        ))))
        .condition_expression("version = :before")
        .expression_attribute_values(":before", number(before.version))
        .expression_attribute_values(":on_hand", number(after.on_hand))
        .expression_attribute_values(":allocated", number(after.allocated))
        .expression_attribute_values(":available", number(after.available()))
        .expression_attribute_values(":damaged", number(after.damaged))
        .expression_attribute_values(":on_hold", number(after.on_hold))
        .expression_attribute_values(":in_transit", number(after.in_transit))
        .expression_attribute_values(":version", number(after.version))
        .expression_attribute_values(":change", attribute(&after.last_change)?);
    if let Some(counted_at) = &after.counted_at {
        assignments.push("counted_at = :counted_at");
        assignments.push("counted_ms = :counted_ms");
        update = update
            .expression_attribute_values(":counted_at", attribute(counted_at)?)
            .expression_attribute_values(":counted_ms", number(counted_at.as_millisecond()));
    }
    let mut removal = "";
    if after.whole_short {
        assignments.push("whole_short = :whole_short");
        update = update.expression_attribute_values(":whole_short", attribute(&true)?);
    } else if before.whole_short {
        removal = " REMOVE whole_short";
    }
    let update = update
        .update_expression(format!("SET {}{removal}", assignments.join(", ")))
        .build()
        .map_err(StoreError::failed("write a level"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// Over how many items a level is split, at most, that ever was over `split`.
fn split_for(split: u8, policy: &ReorderPolicy) -> u8 {
    if policy.buckets <= 1 {
        split
    } else {
        split.max(policy.buckets)
    }
}

impl DynamoStock {
    /// The index says which levels there are; each is then read from the table, because an index lags behind.
    pub(super) async fn list_levels(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(self.levels.table())
            .index_name("by_location")
            .key_condition_expression("index_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
            .limit(i32::from(page.limit))
            .set_exclusive_start_key(start_key(page.after))
            .send()
            .await
            .map_err(sort("list levels"))?;
        let keys = found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|mut item| {
                item.retain(|name, _| name == "pk" || name == "sk");
                item
            })
            .collect();
        let mut items = Vec::new();
        for item in get_all(&self.client, self.levels.table(), keys, deadline).await? {
            items.push(
                self.levels
                    .read_on(value(item)?, deadline)
                    .await?
                    .level
                    .total(),
            );
        }
        items.sort_by(|one, other| one.sku.cmp(&other.sku));
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }

    pub(super) async fn write_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        missing: MissingLevel,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut tries = deadline.tries();
        loop {
            let written = match self.levels.read(key, deadline).await? {
                Some(read) => self.update_policy(&read.level, policy).await,
                None if missing == MissingLevel::Report => return Ok(None),
                None => self.put_policy(key, policy).await,
            };
            match written {
                Ok(Some(first)) => return self.evened_out(first, deadline).await.map(Some),
                // An order's transaction may hold the level: it is over in some milliseconds.
                Ok(None) | Err(StoreError::Busy) => {}
                Err(failed) => return Err(failed),
            }
            // Another wrote it in between: it is decided anew.
            if !tries.another().await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// Creates the level with nothing in it; none where another created it first.
    async fn put_policy(
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
        self.put_buckets(&first, 1).await?;
        Ok(self.put_new(&first).await?.then_some(first))
    }

    /// Creates the buckets of the level from `from` on that are not there, with nothing in them. Those that are there, and
    /// not yet in use, learn that the level is short, where it is.
    async fn put_buckets(&self, first: &Level, from: u8) -> Result<(), StoreError> {
        for bucket in from..first.split_over {
            let empty = Level {
                version: 1,
                ..SplitLevel::empty_bucket(first, bucket)
            };
            if !self.put_new(&empty).await? && first.whole_short {
                self.tell_whole_short(&empty).await?;
            }
        }
        Ok(())
    }

    async fn tell_whole_short(&self, bucket: &Level) -> Result<(), StoreError> {
        let key = keys::level_bucket(&bucket.key(), bucket.bucket);
        self.client
            .update_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&key)))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET whole_short = :whole_short, version = version + :one")
            .expression_attribute_values(":whole_short", attribute(&true)?)
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .map_err(sort("write a level"))?;
        Ok(())
    }

    /// Sets the policy of a level that is there; none where another write split it meanwhile. A policy that is the same
    /// is not written again, so that a try whose response was lost raises the version once.
    async fn update_policy(
        &self,
        level: &SplitLevel,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let first = &level.buckets()[0];
        let split = split_for(first.split_over, policy);
        let is_short = level.total().is_short();
        // The buckets are there before anyone is told to use them.
        let wider = Level {
            split_over: split,
            whole_short: is_short,
            ..first.clone()
        };
        self.put_buckets(&wider, first.split_over.max(1)).await?;
        let mut assignments =
            "policy = :policy, split_over = :split, version = version + :one".to_owned();
        let mut condition =
            "attribute_exists(pk) AND (attribute_not_exists(policy) OR policy <> :policy) \
             AND (attribute_not_exists(split_over) OR split_over <= :split)"
                .to_owned();
        let mut update = self
            .client
            .update_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::level(&level.key()))))
            .expression_attribute_values(":policy", attribute(policy)?)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":split", number(split))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        if split > first.split_over {
            // What the new buckets were told is still so.
            update = update.expression_attribute_values(":nothing", number(0));
            if is_short {
                condition.push_str(" AND (attribute_exists(whole_short) OR available < :nothing)");
                assignments.push_str(", whole_short = :whole_short");
                update = update.expression_attribute_values(":whole_short", attribute(&true)?);
            } else {
                condition
                    .push_str(" AND attribute_not_exists(whole_short) AND available >= :nothing");
            }
        }
        update = update
            .condition_expression(condition)
            .update_expression(format!("SET {assignments}"));
        let found = match update.send().await {
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

    /// The level, whole, evened out over its buckets as far as there is time: the next change goes on.
    async fn evened_out(&self, first: Level, deadline: Deadline) -> Result<Level, StoreError> {
        if first.split_over <= 1 {
            return Ok(first);
        }
        let (key, mut tries) = (first.key(), deadline.tries());
        let at = first.last_change.as_ref().map(|change| change.recorded_at);
        while !self
            .rebalance
            .even_out(&key, at.unwrap_or_default(), deadline)
            .await?
        {
            if !tries.another().await {
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
