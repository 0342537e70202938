//! Runs the conformance suites against the DynamoDB adapters on the simulated DynamoDB.

use stockline_domain::order::Order;
use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::attributes::item;
use stockline_platform::dynamodb::audit_records::DynamoAuditRecords;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::OrderRecord;
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::dynamodb::tasks::{DynamoCompletions, DynamoTasks};
use stockline_platform::keys;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance;
use stockline_testkit::conformance::orders::request;
use stockline_testkit::dynamo_books::DynamoBooks;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;

use crate::test_store::{SEEDS, TestStore};

#[tokio::test(start_paused = true)]
async fn orders_conform() {
    for seed in SEEDS {
        let store = TestStore::new(seed);
        Box::pin(conformance::orders::all(&store.shop)).await;
        Box::pin(conformance::orders::wide::all(&store.shop)).await;
        assert!(
            store.transaction_conflicts() > 0,
            "no transaction conflict occurred"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn split_levels_conform() {
    for seed in SEEDS {
        let store = TestStore::new(seed);
        conformance::split_levels::all(&store.shop, &store.stock).await;
        conformance::split_levels::wide(&store.shop, &store.stock).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stock_conforms() {
    for seed in SEEDS {
        conformance::stock::all(&TestStore::new(seed).stock).await;
    }
}

#[tokio::test(start_paused = true)]
async fn audit_data_conforms() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let (orders, stock) = (
            database.create_table(Table::Orders),
            database.create_table(Table::Stock),
        );
        let client = database.aws().dynamodb();
        let books = DynamoBooks::new(client.clone(), orders, stock.clone());
        Box::pin(conformance::books::all(&books)).await;
        let records = DynamoAuditRecords::new(client, stock);
        conformance::books::what_is_found_is_kept_by_day(&records).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stock_lookup_conforms() {
    for seed in SEEDS {
        conformance::whereabouts::all(&TestStore::new(seed).stock).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_conform() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let client = database.aws().dynamodb();
        let [tasks, orders, stock] =
            [Table::Tasks, Table::Orders, Table::Stock].map(|table| database.create_table(table));
        let shop = DynamoShop::new(
            client.clone(),
            client.clone(),
            orders.clone(),
            stock.clone(),
        );
        let completions = DynamoCompletions::new(client.clone(), tasks.clone(), orders, stock);
        let tasks = DynamoTasks::new(client, tasks);
        conformance::tasks::all(&tasks, &completions, &shop).await;
    }
}

#[tokio::test(start_paused = true)]
async fn alerts_conform() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Stock);
    conformance::alerts::all(&DynamoAlerts::new(database.aws().dynamodb(), table)).await;
}

#[tokio::test(start_paused = true)]
async fn catalog_conforms() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Catalog);
    conformance::catalog::all(&DynamoCatalog::new(database.aws().dynamodb(), table)).await;
}

#[tokio::test(start_paused = true)]
async fn sales_conform() {
    let database = SimulatedDynamoDb::new(1);
    let (client, table) = (
        database.aws().dynamodb(),
        database.create_table(Table::Orders),
    );
    let put = async |order: Order| {
        let record = OrderRecord::new(&order, &request("a"));
        let item = item(&keys::order(order.order_id), &record).unwrap();
        let put = client.put_item().table_name(&table).set_item(Some(item));
        put.send().await.unwrap();
    };
    let sales = DynamoSales::new(client.clone(), table.clone());
    conformance::export::a_day_is_read_whole_and_alone(&sales, put).await;
}
