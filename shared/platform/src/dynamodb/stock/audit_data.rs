//! Reads the levels and movements for a stock audit, and writes its repairs.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use stockline_domain::audit::{RepairWrite, StoredLevel};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};

use super::{DynamoStock, READ_TIMEOUT};
use crate::dynamodb::attributes::{Item, item, key_of, string, value};
use crate::dynamodb::batch_get::batch_get;
use crate::dynamodb::paging::query_page;
use crate::dynamodb::replace_level::replace_level;
use crate::dynamodb::transaction::{TransactionResult, write_transaction};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::audit_data::{AuditData, RepairOutcome, StockRepairer};
use stockline_application::ports::stock::{Ledger, RecordMovementOutcome};
use stockline_application::store_error::StoreError;

/// The maximum number of index entries in a page of SKUs.
const SKU_PAGE_SIZE: i32 = 100;

impl AuditData for DynamoStock {
    async fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<Sku>, StoreError> {
        const CONTEXT: &str = "list the SKUs of a location";
        let query = self
            .client
            .query()
            .table_name(self.levels.table())
            .index_name("by_location")
            .key_condition_expression("index_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
            .limit(SKU_PAGE_SIZE);
        let page = query_page(query, after, CONTEXT, |item| {
            let sku = item.get("index_sku").and_then(|sku| sku.as_s().ok());
            sku.and_then(|sku| sku.parse().ok())
                .ok_or_else(|| StoreError::failed(CONTEXT)("an index entry has no valid SKU"))
        });
        let mut page: Listing<Sku> = page.await?;
        page.items.dedup();
        Ok(page)
    }

    async fn levels(&self, key: &LevelKey) -> Result<Vec<StoredLevel>, StoreError> {
        let table = self.levels.table();
        let deadline = Deadline::within(READ_TIMEOUT);
        let first_key = vec![key_of(&keys::level(key))];
        let mut first = batch_get(&self.client, table, first_key, deadline).await?;
        let Some(first) = first.pop() else {
            return Ok(Vec::new());
        };
        let mut levels = vec![stored_level(first)?];
        let other_keys = (1..levels[0].level.split_over)
            .map(|bucket| key_of(&keys::level_bucket(key, bucket)))
            .collect();
        for item in batch_get(&self.client, table, other_keys, deadline).await? {
            levels.push(stored_level(item)?);
        }
        levels.sort_by_key(|stored| stored.level.bucket);
        Ok(levels)
    }

    /// The query has no limit: a page is up to 1 MB, some thousand movements.
    async fn ledger_page(
        &self,
        level: &Level,
        after: Option<Position>,
    ) -> Result<Listing<Movement>, StoreError> {
        let partition = keys::movements_partition(&level.key(), level.bucket);
        let query = self
            .client
            .query()
            .table_name(self.levels.table())
            .key_condition_expression("pk = :level")
            .expression_attribute_values(":level", string(partition))
            .consistent_read(true);
        query_page(query, after, "read all movements", value).await
    }
}

fn stored_level(item: Item) -> Result<StoredLevel, StoreError> {
    let available = item.get("available").and_then(|value| value.as_n().ok());
    Ok(StoredLevel {
        available: available.and_then(|number| number.parse().ok()),
        level: value(item)?,
    })
}

impl StockRepairer for DynamoStock {
    async fn repair(
        &self,
        repair: &RepairWrite,
        deadline: Deadline,
    ) -> Result<RepairOutcome, StoreError> {
        let replacements = match repair {
            RepairWrite::Record(movement) => {
                return Ok(match self.record(movement).await? {
                    RecordMovementOutcome::Written | RecordMovementOutcome::AlreadyRecorded => {
                        RepairOutcome::Repaired
                    }
                    RecordMovementOutcome::Conflict => RepairOutcome::Conflict,
                });
            }
            RepairWrite::Replace(replacements) => replacements,
        };
        let mut items = Vec::new();
        for replacement in replacements {
            let (before, after) = (&replacement.before, &replacement.after);
            items.push(replace_level(self.levels.table(), before, after)?);
            if let Some(movement) = &replacement.repair {
                items.push(self.put_movement(movement)?);
            }
        }
        let result = write_transaction(&self.client, items, deadline).await?;
        Ok(match result {
            TransactionResult::Committed => RepairOutcome::Repaired,
            TransactionResult::ConditionFailed(_) => RepairOutcome::Conflict,
        })
    }
}

impl DynamoStock {
    fn put_movement(&self, movement: &Movement) -> Result<TransactWriteItem, StoreError> {
        let key = LevelKey {
            location_id: movement.location_id.clone(),
            sku: movement.sku.clone(),
        };
        let put = Put::builder()
            .table_name(self.levels.table())
            .set_item(Some(item(
                &keys::movement(&key, movement.bucket, movement.version),
                movement,
            )?))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(StoreError::failed("record a repair"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
