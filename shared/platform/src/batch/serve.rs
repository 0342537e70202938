//! Runs a batch handler in Lambda until its execution environment ends.

use std::future::Future;
use std::time::Instant;

use aws_lambda_events::dynamodb::Event as StreamEvent;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Context, Error, LambdaEvent, run, service_fn};
use stockline_application::ports::queue::{QueueRecord, QueueSource};
use stockline_application::record_outcome::RecordOutcome;
use tracing::Instrument;

use super::{
    BatchFailures, StreamRecord, UnreadableRecord, process_queue_batch, process_queue_messages,
    process_stream_records, queue_records, stream_records,
};
use crate::telemetry;

/// Serves a DynamoDB stream: decodes each record and passes its change to `handle`.
pub async fn serve_stream<D, C, H, F>(decode: D, handle: H) -> Result<(), Error>
where
    D: Fn(&StreamRecord) -> Result<Option<C>, UnreadableRecord>,
    H: Fn(C) -> F,
    F: Future<Output = RecordOutcome>,
{
    let (decode, handle) = (&decode, &handle);
    run(service_fn(
        move |event: LambdaEvent<StreamEvent>| async move {
            let records = stream_records(event.payload);
            let count = records.len();
            let work = process_stream_records(records, decode, handle);
            let failures = logged(&event.context, count, work).await;
            Ok::<_, Error>(failures.into_stream_response())
        },
    ))
    .await
}

/// Serves the queue `source`, message by message.
pub async fn serve_queue<Source, H, F>(source: Source, handle: H) -> Result<(), Error>
where
    Source: QueueSource,
    H: Fn(QueueRecord) -> F,
    F: Future<Output = RecordOutcome>,
{
    let (source, handle) = (&source, &handle);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let records = queue_records(event.payload);
        let count = records.len();
        let work = process_queue_messages(records, source, handle);
        let failures = logged(&event.context, count, work).await;
        Ok::<_, Error>(failures.into_queue_response())
    }))
    .await
}

/// Serves the queue `source` batch by batch, for a handler that combines many messages.
///
/// `handle` returns one outcome per message, in their order; a message without one is retried.
pub async fn serve_queue_batch<Source, H, F>(source: Source, handle: H) -> Result<(), Error>
where
    Source: QueueSource,
    H: Fn(Vec<QueueRecord>) -> F,
    F: Future<Output = Vec<RecordOutcome>>,
{
    let (source, handle) = (&source, &handle);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let records = queue_records(event.payload);
        let count = records.len();
        // Boxed, because rustc limits how deeply the layouts of futures nest, and this one contains the client of the queue.
        let work = Box::pin(process_queue_batch(records, source, handle));
        let failures = logged(&event.context, count, work).await;
        Ok::<_, Error>(failures.into_queue_response())
    }))
    .await
}

/// Runs `work` in the span of its invocation and logs one line when the batch is complete.
async fn logged(
    context: &Context,
    records: usize,
    work: impl Future<Output = BatchFailures>,
) -> BatchFailures {
    let span = telemetry::invocation(&context.request_id);
    async {
        let started = Instant::now();
        let failures = work.await;
        let failed = failures.failures().len();
        tracing::info!(
            records,
            succeeded = records - failed,
            failed,
            outcome = match failed {
                0 => "succeeded",
                _ if failed == records => "failed",
                _ => "partly_failed",
            },
            duration_ms = started.elapsed().as_secs_f64() * 1000.0,
            "batch completed"
        );
        failures
    }
    .instrument(span)
    .await
}
