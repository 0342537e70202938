//! `warm_up` opens a connection before the first request.

use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::FaultRates;

use crate::test_store::TestStore;

#[tokio::test(start_paused = true)]
async fn warm_up_reads_once_and_ignores_errors() {
    let store = TestStore::new(1);
    let database = &store.database;
    let (client, stock) = (&store.shop.client, &store.shop.stock_table);
    let tasks = DynamoTasks::new(client.clone(), database.create_table(Table::Tasks));
    let catalog = DynamoCatalog::new(client.clone(), database.create_table(Table::Catalog));
    let alerts = DynamoAlerts::new(client.clone(), stock.clone());
    let warm_up = async || {
        store.shop.orders.warm_up().await;
        store.stock.warm_up().await;
        tasks.warm_up().await;
        catalog.warm_up().await;
        alerts.warm_up().await;
    };
    warm_up().await;
    let requests = ["Query", "GetItem", "TransactGetItems"].map(|name| store.requests_sent(name));
    assert_eq!(requests, [1, 4, 0]);
    database.set_fault_rates(FaultRates {
        errors_before: 1000,
        ..FaultRates::default()
    });
    warm_up().await;
}
