//! Runs a handler over the records of a batch and collects which of them failed.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use stockline_application::error_chain::error_chain;
use stockline_application::ports::queue::{QueueRecord, QueueSource};
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::trace::Cause;

use super::{BatchFailures, StreamRecord, UnreadableRecord};

/// Decodes each stream record and passes its change to `handle`, in order, within the request that caused it.
///
/// A record that `decode` returns nothing for is done; an unreadable one is rejected. After a retry the later changes of the
/// same item are retried too, so that they stay in order. A rejected change does not hold up the later ones.
pub async fn process_stream_records<D, C, H, F>(
    records: Vec<StreamRecord>,
    decode: D,
    handle: H,
) -> BatchFailures
where
    D: Fn(&StreamRecord) -> Result<Option<C>, UnreadableRecord>,
    H: Fn(C) -> F,
    F: Future<Output = RecordOutcome>,
{
    let grouped = records
        .into_iter()
        .map(|record| (record.sequence.clone(), Some(record.key.pk.clone()), record));
    let holds_up_group = |outcome: &RecordOutcome| {
        matches!(
            outcome,
            RecordOutcome::Retry(_) | RecordOutcome::RetryAfter(..)
        )
    };
    let (decode, handle) = (&decode, &handle);
    let handle = |record: StreamRecord| {
        record.cause().scope(async move {
            match decode(&record) {
                Ok(Some(change)) => handle(change).await,
                Ok(None) => RecordOutcome::Done,
                Err(unreadable) => RecordOutcome::Reject(unreadable.to_string()),
            }
        })
    };
    process(grouped, handle, holds_up_group).await
}

/// Passes each message to `handle`, in order, within the request that caused it.
///
/// After a failure the rest of its FIFO group is retried with the same delay; other groups go on.
pub async fn process_queue_records<H, F>(records: Vec<QueueRecord>, handle: H) -> BatchFailures
where
    H: Fn(QueueRecord) -> F,
    F: Future<Output = RecordOutcome>,
{
    let grouped = records
        .into_iter()
        .map(|record| (record.message_id.clone(), record.group.clone(), record));
    let handle = |record: QueueRecord| Cause::of_message(&record.body).scope(handle(record));
    process(grouped, handle, |outcome| *outcome != RecordOutcome::Done).await
}

/// Passes each message of `source` to `handle`, in order.
///
/// A rejected message goes to the dead-letter queue at once, so that it holds up no other. A message to retry after a delay
/// gets that delay as its visibility timeout, and so does the rest of its FIFO group.
pub async fn process_queue_messages<Source, H, F>(
    records: Vec<QueueRecord>,
    source: &Source,
    handle: H,
) -> BatchFailures
where
    Source: QueueSource,
    H: Fn(QueueRecord) -> F,
    F: Future<Output = RecordOutcome>,
{
    let receipts = receipts(&records);
    let handle = &handle;
    let failures = process_queue_records(records, |record| async move {
        let message = record.clone();
        match handle(record).await {
            RecordOutcome::Reject(reason) => dead_letter(source, &message, &reason).await,
            outcome => outcome,
        }
    })
    .await;
    delay(source, &receipts, &failures).await;
    failures
}

/// Returns the receipt handle of each message by its id.
fn receipts(records: &[QueueRecord]) -> HashMap<String, String> {
    records
        .iter()
        .map(|record| (record.message_id.clone(), record.receipt.clone()))
        .collect()
}

/// Sets the visibility timeout of the messages that asked for a delay.
async fn delay<Source: QueueSource>(
    source: &Source,
    receipts: &HashMap<String, String>,
    failures: &BatchFailures,
) {
    let delayed: Vec<(String, Duration)> = failures
        .delayed()
        .iter()
        .filter_map(|(id, delay)| Some((receipts.get(id)?.clone(), *delay)))
        .collect();
    if let Err(error) = source.delay(&delayed).await {
        // The queue delivers them again after its own visibility timeout.
        tracing::warn!(error = %error_chain(&error), "the visibility timeout of messages could not be changed");
    }
}

