//! Records stream records of the stock table in the ledger.

use serde_json::{Map, Value};
use stockline_application::ports::stock::{Ledger, RecordMovementOutcome};
use stockline_domain::level::Level;
use stockline_testkit::simulated_dynamodb::Item;

use super::TestStore;

impl TestStore {
    /// Records all movements since the last call, in order. Retries each until it succeeds.
    pub async fn record_stream(&self) {
        for change in self.database.take_changes(&self.shop.stock_table) {
            let Some(new) = change.new.as_ref().and_then(level) else {
                continue;
            };
            let old = change.old.as_ref().and_then(level);
            let Some(movement) = new.movement_since(old.as_ref()) else {
                continue;
            };
            let mut result = self.stock.record(&movement).await;
            while result.is_err() {
                result = self.stock.record(&movement).await;
            }
            assert_ne!(result.unwrap(), RecordMovementOutcome::Conflict);
        }
    }
}

/// Parses an item as a level. Returns none if it is another kind of item.
fn level(item: &Item) -> Option<Level> {
    let json: Map<String, Value> = item
        .iter()
        .map(|(name, value)| (name.clone(), value.json()))
        .collect();
    let item: serde_dynamo::Item = serde_json::from_value(Value::Object(json)).unwrap();
    serde_dynamo::from_item(item).ok()
}
