//! Messages of an SQS queue.

use aws_lambda_events::sqs::SqsEvent;
use stockline_application::ports::queue::QueueRecord;

/// The messages of a queue event, in order.
pub fn queue_records(event: SqsEvent) -> Vec<QueueRecord> {
    event
        .records
        .into_iter()
        .map(|message| QueueRecord {
            message_id: message.message_id.unwrap_or_default(),
            group: message.attributes.get("MessageGroupId").cloned(),
            receipt: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            receive_count: message
                .attributes
                .get("ApproximateReceiveCount")
                .and_then(|count| count.parse().ok())
                .unwrap_or(1),
        })
        .collect()
}
