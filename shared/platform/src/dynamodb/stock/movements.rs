//! Movements: one item for each version of a level that a movement made.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure as OnFailure;
use jiff::Timestamp;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::stock_change::{may_have_happened_after, moved_after};

use super::DynamoStock;
use crate::cursor::{Listing, Page};
use crate::deadline::Deadline;
use crate::dynamodb::attributes::{item, position, start_key, string, value};
use crate::dynamodb::transaction::sort;
use crate::keys;
use crate::ports::stock::Recorded;
use crate::store_error::StoreError;

impl DynamoStock {
    pub(super) async fn record_movement(
        &self,
        movement: &Movement,
    ) -> Result<Recorded, StoreError> {
        let key = LevelKey {
            location_id: movement.location_id.clone(),
            sku: movement.sku.clone(),
        };
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(
                &keys::movement(&key, movement.version),
                movement,
            )?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Recorded::Now);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(sort("record a movement")(error));
        };
        let existing = failed.item.clone().map(value::<Movement>).transpose()?;
        Ok(match existing {
            Some(other) if other.change.movement_id != movement.change.movement_id => {
                Recorded::Conflict
            }
            _ => Recorded::Before,
        })
    }

    /// By how much `on_hand` of `level` moved after `time`.
    ///
    /// The stream brings the movements a moment after the level: they are waited for until `deadline`.
    pub(super) async fn moved_after(
        &self,
        level: &Level,
        time: Timestamp,
        deadline: Deadline,
    ) -> Result<i64, StoreError> {
        let mut tries = 0;
        loop {
            let movements = self.movements_back_to(&level.key(), time).await?;
            if let Some(moved) = moved_after(level, &movements, time) {
                return Ok(moved);
            }
            tries += 1;
            if !deadline.back_off(tries).await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// The movements that may have happened after `time`, newest first, and the one before them.
    async fn movements_back_to(
        &self,
        key: &LevelKey,
        time: Timestamp,
    ) -> Result<Vec<Movement>, StoreError> {
        let (mut movements, mut after) = (Vec::new(), None);
        loop {
            let page = Page { limit: 100, after };
            let found = self.list_movements(key, page).await?;
            movements.extend(found.items);
            let reached = movements
                .last()
                .is_none_or(|oldest| !may_have_happened_after(&oldest.change, time));
            after = found.next;
            if reached || after.is_none() {
                return Ok(movements);
            }
        }
    }

    pub(super) async fn list_movements(
        &self,
        key: &LevelKey,
        page: Page,
    ) -> Result<Listing<Movement>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :level")
            .expression_attribute_values(":level", string(keys::movements(key)))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::from(page.limit))
            .set_exclusive_start_key(start_key(page.after))
            .send()
            .await
            .map_err(sort("list movements"))?;
        let items = found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(value)
            .collect::<Result<_, _>>()?;
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }
}
