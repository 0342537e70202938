//! `task-reports`: handles controllers' reports and heartbeats and reads tasks, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod body;
mod handler;

use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::tasks::{DynamoCompletions, DynamoTasks};
use stockline_platform::edge::serve;
use stockline_platform::environment::required;
use stockline_platform::sqs::SqsTaskQueue;
use stockline_platform::telemetry;

use crate::handler::TaskReports;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let tasks_table = required("TASKS_TABLE")?;
    let completions = DynamoCompletions::new(
        aws.dynamodb(),
        tasks_table.clone(),
        required("ORDERS_TABLE")?,
        required("STOCK_TABLE")?,
    );
    let tasks = DynamoTasks::new(aws.dynamodb(), tasks_table);
    let queue = SqsTaskQueue::new(aws.sqs(), required("TASKS_QUEUE_URL")?);
    tasks.warm_up().await;
    let reports = TaskReports::new(tasks, completions, queue, SystemClock);
    serve(|call| reports.handle(call)).await
}
