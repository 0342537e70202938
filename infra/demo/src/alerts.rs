//! The alerts of the day, read from a queue of the demo that subscribes to the alerts topic.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;
use serde_json::json;
use stockline_platform::clients::Aws;
use xtask::status::Cloud;

use super::audit::rows::{LevelRow, Snapshot};
use super::error::{DemoError, Result};

/// The received alerts by message id. SQS may deliver a message twice.
#[derive(Debug)]
pub struct Alerts {
    sqs: Client,
    queue_url: String,
    received: BTreeMap<String, Alert>,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    id: String,
    data: Alert,
}

#[derive(Debug, Deserialize)]
struct Alert {
    location_id: String,
    sku: String,
    kind: String,
}

impl Alerts {
    /// Creates a queue that receives every alert of a low level from now on.
    pub async fn subscribe(cloud: &Cloud, aws: &Aws) -> Result<Self> {
        let topic = cloud.topics.get("stock-alerts");
        let topic = topic
            .ok_or_else(|| DemoError::Unexpected("the cloud has no topic `stock-alerts`".into()))?;
        let name = format!("{}-demo-alerts", cloud.prefix);
        let (region, account) = (&cloud.region, &cloud.account_id);
        let queue_arn = format!("arn:aws:sqs:{region}:{account}:{name}");
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }],
        });
        let sqs = aws.sqs();
        let create = sqs
            .create_queue()
            .queue_name(&name)
            .attributes(QueueAttributeName::Policy, policy.to_string());
        let created = create
            .send()
            .await
            .map_err(DemoError::aws("creating the queue of the demo"))?;
        let queue_url = created.queue_url.ok_or_else(|| {
            DemoError::Unexpected(format!("the queue {name} was created without a URL"))
        })?;
        let filter = json!({"kind": ["low", "out_of_stock"]});
        let sns = aws.sns();
        let subscribe = sns
            .subscribe()
            .topic_arn(topic)
            .protocol("sqs")
            .endpoint(&queue_arn)
            .attributes("RawMessageDelivery", "true")
            .attributes("FilterPolicy", filter.to_string());
        subscribe
            .send()
            .await
            .map_err(DemoError::aws("subscribing to the alerts"))?;
        Ok(Self {
            sqs,
            queue_url,
            received: BTreeMap::new(),
        })
    }

    /// Receives and deletes all messages in the queue.
    pub async fn collect(&mut self) -> Result<()> {
        loop {
            let receive = self
                .sqs
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(10)
                .wait_time_seconds(0);
            let messages = receive
                .send()
                .await
                .map_err(DemoError::aws("receiving alerts"))?
                .messages
                .unwrap_or_default();
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages {
                let body = message.body.unwrap_or_default();
                let envelope: Envelope = serde_json::from_str(&body).map_err(|error| {
                    DemoError::Unexpected(format!("an alert cannot be read ({error}): {body}"))
                })?;
                self.received.insert(envelope.id, envelope.data);
                let delete = self
                    .sqs
                    .delete_message()
                    .queue_url(&self.queue_url)
                    .set_receipt_handle(message.receipt_handle);
                delete
                    .send()
                    .await
                    .map_err(DemoError::aws("deleting an alert"))?;
            }
        }
    }

    /// The number of alerts.
    pub fn count(&self) -> usize {
        self.received.len()
    }

    /// Levels that are low or out of stock without a matching alert.
    pub fn missing(&self, snapshot: &Snapshot) -> Vec<String> {
        let alerted: BTreeSet<(&str, &str, &str)> = self
            .received
            .values()
            .map(|alert| {
                (
                    alert.location_id.as_str(),
                    alert.sku.as_str(),
                    alert.kind.as_str(),
                )
            })
            .collect();
        let levels = snapshot
            .levels
            .iter()
            .filter_map(|level| Some((level, expected_kind(level)?)));
        levels
            .filter(|(level, kind)| !alerted.contains(&(&level.location_id, &level.sku, kind)))
            .map(|(level, kind)| format!("{} at {} is {kind}", level.sku, level.location_id))
            .collect()
    }

    /// The number of alerts whose SKU does not occur in `text`.
    pub fn count_missing_from(&self, text: &str) -> usize {
        self.received
            .values()
            .filter(|alert| !text.contains(&alert.sku))
            .count()
    }

    /// Alerts that were sent more than once. No replenishment arrives during the day, so a level crosses each threshold once.
    pub fn duplicates(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        self.received
            .values()
            .filter(|alert| !seen.insert((&alert.location_id, &alert.sku, &alert.kind)))
            .map(|alert| format!("{} at {} is {}", alert.sku, alert.location_id, alert.kind))
            .collect()
    }
}

/// The kind of the last alert for a level; `None` if it needs none.
fn expected_kind(level: &LevelRow) -> Option<&'static str> {
    if level.available <= 0 {
        return Some("out_of_stock");
    }
    level
        .reorder_point
        .filter(|point| level.available <= *point)
        .map(|_| "low")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_at_its_reorder_point_needs_an_alert() {
        let level = |available, reorder_point| LevelRow {
            available,
            reorder_point,
            ..LevelRow::default()
        };
        assert_eq!(expected_kind(&level(3, Some(3))), Some("low"));
        assert_eq!(expected_kind(&level(4, Some(3))), None);
        assert_eq!(expected_kind(&level(1, None)), None);
        assert_eq!(expected_kind(&level(0, None)), Some("out_of_stock"));
    }
}
