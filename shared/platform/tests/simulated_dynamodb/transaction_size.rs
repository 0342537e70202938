//! What takes more items than a transaction holds is gathered, and no more than that.

use serde_json::json;
use stockline_platform::ports::stock::{MissingLevel, StockStore};
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::conformance::stock::{apply, change, key};
use stockline_testkit::orders::order;

use crate::store::{Store, over};

#[tokio::test(start_paused = true)]
async fn an_order_gathers_as_many_levels_as_it_must_and_no_more() {
    // given 60 SKUs of which no bucket has more than one: two of each are 121 items
    let store = Store::new(1);
    let skus: Vec<String> = (0..60).map(|number| format!("sku-{number}")).collect();
    for (place, sku) in skus.iter().enumerate() {
        let receipt =
            json!({"kind": "receipt", "location_id": "store-1", "sku": sku, "quantity": 5});
        apply(&store.stock, "in", place, &change(receipt)).await;
        let (level, report) = (key("store-1", sku), MissingLevel::Report);
        let split = store
            .stock
            .set_policy(&level, &over(16), report, minute(0), deadline())
            .await;
        split.unwrap();
    }
    // when an order wants them
    let before = store.sent("TransactWriteItems");
    let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 2)).collect();
    let wanted = order("a", "store-1", "online", &lines);
    store.place(&wanted).await;
    // then 21 of them are gathered, and some of the others evened out while there is time
    let (in_vain, gathered, committed) = (1, 21, 1);
    let written = store.sent("TransactWriteItems") - before;
    let evened_out = written - in_vain - gathered - committed;
    assert!(evened_out < 20, "{evened_out}");
}
