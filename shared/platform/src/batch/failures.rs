//! The records of a batch that the event source delivers again (`ReportBatchItemFailures`).

use std::time::Duration;

use aws_lambda_events::sqs::SqsBatchResponse;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};

/// The records of a batch that did not succeed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchFailures {
    failed: Vec<String>,
    delayed: Vec<(String, Duration)>,
}

impl BatchFailures {
    /// The identifiers of the records to deliver again.
    pub fn failures(&self) -> Vec<&str> {
        self.failed.iter().map(String::as_str).collect()
    }

    /// Those of them that asked for a delay of their own.
    pub fn delayed(&self) -> &[(String, Duration)] {
        &self.delayed
    }

    pub(super) fn add(&mut self, id: &str, delay: Option<Duration>) {
        self.failed.push(id.to_owned());
        self.delayed
            .extend(delay.map(|delay| (id.to_owned(), delay)));
    }

    /// The response to a batch of a queue.
    pub fn into_queue_response(self) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        response.set_failures(self.failed);
        response
    }

    /// The response to a batch of a stream.
    pub fn into_stream_response(self) -> DynamoDbEventResponse {
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures = self.failed.into_iter().map(stream_failure).collect();
        response
    }
}

fn stream_failure(sequence: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence);
    failure
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn responses_name_failed_records_only() {
        let mut failures = BatchFailures::default();
        failures.add("7", None);
        failures.add("8", Some(Duration::from_secs(5)));
        let expected =
            json!({"batchItemFailures": [{"itemIdentifier": "7"}, {"itemIdentifier": "8"}]});
        let queue = serde_json::to_value(failures.clone().into_queue_response()).unwrap();
        assert_eq!(queue, expected);
        let stream = serde_json::to_value(failures.into_stream_response()).unwrap();
        assert_eq!(stream, expected);
    }
}
