//! What takes more items than a transaction holds is gathered, and no more than that.

use stockline_testkit::conformance::stock::{apply, change, key};

use super::*;

#[tokio::test(start_paused = true)]
async fn an_order_gathers_as_many_levels_as_it_must_and_no_more() {
    // given 60 SKUs of which no bucket has more than one: two of each are 121 items
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    let skus: Vec<String> = (0..60).map(|number| format!("sku-{number}")).collect();
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": 16});
    let policy = serde_json::from_value(policy).unwrap();
    for (place, sku) in skus.iter().enumerate() {
        let receipt =
            json!({"kind": "receipt", "location_id": "store-1", "sku": sku, "quantity": 5});
        apply(&stock, "in", place, &change(receipt)).await;
        let (level, report) = (key("store-1", sku), MissingLevel::Report);
        let split = stock
            .set_policy(&level, &policy, report, minute(0), within(20))
            .await;
        split.unwrap();
    }
    // when an order wants them
    let before = sent(&database, "TransactWriteItems");
    let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 2)).collect();
    let wanted = order("a", "store-1", "online", &lines);
    let placed = OrderStore::place(&shop, &wanted, &request(), within(20)).await;
    // then 21 of them are gathered, and some of the others evened out while there is time
    assert_eq!(placed.unwrap(), Placement::Placed);
    let (in_vain, gathered, committed) = (1, 21, 1);
    let evened_out =
        sent(&database, "TransactWriteItems") - before - in_vain - gathered - committed;
    assert!(evened_out < 20, "{evened_out}");
}