async fn dead_letter<Source: QueueSource>(
    source: &Source,
    message: &QueueRecord,
    reason: &str,
) -> RecordOutcome {
    match source.dead_letter(message, reason).await {
        Ok(()) => {
            tracing::error!(record_id = message.message_id, reason, "record rejected");
            RecordOutcome::Done
        }
        Err(error) => RecordOutcome::Retry(format!(
            "rejected ({reason}), but not sent to the dead-letter queue: {}",
            error_chain(&error)
        )),
    }
}

/// Passes the whole batch of `source` to `handle`, which returns one outcome per message in their order.
///
/// A rejected message goes to the dead-letter queue at once, and a message to retry after a delay gets that delay as its
/// visibility timeout. A message without an outcome is retried, and so is the whole batch if `handle` panics.
pub async fn process_queue_batch<Source, H, F>(
    records: Vec<QueueRecord>,
    source: &Source,
    handle: H,
) -> BatchFailures
where
    Source: QueueSource,
    H: Fn(Vec<QueueRecord>) -> F,
    F: Future<Output = Vec<RecordOutcome>>,
{
    let receipts = receipts(&records);
    let messages = records.clone();
    let outcomes = AssertUnwindSafe(async { handle(records).await })
        .catch_unwind()
        .await
        .unwrap_or_default();
    let mut outcomes = outcomes.into_iter();
    let mut failures = BatchFailures::default();
    for message in &messages {
        let outcome = match outcomes.next() {
            Some(RecordOutcome::Reject(reason)) => dead_letter(source, message, &reason).await,
            Some(outcome) => outcome,
            None => RecordOutcome::Retry("the handler returned no outcome".to_owned()),
        };
        log_outcome(&message.message_id, &outcome);
        let delay = match &outcome {
            RecordOutcome::RetryAfter(delay, _) => Some(*delay),
            _ => None,
        };
        if outcome != RecordOutcome::Done {
            failures.add(&message.message_id, delay);
        }
    }
    delay(source, &receipts, &failures).await;
    failures
}

async fn process<R, H, F>(
    records: impl Iterator<Item = (String, Option<String>, R)>,
    handle: H,
    holds_up_group: impl Fn(&RecordOutcome) -> bool,
) -> BatchFailures
where
    H: Fn(R) -> F,
    F: Future<Output = RecordOutcome>,
{
    let mut failures = BatchFailures::default();
    let mut blocked_groups = HashMap::new();
    for (id, group, record) in records {
        if let Some(delay) = group.as_ref().and_then(|group| blocked_groups.get(group)) {
            failures.add(&id, *delay);
            continue;
        }
        let outcome = catch_panic(async { handle(record).await }).await;
        log_outcome(&id, &outcome);
        let delay = match &outcome {
            RecordOutcome::RetryAfter(delay, _) => Some(*delay),
            _ => None,
        };
        if outcome != RecordOutcome::Done {
            failures.add(&id, delay);
        }
        if holds_up_group(&outcome) {
            blocked_groups.extend(group.map(|group| (group, delay)));
        }
    }
    failures
}

/// Runs `work` on one record; a panic becomes [`RecordOutcome::Retry`].
async fn catch_panic<F: Future<Output = RecordOutcome>>(work: F) -> RecordOutcome {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| RecordOutcome::Retry("the handler panicked".to_owned()))
}

fn log_outcome(record_id: &str, outcome: &RecordOutcome) {
    match outcome {
        RecordOutcome::Done => {}
        RecordOutcome::Retry(reason) => tracing::warn!(record_id, reason, "record will be retried"),
        RecordOutcome::RetryAfter(delay, reason) => {
            tracing::info!(
                record_id,
                reason,
                delay_seconds = delay.as_secs(),
                "record will be retried after a delay"
            );
        }
        RecordOutcome::Reject(reason) => tracing::error!(record_id, reason, "record rejected"),
    }
}

#[cfg(test)]
mod tests;
