//! Alerts to SNS, with the attributes that subscribers filter by.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::types::MessageAttributeValue;

use crate::ports::alerts::{AlertMessage, AlertPublisher};
use crate::store_error::StoreError;

/// The topic that alerts are published on.
#[derive(Debug, Clone)]
pub struct SnsAlerts {
    client: Client,
    topic_arn: String,
}

impl SnsAlerts {
    /// On the topic `topic_arn`.
    pub fn new(client: Client, topic_arn: String) -> Self {
        Self { client, topic_arn }
    }
}

impl AlertPublisher for SnsAlerts {
    async fn publish(&self, alert: &AlertMessage) -> Result<(), StoreError> {
        const DOING: &str = "publish an alert";
        let message = serde_json::to_string(alert).map_err(StoreError::failed(DOING))?;
        let mut publish = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .message(message);
        for (name, value) in attributes(alert) {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(StoreError::failed(DOING))?;
            publish = publish.message_attributes(name, value);
        }
        match publish.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.code(),
                    Some("Throttled" | "ThrottledException" | "Throttling" | "ThrottlingException")
                ) =>
            {
                Err(StoreError::Busy)
            }
            Err(error) => Err(StoreError::failed(DOING)(error)),
        }
    }
}

/// What a subscriber can filter by.
fn attributes(alert: &AlertMessage) -> [(&'static str, &str); 3] {
    [
        ("location_id", alert.data.location_id.as_str()),
        ("severity", alert.data.severity.as_str()),
        ("kind", alert.data.kind.as_str()),
    ]
}
