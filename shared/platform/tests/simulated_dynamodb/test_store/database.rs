//! Direct access to the simulated database: request counts, stored items, and writes that bypass the adapters.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use stockline_domain::level::Level;
use stockline_platform::dynamodb::attributes::{key_of, value};
use stockline_platform::keys;

use super::{TestStore, milk_key};

impl TestStore {
    /// Counts the requests of `operation`, whatever their result.
    pub fn requests_sent(&self, operation: &str) -> u64 {
        let counts = self.database.request_counts();
        let of_operation = counts.iter().filter(|((name, _), _)| name == operation);
        of_operation.map(|(_, count)| count).sum()
    }

    /// Counts the requests of `operation` that ended with the result code `code`.
    pub fn requests_with_code(&self, operation: &str, code: &str) -> u64 {
        let key = (operation.to_owned(), code.to_owned());
        self.database
            .request_counts()
            .get(&key)
            .copied()
            .unwrap_or_default()
    }

    /// Counts the transactions that were canceled because of a conflict.
    pub fn transaction_conflicts(&self) -> u64 {
        self.requests_with_code("TransactWriteItems", "TransactionConflict")
    }

    /// Counts the successful snapshot reads of a level's buckets.
    pub fn snapshot_reads(&self) -> u64 {
        self.requests_with_code("TransactGetItems", "OK")
    }

    /// Returns the existing items among the first four buckets of milk.
    pub async fn bucket_items(&self) -> Vec<Level> {
        let mut items = Vec::new();
        for bucket in 0..4 {
            let key = key_of(&keys::level_bucket(&milk_key(), bucket));
            let get = self.shop.client.get_item().consistent_read(true);
            let get = get.table_name(&self.shop.stock_table).set_key(Some(key));
            let found = get.send().await.unwrap();
            items.extend(found.item.map(|item| value::<Level>(item).unwrap()));
        }
        items
    }

    /// Sets what is incoming of milk, as a repair by hand would.
    pub async fn set_incoming(&self, incoming: i64) {
        let update = self.shop.client.update_item();
        let update = update.table_name(&self.shop.stock_table);
        update
            .set_key(Some(key_of(&keys::level(&milk_key()))))
            .update_expression("SET incoming = :incoming, version = version + :one")
            .expression_attribute_values(":incoming", AttributeValue::N(incoming.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .send()
            .await
            .unwrap();
    }

    /// Increments the version of a bucket of milk in a transaction.
    pub async fn bump_version(&self, bucket: u8) {
        let update = Update::builder()
            .table_name(&self.shop.stock_table)
            .set_key(Some(key_of(&keys::level_bucket(&milk_key(), bucket))))
            .update_expression("SET version = version + :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .build()
            .unwrap();
        let update = TransactWriteItem::builder().update(update).build();
        let write = self.shop.client.transact_write_items();
        // The transaction may be canceled by a conflict. That conflict is as good for the tests as a write.
        let _ = write.transact_items(update).send().await;
    }
}
