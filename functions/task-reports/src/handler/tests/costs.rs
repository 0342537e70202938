//! Measures the DynamoDB cost of each call and compares it with the table in README.md.

use jiff::SignedDuration;
use stockline_application::deadline::Deadline;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::{DynamoCompletions, DynamoTasks};
use stockline_testkit::cloud::Table;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn call_costs_match_readme() {
    // given a task that is leased to a controller
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let [orders, stock, tasks, catalog] =
        [Table::Orders, Table::Stock, Table::Tasks, Table::Catalog]
            .map(|table| database.create_table(table));
    let shop = DynamoShop::new(
        client.clone(),
        client.clone(),
        orders.clone(),
        stock.clone(),
    );
    let completions = DynamoCompletions::new(client.clone(), tasks.clone(), orders, stock);
    let store = DynamoTasks::new(client.clone(), tasks);
    let catalog = DynamoCatalog::new(client, catalog);
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let order = order("k1", "hub-1", "online", &[("milk", 2)]);
    TaskOrders::stock(&shop, "hub-1", "milk", 10).await;
    TaskOrders::place(&shop, &order).await;
    let task = leased(&order, clock.now());
    store.add(&task).await.unwrap();
    let hub = hub("hub-1");
    let deadline = Deadline::within(std::time::Duration::from_secs(9));
    catalog.put_location(&hub, deadline).await.unwrap();
    let registry = registry(catalog, &clock);
    let queues = MemoryQueues::default();
    let reports = TaskReports::new(store, completions, queues, registry, clock.clone());

    let task_call = |method, resource| {
        let call = call(method, resource).path("task_id", &task.task_id.to_string());
        call.by_controller("controller-1", "hub-1")
    };
    let report_call = |seq, state| {
        let call = task_call("POST", "/v1/tasks/{task_id}/reports");
        call.body(&report(seq, state))
    };
    let heartbeat = call("POST", "/v1/controllers/{controller_id}/heartbeat")
        .path("controller_id", "controller-1")
        .by_controller("controller-1", "hub-1")
        .body(&json!({"location_id": "hub-1", "zone_id": "dry", "free_capacity": 4}));
    let mut costs = CostTable::new();
    database.take_bill();
    for (operation, call) in [
        ("a report", report_call(1, "accepted")),
        ("a repeated report", report_call(1, "accepted")),
        ("the next report", report_call(2, "in_progress")),
        ("a completion", report_call(3, "completed")),
        ("a repeated completion", report_call(3, "completed")),
        ("a controller's first heartbeat", heartbeat.clone()),
        ("the next heartbeat", heartbeat),
        ("read a task", task_call("GET", "/v1/tasks/{task_id}")),
    ] {
        clock.advance(SignedDuration::from_secs(1));
        reports.handle(call.build()).await.unwrap();
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
