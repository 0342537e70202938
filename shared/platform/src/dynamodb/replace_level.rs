//! A level as it is stored, and the write that replaces it when nobody else came first.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use stockline_domain::level::Level;

use super::attributes::{Item, attribute, item, key_of, number, string};
use super::cause_attributes::CauseAttributes;
use crate::keys;
use stockline_application::store_error::StoreError;

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
    stored.extend(CauseAttributes::current().attributes());
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
    let mut removals = Vec::new();
    if after.whole_short {
        assignments.push("whole_short = :whole_short");
        update = update.expression_attribute_values(":whole_short", attribute(&true)?);
    } else if before.whole_short {
        removals.push("whole_short");
    }
    let cause = CauseAttributes::current();
    for (name, value) in cause.values() {
        update = update.expression_attribute_values(name, value);
    }
    let update = update
        .update_expression(cause.update_expression(&assignments, &removals))
        .build()
        .map_err(StoreError::failed("write a level"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
