//! Levels: read, listed, replaced when nobody else came first, and given a policy.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    KeysAndAttributes, Put, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem, Update,
};
use stockline_domain::ids::LocationId;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};

use super::DynamoStock;
use crate::cursor::{Listing, Page};
use crate::deadline::Deadline;
use crate::dynamodb::attributes::{
    Item, attribute, item, key_of, number, position, start_key, string, value,
};
use crate::dynamodb::transaction::sort;
use crate::keys;
use crate::ports::stock::MissingLevel;
use crate::store_error::StoreError;

/// A level as it is stored: with what conditions compare and what the indexes sort by.
///
/// `available` is stored because a condition has no arithmetic, and `counted_ms` because it compares texts by letters.
pub fn level_item(level: &Level) -> Result<Item, StoreError> {
    let mut stored = item(&keys::level(&level.key()), level)?;
    stored.insert("available".to_owned(), number(level.available()));
    if let Some(counted_at) = level.counted_at {
        stored.insert("counted_ms".to_owned(), number(counted_at.as_millisecond()));
    }
    stored.insert(
        "index_location".to_owned(),
        string(level.location_id.as_str()),
    );
    stored.insert("index_sku".to_owned(), string(level.sku.as_str()));
    Ok(stored)
}

/// The write that makes `before` into `after`, unless another write came between.
pub(super) fn replace_level(
    table: &str,
    before: Option<&Level>,
    after: &Level,
) -> Result<TransactWriteItem, StoreError> {
    let Some(before) = before else {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(level_item(after)?))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(StoreError::failed("write a level"))?;
        return Ok(TransactWriteItem::builder().put(put).build());
    };
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
        .set_key(Some(key_of(&keys::level(&after.key()))))
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
    let update = update
        .update_expression(format!("SET {}", assignments.join(", ")))
        .build()
        .map_err(StoreError::failed("write a level"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

impl DynamoStock {
    pub(super) async fn read_level(&self, key: &LevelKey) -> Result<Option<Level>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(&keys::level(key))))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read a level"))?;
        found.item.map(value).transpose()
    }

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
            .table_name(&self.table)
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
        let mut items: Vec<Level> = self
            .read_all(keys, deadline)
            .await?
            .into_iter()
            .map(value)
            .collect::<Result<_, _>>()?;
        items.sort_by(|one, other| one.sku.cmp(&other.sku));
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }

    async fn read_all(&self, keys: Vec<Item>, deadline: Deadline) -> Result<Vec<Item>, StoreError> {
        let (mut open, mut items, mut tries) = (keys, Vec::new(), 0);
        while !open.is_empty() {
            if tries > 0 && !deadline.back_off(tries).await {
                return Err(StoreError::Busy);
            }
            tries += 1;
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(open))
                .consistent_read(true)
                .build()
                .map_err(StoreError::failed("read levels"))?;
            let read = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(sort("read levels"))?;
            items.extend(read.responses.unwrap_or_default().into_values().flatten());
            open = read
                .unprocessed_keys
                .unwrap_or_default()
                .into_values()
                .flat_map(|left| left.keys)
                .collect();
        }
        Ok(items)
    }

    pub(super) async fn write_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        missing: MissingLevel,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut tries = 0;
        loop {
            if let Some(level) = self.update_policy(key, policy).await? {
                return Ok(Some(level));
            }
            if missing == MissingLevel::Report {
                return Ok(None);
            }
            let level = Level {
                version: 1,
                policy: Some(policy.clone()),
                ..Level::empty(key)
            };
            if self.put_new(&level).await? {
                return Ok(Some(level));
            }
            // Another created it in between: it is there to be updated now.
            tries += 1;
            if !deadline.back_off(tries).await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// Sets the policy of a level that is there. A policy that is the same is not written again, so that a try whose
    /// response was lost raises the version once.
    async fn update_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
    ) -> Result<Option<Level>, StoreError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_of(&keys::level(key))))
            .update_expression("SET policy = :policy, version = version + :one")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(policy) OR policy <> :policy)",
            )
            .expression_attribute_values(":policy", attribute(policy)?)
            .expression_attribute_values(":one", number(1))
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
        found
            .filter(|item: &HashMap<_, _>| !item.is_empty())
            .map(value)
            .transpose()
    }

    async fn put_new(&self, level: &Level) -> Result<bool, StoreError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
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
