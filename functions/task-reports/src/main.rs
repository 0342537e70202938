//! `task-reports`: handles controllers' reports and heartbeats and reads tasks, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod body;
mod handler;

use stockline_application::controller_heartbeats::ControllerRegistry;
use stockline_application::location_cache::LocationCache;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::{DynamoCompletions, DynamoTasks};
use stockline_platform::edge::serve;
use stockline_platform::environment::{required, required_list};
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
    let catalog = DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?);
    let registry = ControllerRegistry::new(
        required_list("CONTROLLER_IDS")?,
        LocationCache::new(catalog, SystemClock),
    );
    let queue = SqsTaskQueue::new(aws.sqs(), required("TASKS_QUEUE_URL")?);
    tasks.warm_up().await;
    let reports = TaskReports::new(tasks, completions, queue, registry, SystemClock);
    serve(|call| reports.handle(call)).await
}
