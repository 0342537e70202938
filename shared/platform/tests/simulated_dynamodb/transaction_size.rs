//! Orders that touch more buckets than fit into one transaction.

use serde_json::json;
use stockline_application::ports::stock::StockStore;
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::conformance::stock::{apply, change, key};
use stockline_testkit::orders::order;

use crate::test_store::{TestStore, policy_with_buckets};

#[tokio::test(start_paused = true)]
async fn order_consolidates_only_as_many_levels_as_needed() {
    // given 60 SKUs whose buckets hold at most one unit: an order of two units each would be 121 transaction items
    let store = TestStore::new(1);
    let skus: Vec<String> = (0..60).map(|number| format!("sku-{number}")).collect();
    for (index, sku) in skus.iter().enumerate() {
        let receipt =
            json!({"kind": "receipt", "location_id": "store-1", "sku": sku, "quantity": 5});
        apply(&store.stock, "in", index, &change(receipt)).await;
        let (level, policy) = (key("store-1", sku), policy_with_buckets(16));
        let split = store
            .stock
            .set_policy(&level, &policy, minute(0), deadline());
        split.await.unwrap();
    }
    // when the order is placed
    let before = store.requests_sent("TransactWriteItems");
    let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 2)).collect();
    let wanted = order("a", "store-1", "online", &lines);
    store.place(&wanted).await;
    // then 21 levels are consolidated into one bucket each, and some others are rebalanced while there is time
    let (canceled, consolidated, committed) = (1, 21, 1);
    let transactions = store.requests_sent("TransactWriteItems") - before;
    let rebalanced = transactions - canceled - consolidated - committed;
    assert!(rebalanced < 20, "{rebalanced}");
}
