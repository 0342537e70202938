//! What the service refuses for good is not said to be busy.

use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::ports::orders::OrderStore;
use stockline_platform::store_error::StoreError;
use stockline_testkit::conformance::orders::{deadline, request};
use stockline_testkit::orders::order;

use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn a_table_that_is_not_there_is_a_failure_and_nobody_is_told_to_come_again() {
    let store = Store::new(1);
    let client = store.shop.client.clone();
    let orders = DynamoOrders::new(client, "nowhere".to_owned(), "nowhere".to_owned());
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    let found = orders.find(sale.order_id).await;
    assert!(matches!(found, Err(StoreError::Failed { .. })), "{found:?}");
    let placed = orders.place(&sale, &request("a"), deadline()).await;
    assert!(
        matches!(placed, Err(StoreError::Failed { .. })),
        "{placed:?}"
    );
    assert_eq!(store.sent("TransactWriteItems"), 1);
}
