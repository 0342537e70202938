//! What the stock stream brings to the ledger.

use serde_json::{Map, Value};
use stockline_domain::level::Level;
use stockline_platform::ports::stock::{Ledger, Recorded};
use stockline_testkit::simulated_dynamodb::Item;

use super::Store;

impl Store {
    /// Records every movement since this was last done, in order, each until it is recorded.
    pub async fn follow_the_stream(&self) {
        for change in self.database.take_changes(&self.shop.stock_table) {
            let Some(new) = change.new.as_ref().and_then(level) else {
                continue;
            };
            let old = change.old.as_ref().and_then(level);
            let Some(movement) = new.movement_since(old.as_ref()) else {
                continue;
            };
            let mut recorded = self.stock.record(&movement).await;
            while recorded.is_err() {
                recorded = self.stock.record(&movement).await;
            }
            assert_ne!(recorded.unwrap(), Recorded::Conflict);
        }
    }
}

/// The level that `item` is; none where it is something else.
fn level(item: &Item) -> Option<Level> {
    let json: Map<String, Value> = item
        .iter()
        .map(|(name, value)| (name.clone(), value.json()))
        .collect();
    let item: serde_dynamo::Item = serde_json::from_value(Value::Object(json)).unwrap();
    serde_dynamo::from_item(item).ok()
}
