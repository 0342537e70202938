//! The task store on DynamoDB does what every task store must, also when responses are lost.
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
use stockline_testkit::conformance::tasks::{Orders, all, anybody, deadline};
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::lost_response::LosesResponses;
use stockline_testkit::orders::order;

async fn stores(
    cloud: &TestCloud,
    test: &str,
    connection: &LosesResponses,
) -> (DynamoTasks, DynamoCompletions, DynamoShop) {
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
    (tasks, completions, orders)
}

#[tokio::test]
async fn tasks_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let (tasks, completions, orders) = stores(&cloud, "tasks", &LosesResponses::new()).await;
    all(&tasks, &completions, &orders).await;
}

#[tokio::test]
async fn a_task_completes_once_when_the_answer_to_each_write_is_lost() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let (tasks, completions, orders) = stores(&cloud, "lost-tasks", &connection).await;
    // given a task that a controller has
    orders.stock("hub", "milk", 5).await;
    let order = order("lost", "hub", "online", &[("milk", 2)]);
    orders.place(&order).await;
    let zone = Zone {
        zone_id: "dry".parse().unwrap(),
        aisles: 3,
    };
    let now: Timestamp = "2026-03-01T12:01:00Z".parse().unwrap();
    let planned = Task::plan(&order, &[zone], now).remove(0);
    // when the answer to every write is lost on the way
    connection.lose_next(1);
    tasks.add(&planned).await.unwrap();
    let leased = planned
        .lease(&"controller-1".parse().unwrap(), now)
        .unwrap();
    connection.lose_next(1);
    assert!(tasks.replace(&planned, &leased).await.unwrap());
    let before = Task {
        state: TaskState::InProgress,
        version: leased.version + 1,
        ..leased.clone()
    };
    assert!(tasks.replace(&leased, &before).await.unwrap());
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
                caller: &anybody(),
                report: &report,
                at: now,
                deadline: deadline(),
            },
        )
        .await;
        let Ok(ReportOutcome::Applied(task)) = settled else {
            panic!("it did not count: {settled:?}");
        };
        assert_eq!(task.state, TaskState::Completed);
    }
    // then it moved its stock once
    assert_eq!(connection.lost(), 4);
    assert_eq!(orders.level("hub", "milk").await, (3, 0));
    assert_eq!(
        orders.order(order.order_id).await.status,
        OrderStatus::Fulfilled
    );
}
