//! The one write by which orders and tasks change a level.

use aws_sdk_dynamodb::types::{
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{LastChange, LevelKey};

use super::attributes::{attribute, key_of, number};
use crate::keys;
use crate::store_error::StoreError;

/// The write that makes `change` at a level of `stock_table`.
///
/// Its condition is what the change needs: enough available, enough on hand, enough allocated. It names no version, so
/// two orders of one SKU do not fail each other.
pub fn change_level(
    stock_table: &str,
    location: &LocationId,
    sku: &Sku,
    change: &LastChange,
) -> Result<TransactWriteItem, StoreError> {
    let key = LevelKey {
        location_id: location.clone(),
        sku: sku.clone(),
    };
    let available_delta = change.on_hand_delta - change.allocated_delta;
    let mut conditions = vec!["attribute_exists(pk)"];
    let mut update = Update::builder()
        .table_name(stock_table)
        .set_key(Some(key_of(&keys::level(&key))))
        .update_expression(
            "SET on_hand = on_hand + :on_hand, allocated = allocated + :allocated, \
             available = available + :available, version = version + :one, last_change = :change",
        )
        .expression_attribute_values(":on_hand", number(change.on_hand_delta))
        .expression_attribute_values(":allocated", number(change.allocated_delta))
        .expression_attribute_values(":available", number(available_delta))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":change", attribute(change)?)
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    if available_delta < 0 {
        conditions.push("available >= :needs_available");
        update = update.expression_attribute_values(":needs_available", number(-available_delta));
    }
    if change.on_hand_delta < 0 {
        conditions.push("on_hand >= :needs_on_hand");
        update =
            update.expression_attribute_values(":needs_on_hand", number(-change.on_hand_delta));
    }
    if change.allocated_delta < 0 {
        conditions.push("allocated >= :needs_allocated");
        update =
            update.expression_attribute_values(":needs_allocated", number(-change.allocated_delta));
    }
    let update = update
        .condition_expression(conditions.join(" AND "))
        .build()
        .map_err(StoreError::failed("write a level"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
