//! After the last order: waits until all movements, alerts and tasks that the orders caused are complete.

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
use super::audit::{count_open_lines, count_unordered, count_unrecorded, scan};
use super::error::{DemoError, Result};
use super::warehouse::Warehouse;

/// How long movements, alerts and tasks may take after the last order.
const DRAIN_TIMEOUT: Duration = Duration::from_mins(2);

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The final state of the day.
pub struct Drained {
    /// The content of the tables.
    pub snapshot: Snapshot,
    pub alerts: Alerts,
}

/// The simulators around the system: Slack, which receives alerts, and the warehouse, whose controllers execute tasks.
pub struct Surroundings<'a> {
    pub slack: &'a Slack,
    pub warehouse: &'a Warehouse,
    /// The alerts, subscribed to before the day.
    pub alerts: Alerts,
}

/// Waits until every movement is recorded, every alert is sent and shown in Slack, every low level is reordered, and every
/// task is complete.
pub async fn drain(
    cloud: &Cloud,
    aws: &Aws,
    surroundings: Surroundings<'_>,
    step: &mut Step,
) -> Result<Drained> {
    let Surroundings {
        slack,
        warehouse,
        mut alerts,
    } = surroundings;
    let dynamodb = aws.dynamodb();
    let start = Instant::now();
    loop {
        alerts.collect().await?;
        let snapshot = scan::snapshot(&dynamodb, cloud).await?;
        let pending = Pending {
            levels: count_unrecorded(&snapshot),
            lines: count_open_lines(&snapshot),
            alerts: alerts.missing(&snapshot).len(),
            slack_messages: count_not_in_slack(slack, &alerts),
            orders: count_unordered(&snapshot),
        };
        if pending.is_empty() {
            return Ok(Drained { snapshot, alerts });
        }
        if start.elapsed() > DRAIN_TIMEOUT {
            let troubles: Vec<String> = warehouse
                .logs()
                .into_iter()
                .flat_map(|log| log.errors)
                .take(3)
                .collect();
            let detail = format!(
                "{}; {}{}",
                pending.text(),
                alerts.missing(&snapshot).join(", "),
                troubles.join("; ")
            );
            return Err(DemoError::Timeout {
                what: "movements, alerts and tasks were not all complete",
                detail,
                waited: DRAIN_TIMEOUT,
            });
        }
        step.note(start.elapsed(), &pending.text());
        sleep(POLL_INTERVAL).await;
    }
}

/// The work that is not complete yet.
struct Pending {
    /// Levels whose movements are not all recorded.
    levels: usize,
    /// Order lines that the warehouse has not fulfilled.
    lines: usize,
    /// Levels without their alert.
    alerts: usize,
    /// Alerts that Slack does not show.
    slack_messages: usize,
    /// Low levels without a replenishment order.
    orders: usize,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.levels + self.lines + self.alerts + self.slack_messages + self.orders == 0
    }

    fn text(&self) -> String {
        format!(
            "waiting for the movements of {} levels, {} lines in the warehouse, {} alerts, {} alerts in Slack, {} replenishment orders",
            self.levels, self.lines, self.alerts, self.slack_messages, self.orders
        )
    }
}

/// The number of alerts whose SKU is in no Slack message.
fn count_not_in_slack(slack: &Slack, alerts: &Alerts) -> usize {
    let shown = slack
        .received()
        .messages
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    alerts.count_missing_from(&shown)
}

/// The number of messages in each dead-letter queue that is not empty.
pub async fn dead_letters(cloud: &Cloud, sqs: &Sqs) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let queues = cloud
        .queues
        .iter()
        .filter(|(name, _)| name.ends_with("-dlq") || name.ends_with("-failures"));
    for (name, url) in queues {
        let request = sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(ApproximateNumberOfMessages);
        let response = request
            .send()
            .await
            .map_err(DemoError::aws(format!("reading the length of {name}")))?;
        let count = response
            .attributes()
            .and_then(|attributes| attributes.get(&ApproximateNumberOfMessages)?.parse().ok());
        if let Some(count) = count.filter(|count| *count > 0) {
            found.insert(name.clone(), count);
        }
    }
    Ok(found)
}
