//! `lease-sweeper`: takes tasks back from lost controllers, every minute.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_platform::environment::required;
use stockline_platform::sqs::SqsTaskQueue;
use stockline_platform::telemetry;
use tracing::Instrument;

use crate::handler::LeaseSweeper;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let tasks = DynamoTasks::new(aws.dynamodb(), required("TASKS_TABLE")?);
    let catalog = DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?);
    let queue = SqsTaskQueue::new(aws.sqs(), required("TASKS_QUEUE_URL")?);
    let sweeper = &LeaseSweeper::new(tasks, catalog, queue, SystemClock);
    // The scheduled event has no content.
    run(service_fn(|event: LambdaEvent<IgnoredAny>| async move {
        let span = telemetry::invocation(&event.context.request_id);
        Ok::<_, Error>(Box::pin(sweeper.sweep()).instrument(span).await?)
    }))
    .await
}
