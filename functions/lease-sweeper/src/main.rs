//! `lease-sweeper`: takes tasks back from lost controllers, every minute.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;
use stockline_application::lease_sweep::LeaseSweeper;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_platform::environment::required;
use stockline_platform::sqs::SqsTaskQueue;
use stockline_platform::telemetry;
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let aws = Aws::from_env()?;
    let sweeper = &LeaseSweeper {
        tasks: DynamoTasks::new(aws.dynamodb(), required("TASKS_TABLE")?),
        catalog: DynamoCatalog::new(aws.dynamodb(), required("CATALOG_TABLE")?),
        queue: SqsTaskQueue::new(aws.sqs(), required("TASKS_QUEUE_URL")?),
        clock: SystemClock,
    };
    // The scheduled event has no content.
    run(service_fn(|event: LambdaEvent<IgnoredAny>| async move {
        let span = telemetry::invocation(&event.context.request_id);
        Box::pin(handler::handle(sweeper))
            .instrument(span)
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
