//! SQS: the queue of tasks for `task-dispatch`, the queues of the controllers, and the consumer side of a queue.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use stockline_domain::ids::ControllerId;
use stockline_domain::task::Task;
use uuid::Uuid;

use stockline_application::message::Envelope;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::queue::QueueSource;
use stockline_application::ports::replenishment::ReorderQueue;
use stockline_application::ports::tasks::{ControllerCommand, ControllerQueues, TaskQueue};
use stockline_application::reorder_messages::ReorderMessage;
use stockline_application::store_error::StoreError;
use stockline_application::task_messages::{
    QueuedTask, TASK_COMMAND, TASK_MESSAGE_VERSION, TASK_QUEUED, TaskCommand,
};
use stockline_application::trace::Cause;

/// A message to a FIFO queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FifoMessage {
    /// The message group. SQS delivers the messages of one group in order.
    pub group: String,
    /// SQS drops a second message with the same id within five minutes.
    pub deduplication_id: String,
    /// The envelope as JSON.
    pub body: String,
}

impl FifoMessage {
    /// The message that `task` is queued at `now`. One message group per aisle, so that tasks of one aisle stay in order.
    pub fn queued(task: &Task, now: Timestamp) -> Result<Self, StoreError> {
        // A group id has at most 128 characters, and the ids together may have more: hash them.
        let aisle = format!("{}#{}#{}", task.location_id, task.zone_id, task.aisle);
        let group = Uuid::new_v5(&Uuid::NAMESPACE_OID, aisle.as_bytes()).to_string();
        let attempt = format!("{}#{}", task.task_id, task.attempt);
        let deduplication_id = match task.send_round(now) {
            0 => attempt,
            round => format!("{attempt}#{round}"),
        };
        let data = QueuedTask {
            task_id: task.task_id,
        };
        Self {
            group,
            deduplication_id,
            body: String::new(),
        }
        .with_body(TASK_QUEUED, data, task, now)
    }

    /// The command, sent at `now`, to the controller that holds the lease of `task`.
    pub fn command(
        command: ControllerCommand,
        task: &Task,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let verb = match command {
            ControllerCommand::Execute => "execute",
            ControllerCommand::Cancel => "cancel",
        };
        let deduplication_id = format!("{}#{}#{verb}", task.task_id, task.lease_id);
        let data = TaskCommand::new(command, task, now);
        Self {
            group: task.task_id.to_string(),
            deduplication_id,
            body: String::new(),
        }
        .with_body(TASK_COMMAND, data, task, now)
    }

    /// Sets the body to an envelope of `data` on `task`, sent at `now`.
    fn with_body<T: Serialize>(
        self,
        type_: &str,
        data: T,
        task: &Task,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let cause = Cause::current();
        let envelope = Envelope {
            type_: type_.to_owned(),
            version: TASK_MESSAGE_VERSION,
            id: Uuid::new_v5(&task.task_id.as_uuid(), self.deduplication_id.as_bytes()),
            occurred_at: now,
            // A task that the lease sweeper queues again has no request. Its order is the next best id to search the logs for.
            correlation_id: cause
                .correlation_id()
                .map_or_else(|| task.order_id.to_string(), str::to_owned),
            traceparent: cause.traceparent().cloned(),
            data,
        };
        let body =
            serde_json::to_string(&envelope).map_err(StoreError::failed("write a message"))?;
        Ok(Self { body, ..self })
    }
}

/// The queue that `task-dispatch` consumes.
#[derive(Debug, Clone)]
pub struct SqsTaskQueue {
    client: Client,
    queue_url: String,
}

impl SqsTaskQueue {
    /// Sends to the FIFO queue at `queue_url`.
    pub fn new(client: Client, queue_url: String) -> Self {
        Self { client, queue_url }
    }
}

impl TaskQueue for SqsTaskQueue {
    async fn enqueue(&self, task: &Task, now: Timestamp) -> Result<(), StoreError> {
        send(
            &self.client,
            &self.queue_url,
            FifoMessage::queued(task, now)?,
        )
        .await?;
        count(Metric::TasksQueued, 1);
        Ok(())
    }
}

/// The command queues, one per controller.
#[derive(Debug, Clone)]
pub struct SqsControllerQueues {
    client: Client,
    url_prefix: String,
}

impl SqsControllerQueues {
    /// Sends to the FIFO queues at `<url_prefix><controller_id>.fifo`.
    pub fn new(client: Client, url_prefix: String) -> Self {
        Self { client, url_prefix }
    }
}

impl ControllerQueues for SqsControllerQueues {
    async fn send(
        &self,
        controller: &ControllerId,
        command: ControllerCommand,
        task: &Task,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let url = format!("{}{controller}.fifo", self.url_prefix);
        send(
            &self.client,
            &url,
            FifoMessage::command(command, task, now)?,
        )
        .await
    }
}

/// The queue `replenishment`.
#[derive(Debug, Clone)]
pub struct SqsReorders {
    client: Client,
    queue_url: String,
}

impl SqsReorders {
    /// Sends to the queue at `queue_url`.
    pub fn new(client: Client, queue_url: String) -> Self {
        Self { client, queue_url }
    }
}

impl ReorderQueue for SqsReorders {
    async fn request(&self, message: &ReorderMessage) -> Result<(), StoreError> {
        const OPERATION: &str = "ask for a replenishment order";
        let body = serde_json::to_string(message).map_err(StoreError::failed(OPERATION))?;
        self.client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(body)
            .send()
            .await
            .map_err(StoreError::failed(OPERATION))?;
        Ok(())
    }
}

/// A queue and its dead-letter queue, for the consumer of the queue.
#[derive(Debug, Clone)]
pub struct SqsSource {
    client: Client,
    queue_url: String,
    dead_letter_url: String,
}

impl SqsSource {
    /// Consumes the queue at `queue_url` and copies rejected messages to `dead_letter_url`.
    pub fn new(client: Client, queue_url: String, dead_letter_url: String) -> Self {
        Self {
            client,
            queue_url,
            dead_letter_url,
        }
    }
}

impl QueueSource for SqsSource {
    async fn delay(&self, messages: &[(String, Duration)]) -> Result<(), StoreError> {
        // One request per message, not a batch: for the batch the local cloud requires a permission that AWS does not have.
        let requests = messages.iter().map(|(receipt, delay)| {
            self.client
                .change_message_visibility()
                .queue_url(&self.queue_url)
                .receipt_handle(receipt)
                .visibility_timeout(i32::try_from(delay.as_secs()).unwrap_or(i32::MAX))
                .send()
        });
        try_join_all(requests)
            .await
            .map_err(StoreError::failed("change the visibility of messages"))?;
        Ok(())
    }

    async fn dead_letter(&self, record: &QueueRecord, reason: &str) -> Result<(), StoreError> {
        const OPERATION: &str = "send a message to the dead-letter queue";
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(StoreError::failed(OPERATION))?;
        self.client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .set_message_group_id(record.group.clone())
            // A standard queue accepts no deduplication id.
            .set_message_deduplication_id(record.group.as_ref().map(|_| record.message_id.clone()))
            .message_attributes("reason", reason)
            .message_body(&record.body)
            .send()
            .await
            .map_err(StoreError::failed(OPERATION))?;
        Ok(())
    }
}

async fn send(client: &Client, queue_url: &str, message: FifoMessage) -> Result<(), StoreError> {
    client
        .send_message()
        .queue_url(queue_url)
        .message_group_id(message.group)
        .message_deduplication_id(message.deduplication_id)
        .message_body(message.body)
        .send()
        .await
        .map_err(StoreError::failed("send a message to a queue"))?;
    Ok(())
}
