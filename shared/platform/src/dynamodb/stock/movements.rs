//! Movements: one item for each version of a level that a movement made.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure as OnFailure;
use stockline_domain::level::{LevelKey, Movement};

use super::DynamoStock;
use crate::cursor::{Listing, Page};
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
