//! What the database was asked, what it holds, and who else writes it.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use stockline_domain::level::Level;
use stockline_platform::dynamodb::attributes::{key_of, value};
use stockline_platform::keys;

use super::{Store, milk};

impl Store {
    /// How many requests of `operation` there were, however they ended.
    pub fn sent(&self, operation: &str) -> u64 {
        let tally = self.database.tally();
        let of_it = tally.iter().filter(|((name, _), _)| name == operation);
        of_it.map(|(_, count)| count).sum()
    }

    /// How many requests of `operation` ended so.
    pub fn ended(&self, operation: &str, how: &str) -> u64 {
        let ended = (operation.to_owned(), how.to_owned());
        self.database
            .tally()
            .get(&ended)
            .copied()
            .unwrap_or_default()
    }

    /// How often a transaction met another.
    pub fn conflicts(&self) -> u64 {
        self.ended("TransactWriteItems", "TransactionConflict")
    }

    /// How often the items of a level were seen in one moment.
    pub fn seen_in_one_moment(&self) -> u64 {
        self.ended("TransactGetItems", "OK")
    }

    /// The items that milk has, of its first four.
    pub async fn items(&self) -> Vec<Level> {
        let mut items = Vec::new();
        for bucket in 0..4 {
            let key = key_of(&keys::level_bucket(&milk(), bucket));
            let get = self.shop.client.get_item().consistent_read(true);
            let get = get.table_name(&self.shop.stock_table).set_key(Some(key));
            let found = get.send().await.unwrap();
            items.extend(found.item.map(|item| value::<Level>(item).unwrap()));
        }
        items
    }

    /// Writes an item of milk in a transaction that leaves it as it is, but for its version.
    pub async fn write_again(&self, bucket: u8) {
        let update = Update::builder()
            .table_name(&self.shop.stock_table)
            .set_key(Some(key_of(&keys::level_bucket(&milk(), bucket))))
            .update_expression("SET version = version + :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .build()
            .unwrap();
        let update = TransactWriteItem::builder().update(update).build();
        let write = self.shop.client.transact_write_items();
        // One that meets another is refused, and that is as good.
        let _ = write.transact_items(update).send().await;
    }
}
