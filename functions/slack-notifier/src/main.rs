//! `slack-notifier`: posts stock alerts to Slack, one message for each batch.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod card;
mod handler;

use stockline_platform::batch::serve_queue_batch;
use stockline_platform::environment::required;
use stockline_platform::slack::{PACE, SlackWebhook};
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
    serve_queue_batch(|records| async move { notifier.handle(&records).await }).await
}
