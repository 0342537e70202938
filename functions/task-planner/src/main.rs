//! `task-planner`: plans the tasks of new orders and cancels those of closed lines, from the orders stream.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_application::location_cache::LocationCache;
use stockline_application::task_planning::TaskPlanner;
use stockline_platform::batch::serve_stream;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::order_change;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_platform::environment::required;
use stockline_platform::sqs::{SqsControllerQueues, SqsTaskQueue};
use stockline_platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let tasks = DynamoTasks::new(aws.dynamodb(), required("TASKS_TABLE")?);
    let catalog = DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?);
    let queue_prefix = required("CONTROLLER_QUEUE_URL_PREFIX")?;
    tasks.warm_up().await;
    let planner = TaskPlanner {
        tasks,
        queue: SqsTaskQueue::new(aws.sqs(), required("TASKS_QUEUE_URL")?),
        controllers: SqsControllerQueues::new(aws.sqs(), queue_prefix),
        locations: LocationCache::new(catalog, SystemClock),
        clock: SystemClock,
    };
    let handle = |change| handler::handle(&planner, change);
    Box::pin(serve_stream(order_change, handle)).await
}
