//! After closing time: what the orders set in motion comes to rest, or the demo says what did not.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
use stockline_platform::clients::Aws;
use stockline_simulators::slack::Slack;
use tokio::time::{Instant, sleep};
use xtask::progress::Step;
use xtask::status::Cloud;

use super::alerts::Alerts;
use super::audit::rows::Snapshot;
use super::audit::{open_lines, scan, unrecorded};
use super::error::{DemoError, Result};
use super::warehouse::Warehouse;

/// How long movements, alerts and tasks may take after the last order.
const PATIENCE: Duration = Duration::from_mins(2);

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What has come to rest.
pub struct Drained {
    /// The tables.
    pub snapshot: Snapshot,
    /// The alerts.
    pub alerts: Alerts,
}

/// Waits until every movement is written, every alert sent and shown, and every task done.
pub async fn drain(
    cloud: &Cloud,
    aws: &Aws,
    slack: &Slack,
    warehouse: &Warehouse,
    step: &mut Step,
) -> Result<Drained> {
    let dynamodb = aws.dynamodb();
    let sqs = aws.sqs();
    let replenishment = queue(cloud, "replenishment")?;
    let mut alerts = Alerts::default();
    let start = Instant::now();
    loop {
        alerts.collect(&sqs, replenishment).await?;
        let snapshot = scan::snapshot(&dynamodb, cloud).await?;
        let open = Open {
            levels: unrecorded(&snapshot),
            lines: open_lines(&snapshot),
            alerts: alerts.missing(&snapshot).len(),
            messages: unshown(slack, &alerts),
        };
        if open.is_nothing() {
            return Ok(Drained { snapshot, alerts });
        }
        if start.elapsed() > PATIENCE {
            let troubles: Vec<String> = warehouse
                .logs()
                .into_iter()
                .flat_map(|log| log.troubles)
                .take(3)
                .collect();
            let detail = format!(
                "{}; {}{}",
                open.text(),
                alerts.missing(&snapshot).join(", "),
                troubles.join("; ")
            );
            return Err(DemoError::Late {
                what: "movements, alerts and tasks did not all come to rest",
                detail,
                waited: PATIENCE,
            });
        }
        step.note(start.elapsed(), &open.text());
        sleep(BETWEEN_LOOKS).await;
    }
}

/// What is not at rest yet.
struct Open {
    levels: usize,
    lines: usize,
    alerts: usize,
    messages: usize,
}

impl Open {
    fn is_nothing(&self) -> bool {
        self.levels + self.lines + self.alerts + self.messages == 0
    }

    fn text(&self) -> String {
        format!(
            "waiting for the movements of {} levels, {} lines in the warehouse, {} alerts, {} of them in Slack",
            self.levels, self.lines, self.alerts, self.messages
        )
    }
}

/// Alerts that no message in Slack names.
fn unshown(slack: &Slack, alerts: &Alerts) -> usize {
    let shown = slack
        .received()
        .messages
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    alerts.unnamed(&shown)
}

/// Messages that lie in dead-letter queues, by queue: there should be none.
pub async fn dead_letters(cloud: &Cloud, sqs: &Sqs) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let dead = cloud
        .queues
        .iter()
        .filter(|(name, _)| name.ends_with("-dlq") || name.ends_with("-failures"));
    for (name, url) in dead {
        let asked = sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(ApproximateNumberOfMessages);
        let answer = asked
            .send()
            .await
            .map_err(DemoError::aws(format!("looking into {name}")))?;
        let count = answer
            .attributes()
            .and_then(|attributes| attributes.get(&ApproximateNumberOfMessages)?.parse().ok());
        if let Some(count) = count.filter(|count| *count > 0) {
            found.insert(name.clone(), count);
        }
    }
    Ok(found)
}

fn queue<'a>(cloud: &'a Cloud, name: &str) -> Result<&'a str> {
    let url = cloud.queues.get(name).map(String::as_str);
    url.ok_or_else(|| DemoError::Unexpected(format!("the cloud has no queue `{name}`")))
}
