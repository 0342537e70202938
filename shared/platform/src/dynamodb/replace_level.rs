//! The stored form of a level, and the transaction item that replaces a level if its version is unchanged.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use stockline_domain::level::Level;

use super::attributes::{Item, attribute, item, key_of, number, string};
use super::cause_attributes::CauseAttributes;
use crate::keys;
use stockline_application::store_error::StoreError;

/// Returns the item of a level bucket, with the attributes that conditions and indexes need.
///
/// `available` is stored because condition expressions have no arithmetic. `counted_ms` is stored because they compare
/// strings byte by byte, and `counted_at` has a variable number of decimals. Only bucket 0 is in the indexes.
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

/// Returns the transaction item that replaces `before` with `after` if the stored version is that of `before`.
///
/// A `before` with version 0 is a level that does not exist yet.
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
    // Update single attributes instead of the whole item, to keep attributes that other writers set.
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
    // An unchanged `incoming` is not written: it belongs to the replenishment order of the level.
    if after.incoming != before.incoming {
        assignments.push("incoming = :incoming");
        update = update.expression_attribute_values(":incoming", number(after.incoming));
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
