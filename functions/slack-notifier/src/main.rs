//! `slack-notifier`: posts stock alerts to Slack, one message for each batch.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod card;
mod handler;

use stockline_application::ports::queue::QueueRecord;
use stockline_platform::batch::serve_queue_batch;
use stockline_platform::clients::Aws;
use stockline_platform::environment::required;
use stockline_platform::slack::{PACE, SlackWebhook};
use stockline_platform::sqs::SqsSource;
use stockline_platform::telemetry;

use crate::card::SlackFormat;
use crate::handler::SlackNotifier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let slack = SlackWebhook::new(required("SLACK_WEBHOOK_URL")?, PACE)?;
    let format = SlackFormat {
        dashboard_url: required("DASHBOARD_URL")?,
    };
    let notifier = SlackNotifier::new(slack, format);
    let notifier = &notifier;
    let source = SqsSource::new(
        Aws::from_env()?.sqs(),
        required("SLACK_ALERTS_QUEUE_URL")?,
        required("SLACK_ALERTS_DLQ_URL")?,
    );
    let handle = |records: Vec<QueueRecord>| async move { notifier.handle(&records).await };
    Box::pin(serve_queue_batch(source, handle)).await
}
