//! Transaction items that change a level.

use aws_sdk_dynamodb::types::{
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use stockline_domain::level::{LevelKey, MovementKind};
use stockline_domain::split_level::{BucketDelta, WritePlan};

use super::attributes::{attribute, key_of, number};
use super::cause_attributes::CauseAttributes;
use super::replace_level::replace_level;
use crate::keys;
use stockline_application::store_error::StoreError;

/// Returns the transaction items that apply `plan` to a level in `stock_table`.
pub fn plan_items(
    stock_table: &str,
    key: &LevelKey,
    plan: &WritePlan,
) -> Result<Vec<TransactWriteItem>, StoreError> {
    match plan {
        WritePlan::Deltas(parts) => parts
            .iter()
            .map(|part| change_level(stock_table, key, part))
            .collect(),
        WritePlan::Rewrite(levels) => levels
            .iter()
            .map(|(before, after)| replace_level(stock_table, before, after))
            .collect(),
    }
}

/// Returns the transaction item that adds `part`, the share of a change that one bucket takes, to a level in `stock_table`.
///
/// Its condition requires enough available, on hand, allocated, in transit and incoming for the negative deltas, and no count later
/// than the change. It does not compare versions, so concurrent orders of one SKU do not fail each other.
pub fn change_level(
    stock_table: &str,
    key: &LevelKey,
    part: &BucketDelta,
) -> Result<TransactWriteItem, StoreError> {
    let change = &part.change;
    let available_delta = change.available_delta();
    let mut conditions = vec!["attribute_exists(pk)"];
    let cause = CauseAttributes::current();
    let mut assignments = vec![
        "on_hand = on_hand + :on_hand",
        "allocated = allocated + :allocated",
        "in_transit = in_transit + :in_transit",
        "available = available + :available",
        "version = version + :one",
        "last_change = :change",
    ];
    if change.states.incoming_delta != 0 {
        assignments.push("incoming = incoming + :incoming");
    }
    let mut update = Update::builder()
        .table_name(stock_table)
        .set_key(Some(key_of(&keys::level_bucket(key, part.bucket))))
        .update_expression(cause.update_expression(&assignments, &[]))
        .expression_attribute_values(":on_hand", number(change.on_hand_delta))
        .expression_attribute_values(":allocated", number(change.allocated_delta))
        .expression_attribute_values(":in_transit", number(change.states.in_transit_delta))
        .expression_attribute_values(":available", number(available_delta))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":change", attribute(change)?)
        .return_values_on_condition_check_failure(OnFailure::AllOld);
    if change.states.incoming_delta != 0 {
        update =
            update.expression_attribute_values(":incoming", number(change.states.incoming_delta));
    }
    for (name, value) in cause.values() {
        update = update.expression_attribute_values(name, value);
    }
    for (delta, condition, needed) in [
        (
            available_delta,
            "available >= :needs_available",
            ":needs_available",
        ),
        (
            change.on_hand_delta,
            "on_hand >= :needs_on_hand",
            ":needs_on_hand",
        ),
        (
            change.allocated_delta,
            "allocated >= :needs_allocated",
            ":needs_allocated",
        ),
        (
            change.states.in_transit_delta,
            "in_transit >= :needs_in_transit",
            ":needs_in_transit",
        ),
        (
            change.states.incoming_delta,
            "incoming >= :needs_incoming",
            ":needs_incoming",
        ),
    ] {
        if delta < 0 {
            conditions.push(condition);
            update = update.expression_attribute_values(needed, number(-delta));
        }
    }
    if change.on_hand_delta != 0 {
        conditions.push("(attribute_not_exists(counted_ms) OR counted_ms <= :occurred_ms)");
        update = update.expression_attribute_values(
            ":occurred_ms",
            number(change.occurred_at.as_millisecond()),
        );
    }
    if available_delta > 0 {
        // While a split level is short as a whole, stock that comes in belongs to the bucket that is short. A write to one
        // bucket would let that bucket sell it.
        conditions.push("attribute_not_exists(whole_short)");
    }
    if change.kind == MovementKind::Fulfilment && change.on_hand_delta < 0 {
        // Only on_hand minus damaged and on_hold may leave. A condition expression cannot subtract, so both must be zero.
        conditions.push("damaged = :zero AND on_hold = :zero");
        update = update.expression_attribute_values(":zero", number(0));
    }
    if change.kind == MovementKind::Rebalance {
        // Two writers that read the same level plan the same movement. If both were applied in a row, the ledger would record
        // only one, because they have the same movement id.
        conditions
            .push("(attribute_not_exists(last_change) OR last_change.movement_id <> :movement)");
        update = update.expression_attribute_values(":movement", attribute(&change.movement_id)?);
    }
    let update = update
        .condition_expression(conditions.join(" AND "))
        .build()
        .map_err(StoreError::failed("write a level"))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
