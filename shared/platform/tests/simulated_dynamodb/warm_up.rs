//! A connection is opened ahead of the first request.

use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::FaultRates;

use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn a_connection_is_opened_ahead_by_one_read_and_a_service_that_fails_is_no_matter_yet() {
    let store = Store::new(1);
    let database = &store.database;
    let (client, stock) = (&store.shop.client, &store.shop.stock_table);
    let tasks = DynamoTasks::new(client.clone(), database.table(Table::Tasks));
    let catalog = DynamoCatalog::new(client.clone(), database.table(Table::Catalog));
    let alerts = DynamoAlerts::new(client.clone(), stock.clone());
    let open = async || {
        store.shop.orders.warm_up().await;
        store.stock.warm_up().await;
        tasks.warm_up().await;
        catalog.warm_up().await;
        alerts.warm_up().await;
    };
    open().await;
    let sent = ["Query", "GetItem", "TransactGetItems"].map(|name| store.sent(name));
    assert_eq!(sent, [1, 3, 1]);
    database.set_fault_rates(FaultRates {
        errors_before: 1000,
        ..FaultRates::default()
    });
    open().await;
}
