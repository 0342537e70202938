//! `task-dispatch`: leases each queued task to a live controller of its zone.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_application::task_dispatch::TaskDispatcher;
use stockline_platform::batch::serve_queue;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_platform::environment::required;
use stockline_platform::sqs::{SqsControllerQueues, SqsSource};
use stockline_platform::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let tasks = DynamoTasks::new(aws.dynamodb(), required("TASKS_TABLE")?);
    let queues = SqsControllerQueues::new(aws.sqs(), required("CONTROLLER_QUEUE_URL_PREFIX")?);
    let source = SqsSource::new(
        aws.sqs(),
        required("TASKS_QUEUE_URL")?,
        required("TASKS_DLQ_URL")?,
    );
    tasks.warm_up().await;
    let dispatcher = TaskDispatcher {
        tasks,
        queues,
        clock: SystemClock,
    };
    let handle = |record| handler::handle(&dispatcher, record);
    Box::pin(serve_queue(source, handle)).await
}
