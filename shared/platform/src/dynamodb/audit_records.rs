//! What audits found, in the stock table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::LocationId;

use super::attributes::{item, key_of, start_key, string, value};
use super::transaction::sort;
use crate::keys;
use stockline_application::paging::Position;
use stockline_application::ports::audit_data::{AuditRecord, AuditRecordStore};
use stockline_application::store_error::StoreError;

/// The most records that are read of one location and day.
const MOST: usize = 1000;

/// Audit records in the stock table.
#[derive(Debug, Clone)]
pub struct DynamoAuditRecords {
    client: Client,
    stock_table: String,
}

impl DynamoAuditRecords {
    /// In `stock_table`.
    pub fn new(client: Client, stock_table: String) -> Self {
        Self {
            client,
            stock_table,
        }
    }

    async fn page(
        &self,
        partition: &str,
        after: Option<Position>,
    ) -> Result<(Vec<AuditRecord>, Option<Position>), StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.stock_table)
            .key_condition_expression("pk = :day")
            .expression_attribute_values(":day", string(partition))
            .consistent_read(true)
            .set_exclusive_start_key(start_key(after))
            .send()
            .await
            .map_err(sort("read what an audit found"))?;
        let records = found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(value)
            .collect::<Result<_, _>>()?;
        Ok((
            records,
            super::attributes::position(found.last_evaluated_key),
        ))
    }
}

impl AuditRecordStore for DynamoAuditRecords {
    async fn keep(&self, day: Date, record: &AuditRecord) -> Result<(), StoreError> {
        let key = keys::audit_record(&record.location_id, day, &record.sku);
        self.client
            .put_item()
            .table_name(&self.stock_table)
            .set_item(Some(item(&key, record)?))
            .send()
            .await
            .map_err(sort("keep what an audit found"))?;
        Ok(())
    }

    async fn forget_before(
        &self,
        location: &LocationId,
        day: Date,
        run_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (partition, mut after) = (keys::audit_day(location, day), None);
        loop {
            let (records, next) = self.page(&partition, after).await?;
            for record in records.iter().filter(|record| record.run_at < run_at) {
                let key = keys::audit_record(location, day, &record.sku);
                self.client
                    .delete_item()
                    .table_name(&self.stock_table)
                    .set_key(Some(key_of(&key)))
                    // Another run may have found it anew.
                    .condition_expression("run_at = :known OR attribute_not_exists(pk)")
                    .expression_attribute_values(
                        ":known",
                        AttributeValue::S(record.run_at.to_string()),
                    )
                    .send()
                    .await
                    .map_err(sort("forget what an audit found"))?;
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn found_on(
        &self,
        location: &LocationId,
        day: Date,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let (partition, mut after, mut found) = (keys::audit_day(location, day), None, Vec::new());
        loop {
            let (records, next) = self.page(&partition, after).await?;
            found.extend(records);
            after = next;
            if after.is_none() || found.len() >= MOST {
                found.truncate(MOST);
                return Ok(found);
            }
        }
    }
}
