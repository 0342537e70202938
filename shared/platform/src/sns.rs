//! SNS: the topics `stock-alerts` and `operations`.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::publish::{PublishError, PublishOutput};
use aws_sdk_sns::types::MessageAttributeValue;

use stockline_application::ports::alerts::{AlertMessage, AlertPublisher};
use stockline_application::ports::operations::{AuditMessage, OperationsTopic};
use stockline_application::store_error::StoreError;

/// The topic `stock-alerts`.
#[derive(Debug, Clone)]
pub struct SnsAlerts {
    client: Client,
    topic_arn: String,
}

impl SnsAlerts {
    /// Publishes to the topic `topic_arn`.
    pub fn new(client: Client, topic_arn: String) -> Self {
        Self { client, topic_arn }
    }
}

/// The topic `operations`.
#[derive(Debug, Clone)]
pub struct SnsOperations {
    client: Client,
    topic_arn: String,
}

impl SnsOperations {
    /// Publishes to the topic `topic_arn`.
    pub fn new(client: Client, topic_arn: String) -> Self {
        Self { client, topic_arn }
    }
}

impl OperationsTopic for SnsOperations {
    async fn publish(&self, message: &AuditMessage) -> Result<(), StoreError> {
        const OPERATION: &str = "publish an audit report";
        let text = serde_json::to_string(message).map_err(StoreError::failed(OPERATION))?;
        let published = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            // The subject of the e-mails to subscribers.
            .subject(format!(
                "Stockline audit: {} levels differ, {} undecided",
                message.data.confirmed, message.data.undecided
            ))
            .message(text)
            .send()
            .await;
        classify(published, OPERATION)
    }
}

impl AlertPublisher for SnsAlerts {
    async fn publish(&self, alert: &AlertMessage) -> Result<(), StoreError> {
        const OPERATION: &str = "publish an alert";
        let message = serde_json::to_string(alert).map_err(StoreError::failed(OPERATION))?;
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
                .map_err(StoreError::failed(OPERATION))?;
            publish = publish.message_attributes(name, value);
        }
        classify(publish.send().await, OPERATION)
    }
}

/// Throttling is [`StoreError::Busy`]; any other error is a failure of `operation`.
fn classify(
    published: Result<PublishOutput, SdkError<PublishError>>,
    operation: &'static str,
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
        Err(error) => Err(StoreError::failed(operation)(error)),
    }
}

/// The message attributes. Filter policies of subscriptions use them.
fn attributes(alert: &AlertMessage) -> [(&'static str, &str); 3] {
    [
        ("location_id", alert.data.location_id.as_str()),
        ("severity", alert.data.severity.as_str()),
        ("kind", alert.data.kind.as_str()),
    ]
}
