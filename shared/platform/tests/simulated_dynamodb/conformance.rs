//! The stores on the simulated DynamoDB conform. Each story of a concurrent store runs once per seed.

use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::audit_records::DynamoAuditRecords;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::dynamodb::tasks::{DynamoCompletions, DynamoTasks};
use stockline_platform::dynamodb::users::DynamoUsers;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::stories::concurrent_buyers_never_oversell;
use stockline_testkit::conformance::split_levels::Shop;
use stockline_testkit::conformance::tasks::Warehouse;
use stockline_testkit::conformance_tests;
use stockline_testkit::dynamo_audited_shop::DynamoAuditedShop;
use stockline_testkit::dynamo_sales::DynamoStoredSales;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;

use crate::test_store::{SEEDS, TestStore};

conformance_tests!(
    orders,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(shop)
);
conformance_tests!(
    cancellations,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(shop)
);
conformance_tests!(
    refunds,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(shop)
);
conformance_tests!(
    order_search,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(shop)
);
conformance_tests!(
    fulfilments,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(shop)
);
conformance_tests!(
    max_skus,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(shop)
);
conformance_tests!(
    split_levels,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(order_and_stock_store)
);
conformance_tests!(
    max_skus_split_levels,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(order_and_stock_store)
);
conformance_tests!(
    stock,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(stock_store)
);
conformance_tests!(
    stock_lookup,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(stock_store)
);
conformance_tests!(
    alerts,
    simulated_dynamodb(start_paused = true),
    [alert_store()]
);
conformance_tests!(
    replenishment,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(stock_store)
);
conformance_tests!(
    tasks,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(warehouse)
);
conformance_tests!(
    audit,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(audited_shop)
);
conformance_tests!(
    audit_records,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(records)
);
conformance_tests!(
    catalog,
    simulated_dynamodb(start_paused = true),
    [catalog_store()]
);
conformance_tests!(
    users,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(user_store)
);
conformance_tests!(
    sales,
    simulated_dynamodb(start_paused = true),
    [stored_sales()]
);
conformance_tests!(
    sales_tally,
    simulated_dynamodb(start_paused = true),
    SEEDS.map(sales_tally)
);

/// The stories reach the conflicts of a real DynamoDB.
#[tokio::test(start_paused = true)]
async fn concurrent_buyers_meet_transaction_conflicts() {
    for seed in SEEDS {
        let store = TestStore::new(seed);
        concurrent_buyers_never_oversell(&store.shop).await;
        assert!(
            store.transaction_conflicts() > 0,
            "seed {seed} has no conflict"
        );
    }
}

fn shop(seed: u64) -> DynamoShop {
    TestStore::new(seed).shop
}

fn order_and_stock_store(seed: u64) -> Shop<DynamoShop, DynamoStock> {
    let store = TestStore::new(seed);
    Shop {
        orders: store.shop,
        stock: store.stock,
    }
}

fn stock_store(seed: u64) -> DynamoStock {
    TestStore::new(seed).stock
}

fn audited_shop(seed: u64) -> DynamoAuditedShop {
    let database = SimulatedDynamoDb::new(seed);
    let (orders, stock) = (
        database.create_table(Table::Orders),
        database.create_table(Table::Stock),
    );
    DynamoAuditedShop::new(database.aws().dynamodb(), orders, stock)
}

fn records(seed: u64) -> DynamoAuditRecords {
    let database = SimulatedDynamoDb::new(seed);
    let stock = database.create_table(Table::Stock);
    DynamoAuditRecords::new(database.aws().dynamodb(), stock)
}

fn warehouse(seed: u64) -> Warehouse<DynamoTasks, DynamoCompletions, DynamoShop> {
    let database = SimulatedDynamoDb::new(seed);
    let client = database.aws().dynamodb();
    let [tasks, orders, stock] =
        [Table::Tasks, Table::Orders, Table::Stock].map(|table| database.create_table(table));
    Warehouse {
        tasks: DynamoTasks::new(client.clone(), tasks.clone()),
        completions: DynamoCompletions::new(client.clone(), tasks, orders.clone(), stock.clone()),
        orders: DynamoShop::new(client.clone(), client, orders, stock),
    }
}

fn alert_store() -> DynamoAlerts {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Stock);
    DynamoAlerts::new(database.aws().dynamodb(), table)
}

fn catalog_store() -> DynamoCatalog {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Catalog);
    DynamoCatalog::new(database.aws().dynamodb(), table)
}

fn user_store(seed: u64) -> DynamoUsers {
    let database = SimulatedDynamoDb::new(seed);
    let table = database.create_table(Table::Catalog);
    DynamoUsers::new(database.aws().dynamodb(), table)
}

fn stored_sales() -> DynamoStoredSales {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Orders);
    DynamoStoredSales::new(database.aws().dynamodb(), table)
}

fn sales_tally(seed: u64) -> DynamoSalesTally {
    let database = SimulatedDynamoDb::new(seed);
    let table = database.create_table(Table::Sales);
    DynamoSalesTally::new(database.aws().dynamodb(), table)
}
