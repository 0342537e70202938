//! Stores the findings of stock audits in the stock table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::LocationId;

use super::attributes::{item, key_of, string, value};
use super::paging::query_page;
use super::transaction::classify_error;
use crate::keys;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::audit_data::{AuditRecord, AuditRecordStore};
use stockline_application::store_error::StoreError;

/// The maximum number of records to return for a location and day.
const MAX_RECORDS: usize = 1000;

/// A store of audit records.
#[derive(Debug, Clone)]
pub struct DynamoAuditRecords {
    client: Client,
    stock_table: String,
}

impl DynamoAuditRecords {
    /// Creates a store over `stock_table`.
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
    ) -> Result<Listing<AuditRecord>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.stock_table)
            .key_condition_expression("pk = :day")
            .expression_attribute_values(":day", string(partition))
            .consistent_read(true);
        query_page(query, after, "read audit records", value).await
    }

    /// Deletes `record`, unless a later run has replaced or deleted it since it was read.
    async fn delete_unchanged(&self, day: Date, record: &AuditRecord) -> Result<(), StoreError> {
        let key = keys::audit_record(&record.location_id, day, &record.sku);
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.stock_table)
            .set_key(Some(key_of(&key)))
            .condition_expression("run_at = :known")
            .expression_attribute_values(":known", AttributeValue::S(record.run_at.to_string()))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(classify_error("delete an audit record")(error)),
            },
        }
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
            .map_err(classify_error("write an audit record"))?;
        Ok(())
    }

    async fn forget_before(
        &self,
        location: &LocationId,
        day: Date,
        run_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (partition, mut after) = (keys::audit_partition(location, day), None);
        loop {
            let page = self.page(&partition, after).await?;
            for record in page.items.iter().filter(|record| record.run_at < run_at) {
                self.delete_unchanged(day, record).await?;
            }
            after = page.next;
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
        let (partition, mut after, mut records) =
            (keys::audit_partition(location, day), None, Vec::new());
        loop {
            let page = self.page(&partition, after).await?;
            records.extend(page.items);
            after = page.next;
            if after.is_none() || records.len() >= MAX_RECORDS {
                records.truncate(MAX_RECORDS);
                return Ok(records);
            }
        }
    }
}
