//! A connection is opened ahead of the first request.

use stockline_platform::dynamodb::orders::DynamoOrders;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_connection_is_opened_ahead_by_one_read_and_a_service_that_fails_is_no_matter_yet() {
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let [orders, stock, tasks, catalog] =
        [Table::Orders, Table::Stock, Table::Tasks, Table::Catalog]
            .map(|name| database.table(name));
    let open = async || {
        let store = DynamoOrders::new(client.clone(), orders.clone(), stock.clone());
        store.warm_up().await;
        DynamoStock::new(client.clone(), stock.clone())
            .warm_up()
            .await;
        DynamoTasks::new(client.clone(), tasks.clone())
            .warm_up()
            .await;
        DynamoCatalog::new(client.clone(), catalog.clone())
            .warm_up()
            .await;
        DynamoAlerts::new(client.clone(), stock.clone())
            .warm_up()
            .await;
    };
    open().await;
    assert_eq!(
        (sent(&database, "Query"), sent(&database, "GetItem")),
        (1, 4)
    );
    database.set_fault_rates(FaultRates {
        errors_before: 1000,
        ..FaultRates::default()
    });
    open().await;
}
