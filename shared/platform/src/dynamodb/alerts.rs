//! Stores the alert records of levels in the stock table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use stockline_domain::level::LevelKey;

use super::attributes::{item, key_of, number, value};
use super::single_write::{RETRY_TIMEOUT, retry_while_busy};
use super::transaction::classify_error;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::ports::alerts::{AlertRecord, AlertStore, AlertWriteOutcome};
use stockline_application::store_error::StoreError;

/// A store of alert records.
#[derive(Debug, Clone)]
pub struct DynamoAlerts {
    client: Client,
    stock_table: String,
}

impl DynamoAlerts {
    /// Creates a store over `stock_table`.
    pub fn new(client: Client, stock_table: String) -> Self {
        Self {
            client,
            stock_table,
        }
    }

    /// Opens the connection before the first record, by reading a key that no item has. An error is only logged: the first
    /// record reports it.
    pub async fn warm_up(&self) {
        let absent_key = keys::Key {
            pk: "LEVEL#".to_owned(),
            sk: "ALERT".to_owned(),
        };
        if let Err(error) = self.read(&absent_key).await {
            tracing::warn!(%error, "failed to open the DynamoDB connection during init");
        }
    }

    async fn read(&self, key: &keys::Key) -> Result<Option<AlertRecord>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.stock_table)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error("read an alert record"))?;
        output.item.map(value).transpose()
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
        match retry_while_busy(Deadline::within(RETRY_TIMEOUT), || put.clone().send()).await {
            Ok(_) => Ok(AlertWriteOutcome::Written),
            Err(error) if is_condition_failed(&error) => {
                // The SDK retries after a lost response. The existing record may then be the one of this write.
                let stored = self.find(key).await?;
                Ok(match stored {
                    Some(record) if record == *next => AlertWriteOutcome::Written,
                    _ => AlertWriteOutcome::Conflict,
                })
            }
            Err(error) => Err(classify_error("write an alert record")(error)),
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
        match retry_while_busy(Deadline::within(RETRY_TIMEOUT), || update.clone().send()).await {
            Ok(_) => Ok(()),
            // Another version has its own pending alert, which stays.
            Err(error) if is_condition_failed(&error) => Ok(()),
            Err(error) => Err(classify_error("clear a published alert")(error)),
        }
    }
}

fn is_condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}
