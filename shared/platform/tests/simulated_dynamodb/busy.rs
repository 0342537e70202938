//! What the service refuses for good is not said to be busy.

use stockline_platform::dynamodb::orders::DynamoOrders;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_table_that_is_not_there_is_a_failure_and_nobody_is_told_to_come_again() {
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let orders = DynamoOrders::new(client, "nowhere".to_owned(), "nowhere".to_owned());
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    let found = orders.find(sale.order_id).await;
    assert!(matches!(found, Err(StoreError::Failed { .. })), "{found:?}");
    let placed = orders.place(&sale, &request(), within(5)).await;
    assert!(
        matches!(placed, Err(StoreError::Failed { .. })),
        "{placed:?}"
    );
    assert_eq!(sent(&database, "TransactWriteItems"), 1);
}
