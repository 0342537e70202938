//! The books as an audit reads them and a repair puts them right.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use stockline_domain::audit::{Mend, StoredLevel};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};

use super::{DynamoStock, READ};
use crate::dynamodb::attributes::{Item, item, key_of, position, start_key, string, value};
use crate::dynamodb::get_all::get_all;
use crate::dynamodb::replace_level::replace_level;
use crate::dynamodb::transaction::{Written, sort, write};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::audit_data::{AuditData, RepairOutcome, StockRepairer};
use stockline_application::ports::stock::{Ledger, RecordMovementOutcome};
use stockline_application::store_error::StoreError;

/// How many SKUs are looked at together.
const PAGE: i32 = 100;

impl AuditData for DynamoStock {
    async fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<Sku>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(self.levels.table())
            .index_name("by_location")
            .key_condition_expression("index_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
            .limit(PAGE)
            .set_exclusive_start_key(start_key(after))
            .send()
            .await
            .map_err(sort("list the SKUs of a location"))?;
        let mut items: Vec<Sku> = Vec::new();
        for item in found.items.unwrap_or_default() {
            let sku = item.get("index_sku").and_then(|sku| sku.as_s().ok());
            let sku = sku.and_then(|sku| sku.parse().ok()).ok_or_else(|| {
                StoreError::failed("list the SKUs of a location")("an entry has no SKU")
            })?;
            if items.last() != Some(&sku) {
                items.push(sku);
            }
        }
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }

    async fn levels(&self, key: &LevelKey) -> Result<Vec<StoredLevel>, StoreError> {
        let table = self.levels.table();
        let deadline = Deadline::within(READ);
        let first = vec![key_of(&keys::level(key))];
        let Some(first) = get_all(&self.client, table, first, deadline).await?.pop() else {
            return Ok(Vec::new());
        };
        let mut levels = vec![stored(first)?];
        let others = (1..levels[0].level.split_over)
            .map(|bucket| key_of(&keys::level_bucket(key, bucket)))
            .collect();
        for item in get_all(&self.client, table, others, deadline).await? {
            levels.push(stored(item)?);
        }
        levels.sort_by_key(|stored| stored.level.bucket);
        Ok(levels)
    }

    /// No limit: a page is the 1 MB that one query reads, some thousand movements.
    async fn ledger_page(
        &self,
        level: &Level,
        after: Option<Position>,
    ) -> Result<Listing<Movement>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(self.levels.table())
            .key_condition_expression("pk = :level")
            .expression_attribute_values(
                ":level",
                string(keys::movements(&level.key(), level.bucket)),
            )
            .consistent_read(true)
            .set_exclusive_start_key(start_key(after))
            .send()
            .await
            .map_err(sort("read all movements"))?;
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

fn stored(item: Item) -> Result<StoredLevel, StoreError> {
    let available = item.get("available").and_then(|value| value.as_n().ok());
    Ok(StoredLevel {
        available: available.and_then(|number| number.parse().ok()),
        level: value(item)?,
    })
}

impl StockRepairer for DynamoStock {
    async fn repair(&self, mend: &Mend, deadline: Deadline) -> Result<RepairOutcome, StoreError> {
        let replacements = match mend {
            Mend::Record(movement) => {
                return Ok(match self.record(movement).await? {
                    RecordMovementOutcome::Written | RecordMovementOutcome::AlreadyRecorded => {
                        RepairOutcome::Repaired
                    }
                    RecordMovementOutcome::Conflict => RepairOutcome::Conflict,
                });
            }
            Mend::Replace(replacements) => replacements,
        };
        let mut parts = Vec::new();
        for replacement in replacements {
            let (before, after) = (&replacement.before, &replacement.after);
            parts.push(replace_level(self.levels.table(), before, after)?);
            if let Some(movement) = &replacement.repair {
                parts.push(self.put_movement(movement)?);
            }
        }
        Ok(match write(&self.client, parts, deadline).await? {
            Written::All => RepairOutcome::Repaired,
            Written::Refused(_) => RepairOutcome::Conflict,
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
