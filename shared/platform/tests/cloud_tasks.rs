//! The task store on DynamoDB conforms, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use jiff::Timestamp;
use stockline_application::ports::tasks::TaskStore;
use stockline_application::task_reports::ReportRequest;
use stockline_application::task_reports::{ReportOutcome, settle_report};
use stockline_domain::catalog::Zone;
use stockline_domain::order::OrderStatus;
use stockline_domain::task::{Report, ReportedState, Task, TaskState};
use stockline_platform::dynamodb::tasks::{DynamoCompletions, DynamoTasks};
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::tasks::{TaskOrders, Warehouse, deadline, operations_caller};
use stockline_testkit::conformance_tests;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::lossy_connection::LossyConnection;
use stockline_testkit::orders::order;

conformance_tests!(tasks, dynamodb, warehouse().await);

async fn warehouse() -> Option<Warehouse<DynamoTasks, DynamoCompletions, DynamoShop>> {
    let cloud = TestCloud::find()?;
    let connection = LossyConnection::new();
    Some(warehouse_over(&cloud, "tasks", &connection).await)
}

/// An empty warehouse. The stores of tasks and completions use `connection`, the orders do not.
async fn warehouse_over(
    cloud: &TestCloud,
    test: &str,
    connection: &LossyConnection,
) -> Warehouse<DynamoTasks, DynamoCompletions, DynamoShop> {
    let tasks_table = cloud.table(test, Table::Tasks).await;
    let orders_table = cloud.table(test, Table::Orders).await;
    let stock_table = cloud.table(test, Table::Stock).await;
    let lossy = cloud.aws_over(connection).dynamodb();
    let client = cloud.aws().dynamodb();
    let orders = DynamoShop::new(
        client.clone(),
        client,
        orders_table.clone(),
        stock_table.clone(),
    );
    let tasks = DynamoTasks::new(lossy.clone(), tasks_table.clone());
    let completions = DynamoCompletions::new(lossy, tasks_table, orders_table, stock_table);
    Warehouse {
        tasks,
        completions,
        orders,
    }
}

#[tokio::test]
async fn task_with_lost_responses_completes_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let Warehouse {
        tasks,
        completions,
        orders,
    } = warehouse_over(&cloud, "tasks-lost", &connection).await;
    // given a planned task
    orders.stock("hub", "milk", 5).await;
    let order = order("lost", "hub", "online", &[("milk", 2)]);
    orders.place(&order).await;
    let zone = Zone {
        zone_id: "dry".parse().unwrap(),
        aisles: 3,
    };
    let now: Timestamp = "2026-03-01T12:01:00Z".parse().unwrap();
    let planned = Task::plan(&order, &[zone], now).remove(0);
    // when the response to every write is lost
    connection.lose_next(1);
    tasks.add(&planned).await.unwrap();
    let leased = planned
        .lease(&"controller-1".parse().unwrap(), now)
        .unwrap();
    connection.lose_next(1);
    assert!(tasks.replace(&planned, &leased).await.unwrap());
    let in_progress = Task {
        state: TaskState::InProgress,
        version: leased.version + 1,
        ..leased.clone()
    };
    assert!(tasks.replace(&leased, &in_progress).await.unwrap());
    let report = Report {
        lease_id: 1,
        report_seq: 1,
        state: ReportedState::Completed,
        error: None,
        occurred_at: now,
    };
    connection.lose_next_of("TransactWriteItems", 2);
    for _ in 0..2 {
        let settled = settle_report(
            &tasks,
            &completions,
            ReportRequest {
                task: planned.task_id,
                caller: &operations_caller(),
                report: &report,
                at: now,
                deadline: deadline(),
            },
        )
        .await;
        let Ok(ReportOutcome::Applied(task)) = settled else {
            panic!("the report does not count: {settled:?}");
        };
        assert_eq!(task.state, TaskState::Completed);
    }
    // then the task has moved its stock once
    assert_eq!(connection.lost_count(), 4);
    assert_eq!(orders.level("hub", "milk").await, (3, 0));
    assert_eq!(
        orders.order(order.order_id).await.status,
        OrderStatus::Fulfilled
    );
}
