//! Alerts to SNS, with the attributes that subscribers filter by, and reports to operations.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::publish::{PublishError, PublishOutput};
use aws_sdk_sns::types::MessageAttributeValue;

use stockline_application::ports::alerts::{AlertMessage, AlertPublisher};
use stockline_application::ports::operations::{AuditMessage, OperationsTopic};
use stockline_application::store_error::StoreError;

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

/// The topic that the people of operations hear.
#[derive(Debug, Clone)]
pub struct SnsOperations {
    client: Client,
    topic_arn: String,
}

impl SnsOperations {
    /// On the topic `topic_arn`.
    pub fn new(client: Client, topic_arn: String) -> Self {
        Self { client, topic_arn }
    }
}

impl OperationsTopic for SnsOperations {
    async fn publish(&self, message: &AuditMessage) -> Result<(), StoreError> {
        const DOING: &str = "tell operations";
        let text = serde_json::to_string(message).map_err(StoreError::failed(DOING))?;
        let published = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            // What a mail about it is called.
            .subject(format!(
                "Stockline audit: {} levels do not add up, {} undecided",
                message.data.confirmed, message.data.undecided
            ))
            .message(text)
            .send()
            .await;
        sorted(published, DOING)
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
        sorted(publish.send().await, DOING)
    }
}

fn sorted(
    published: Result<PublishOutput, SdkError<PublishError>>,
    doing: &'static str,
) -> Result<(), StoreError> {
    match published {
        Ok(_) => Ok(()),
        Err(error)
            if matches!(
                error.code(),
                Some("Throttled" | "ThrottledException" | "Throttling" | "ThrottlingException")
            ) =>
        {
            Err(StoreError::Busy)
        }
        Err(error) => Err(StoreError::failed(doing)(error)),
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
