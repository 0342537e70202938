//! Permanent errors of the service are not reported as `Busy`.

use stockline_application::ports::orders::OrderStore;
use stockline_application::store_error::StoreError;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_testkit::conformance::orders::{deadline, request};
use stockline_testkit::orders::order;

use crate::test_store::TestStore;

#[tokio::test(start_paused = true)]
async fn missing_table_fails_without_retry() {
    let store = TestStore::new(1);
    let client = store.shop.client.clone();
    let missing = "missing-table".to_owned();
    let orders = DynamoOrders::new(client, missing.clone(), missing);
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    let found = orders.find(sale.order_id).await;
    assert!(matches!(found, Err(StoreError::Failed { .. })), "{found:?}");
    let placed = orders.place(&sale, &request("a"), deadline()).await;
    assert!(
        matches!(placed, Err(StoreError::Failed { .. })),
        "{placed:?}"
    );
    assert_eq!(store.requests_sent("TransactWriteItems"), 1);
}
