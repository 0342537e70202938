//! What was said of each level, beside the level in the stock table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use stockline_domain::level::LevelKey;

use super::attributes::{item, key_of, number, value};
use super::single_write::{PATIENCE, unless_busy};
use super::transaction::sort;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::ports::alerts::{AlertRecord, AlertStore, AlertWriteOutcome};
use stockline_application::store_error::StoreError;

/// Alert records in the stock table.
#[derive(Debug, Clone)]
pub struct DynamoAlerts {
    client: Client,
    stock_table: String,
}

impl DynamoAlerts {
    /// In `stock_table`.
    pub fn new(client: Client, stock_table: String) -> Self {
        Self {
            client,
            stock_table,
        }
    }

    /// Opens the connection ahead of the first record, by reading a key that cannot be; that it fails is the first
    /// record's to tell.
    pub async fn warm_up(&self) {
        let nothing = keys::Key {
            pk: "LEVEL#".to_owned(),
            sk: "ALERT".to_owned(),
        };
        if let Err(error) = self.read(&nothing).await {
            tracing::warn!(%error, "the connection could not be opened ahead");
        }
    }

    async fn read(&self, key: &keys::Key) -> Result<Option<AlertRecord>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.stock_table)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read what was said of a level"))?;
        found.item.map(value).transpose()
    }
}

impl AlertStore for DynamoAlerts {
    async fn find(&self, key: &LevelKey) -> Result<Option<AlertRecord>, StoreError> {
        self.read(&keys::alert(key)).await
    }

    async fn replace(
        &self,
        key: &LevelKey,
        before: Option<u64>,
        next: &AlertRecord,
    ) -> Result<AlertWriteOutcome, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.stock_table)
            .set_item(Some(item(&keys::alert(key), next)?));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", number(version)),
        };
        match unless_busy(Deadline::within(PATIENCE), || put.clone().send()).await {
            Ok(_) => Ok(AlertWriteOutcome::Written),
            Err(error) if failed_on_condition(&error) => {
                // The SDK tries again when a response is lost: then the record that stands in the way is our own.
                let now = self.find(key).await?;
                Ok(match now {
                    Some(record) if record == *next => AlertWriteOutcome::Written,
                    _ => AlertWriteOutcome::Conflict,
                })
            }
            Err(error) => Err(sort("write what was said of a level")(error)),
        }
    }

    async fn mark_published(&self, key: &LevelKey, version: u64) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.stock_table)
            .set_key(Some(key_of(&keys::alert(key))))
            .update_expression("REMOVE pending")
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(version));
        match unless_busy(Deadline::within(PATIENCE), || update.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) if failed_on_condition(&error) => Ok(()),
            Err(error) => Err(sort("note a published alert")(error)),
        }
    }
}

fn failed_on_condition<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}
