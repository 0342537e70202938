//! Batches: each record is done, retried or rejected on its own; a panic in one fails that one.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::dynamodb::Event as StreamEvent;
use aws_lambda_events::sqs::SqsEvent;
use futures::FutureExt;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use crate::keys::Key;
use crate::ports::messages::QueueSource;
use crate::problem::chain;
use crate::telemetry;

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or done before.
    Done,
    /// Not now; the source delivers it again, and after its last try sends it to the dead-letter queue.
    Retry(String),
    /// Not yet: a queue delivers it again after this time, in whole seconds; a stream as after [`Outcome::Retry`].
    RetryAfter(Duration, String),
    /// Never; the reason is logged, and it goes to the dead-letter queue: at once where the function can put it there,
    /// else after the source's last try.
    Reject(String),
}

/// One change of one item, in the order the item's changes were made.
#[derive(Debug, Clone)]
pub struct StreamRecord {
    /// The item.
    pub key: Key,
    /// Where the record is in its shard.
    pub sequence: String,
    old: Option<serde_dynamo::Item>,
    new: Option<serde_dynamo::Item>,
}

impl StreamRecord {
    /// A record, for tests and the stream simulator.
    pub fn new(
        key: Key,
        sequence: String,
        old: Option<serde_dynamo::Item>,
        new: Option<serde_dynamo::Item>,
    ) -> Self {
        Self {
            key,
            sequence,
            old,
            new,
        }
    }

    /// The item before the change; none when it was made.
    pub fn old_as<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_dynamo::Error> {
        self.old.clone().map(serde_dynamo::from_item).transpose()
    }

    /// The item after the change; none when it was deleted.
    pub fn new_as<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_dynamo::Error> {
        self.new.clone().map(serde_dynamo::from_item).transpose()
    }
}

/// One message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRecord {
    /// The message.
    pub message_id: String,
    /// Its group in a FIFO queue.
    pub group: Option<String>,
    /// What this delivery of it is called.
    pub receipt: String,
    /// What it says.
    pub body: String,
    /// How often it has been delivered, from 1.
    pub receive_count: u32,
}

/// Which records of a batch are to be delivered again (`ReportBatchItemFailures`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<BatchItemFailure>,
    #[serde(skip)]
    later: Vec<(String, Duration)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

impl BatchResponse {
    /// The identifiers of the records that failed.
    pub fn failures(&self) -> Vec<&str> {
        self.batch_item_failures
            .iter()
            .map(|failure| failure.item_identifier.as_str())
            .collect()
    }

    /// The records among them that are to be delivered again after a time of their own.
    pub fn later(&self) -> &[(String, Duration)] {
        &self.later
    }

    fn fail(&mut self, id: &str, after: Option<Duration>) {
        self.batch_item_failures.push(BatchItemFailure {
            item_identifier: id.to_owned(),
        });
        self.later.extend(after.map(|after| (id.to_owned(), after)));
    }
}

/// The records of a stream event, in order.
pub fn stream_records(event: StreamEvent) -> Vec<StreamRecord> {
    event
        .records
        .into_iter()
        .map(|record| {
            let key = serde_dynamo::from_item(record.change.keys).unwrap_or_else(|_| Key {
                pk: String::new(),
                sk: String::new(),
            });
            let image = |item: serde_dynamo::Item| (!item.is_empty()).then_some(item);
            StreamRecord {
                key,
                sequence: record.change.sequence_number.unwrap_or_default(),
                old: image(record.change.old_image),
                new: image(record.change.new_image),
            }
        })
        .collect()
}

/// The records of a queue event, in order.
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

/// Hands each stream record to `handle`, in order.
///
/// After a retry the later changes of the same item wait for it; a rejected change holds up nothing.
pub async fn each_stream_record<H, F>(records: Vec<StreamRecord>, handle: H) -> BatchResponse
where
    H: Fn(StreamRecord) -> F,
    F: Future<Output = Outcome>,
{
    let grouped = records
        .into_iter()
        .map(|record| (record.sequence.clone(), Some(record.key.pk.clone()), record));
    let holds_up =
        |outcome: &Outcome| matches!(outcome, Outcome::Retry(_) | Outcome::RetryAfter(..));
    each(grouped, handle, holds_up).await
}

/// Hands each message to `handle`, in order.
///
/// After a failure the rest of the same FIFO group waits for it, and as long as it; other groups go on.
pub async fn each_queue_record<H, F>(records: Vec<QueueRecord>, handle: H) -> BatchResponse
where
    H: Fn(QueueRecord) -> F,
    F: Future<Output = Outcome>,
{
    let grouped = records
        .into_iter()
        .map(|record| (record.message_id.clone(), record.group.clone(), record));
    each(grouped, handle, |outcome| *outcome != Outcome::Done).await
}

async fn each<R, H, F>(
    records: impl Iterator<Item = (String, Option<String>, R)>,
    handle: H,
    holds_up: impl Fn(&Outcome) -> bool,
) -> BatchResponse
where
    H: Fn(R) -> F,
    F: Future<Output = Outcome>,
{
    let mut response = BatchResponse::default();
    let mut blocked = HashMap::new();
    for (id, group, record) in records {
        if let Some(after) = group.as_ref().and_then(|group| blocked.get(group)) {
            response.fail(&id, *after);
            continue;
        }
        let outcome = attempt(&id, async { handle(record).await }).await;
        let after = match &outcome {
            Outcome::RetryAfter(after, _) => Some(*after),
            _ => None,
        };
        if outcome != Outcome::Done {
            response.fail(&id, after);
        }
        if holds_up(&outcome) {
            blocked.extend(group.map(|group| (group, after)));
        }
    }
    response
}

/// Hands each message of a batch from `source` to `handle`, in order.
///
/// What is rejected is put aside at once, so that it holds up nothing; what is to come later is given back until then,
/// and with it the rest of its FIFO group, which a message not given back would hold up.
pub async fn each_message<S, H, F>(
    records: Vec<QueueRecord>,
    source: &S,
    handle: H,
) -> BatchResponse
where
    S: QueueSource,
    H: Fn(QueueRecord) -> F,
    F: Future<Output = Outcome>,
{
    let receipts: HashMap<String, String> = records
        .iter()
        .map(|record| (record.message_id.clone(), record.receipt.clone()))
        .collect();
    let handle = &handle;
    let response = each_queue_record(records, |record| async move {
        let copy = record.clone();
        match handle(record).await {
            Outcome::Reject(reason) => put_aside(source, &copy, &reason).await,
            outcome => outcome,
        }
    })
    .await;
    let later: Vec<(String, Duration)> = response
        .later()
        .iter()
        .filter_map(|(id, after)| Some((receipts.get(id)?.clone(), *after)))
        .collect();
    if let Err(error) = source.give_back(&later).await {
        // They come again all the same, after the queue's own time.
        tracing::warn!(error = %chain(&error), "messages could not be given back sooner");
    }
    response
}

async fn put_aside<S: QueueSource>(source: &S, record: &QueueRecord, reason: &str) -> Outcome {
    match source.put_aside(record, reason).await {
        Ok(()) => {
            tracing::error!(record_id = record.message_id, reason, "record rejected");
            Outcome::Done
        }
        Err(error) => Outcome::Retry(format!(
            "rejected ({reason}), and not put aside: {}",
            chain(&error)
        )),
    }
}

/// Runs `work` on one record; a panic becomes [`Outcome::Retry`].
pub async fn attempt<F: Future<Output = Outcome>>(record_id: &str, work: F) -> Outcome {
    let outcome = AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Outcome::Retry("the record made the handler panic".to_owned()));
    match &outcome {
        Outcome::Done => {}
        Outcome::Retry(reason) => tracing::warn!(record_id, reason, "record will be retried"),
        Outcome::RetryAfter(after, reason) => {
            tracing::info!(record_id, reason, after = after.as_secs(), "record waits");
        }
        Outcome::Reject(reason) => tracing::error!(record_id, reason, "record rejected"),
    }
    outcome
}

/// Serves a stream until the environment ends.
pub async fn serve_stream<H, F>(function: &'static str, handle: H) -> Result<(), Error>
where
    H: Fn(StreamRecord) -> F,
    F: Future<Output = Outcome>,
{
    telemetry::init(function);
    let handle = &handle;
    run(service_fn(
        move |event: LambdaEvent<StreamEvent>| async move {
            let span = telemetry::invocation(&event.context.request_id, "", "");
            let response = each_stream_record(stream_records(event.payload), handle)
                .instrument(span)
                .await;
            Ok::<_, Error>(response)
        },
    ))
    .await
}

/// Serves the queue `source`, message by message, until the environment ends.
pub async fn serve_queue<S, H, F>(function: &'static str, source: S, handle: H) -> Result<(), Error>
where
    S: QueueSource,
    H: Fn(QueueRecord) -> F,
    F: Future<Output = Outcome>,
{
    telemetry::init(function);
    let (source, handle) = (&source, &handle);
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let span = telemetry::invocation(&event.context.request_id, "", "");
        let response = each_message(queue_records(event.payload), source, handle)
            .instrument(span)
            .await;
        Ok::<_, Error>(response)
    }))
    .await
}

/// Serves a queue batch by batch, for a handler that makes one thing of many messages.
///
/// `handle` answers one outcome per message, in their order; a message without one is delivered again.
pub async fn serve_queue_batch<H, F>(function: &'static str, handle: H) -> Result<(), Error>
where
    H: Fn(Vec<QueueRecord>) -> F,
    F: Future<Output = Vec<Outcome>>,
{
    telemetry::init(function);
    let handle = &handle;
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let span = telemetry::invocation(&event.context.request_id, "", "");
        let response = whole_queue_batch(queue_records(event.payload), handle)
            .instrument(span)
            .await;
        Ok::<_, Error>(response)
    }))
    .await
}

/// Hands the whole batch to `handle`.
pub async fn whole_queue_batch<H, F>(records: Vec<QueueRecord>, handle: H) -> BatchResponse
where
    H: Fn(Vec<QueueRecord>) -> F,
    F: Future<Output = Vec<Outcome>>,
{
    let ids: Vec<String> = records
        .iter()
        .map(|record| record.message_id.clone())
        .collect();
    let outcomes = AssertUnwindSafe(async { handle(records).await })
        .catch_unwind()
        .await
        .unwrap_or_default();
    let mut response = BatchResponse::default();
    for (place, id) in ids.iter().enumerate() {
        let outcome = outcomes
            .get(place)
            .cloned()
            .unwrap_or_else(|| Outcome::Retry("the handler gave no outcome".to_owned()));
        if attempt(id, async { outcome }).await != Outcome::Done {
            response.fail(id, None);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store_error::StoreError;

    fn message(id: &str, group: Option<&str>, body: &str) -> QueueRecord {
        QueueRecord {
            message_id: id.to_owned(),
            group: group.map(str::to_owned),
            receipt: format!("receipt-{id}"),
            body: body.to_owned(),
            receive_count: 1,
        }
    }

    async fn handle(record: QueueRecord) -> Outcome {
        match record.body.as_str() {
            "panic" => panic!("a planted panic"),
            "poison" => Outcome::Reject("unreadable".to_owned()),
            "wait" => Outcome::RetryAfter(Duration::from_secs(7), "no room".to_owned()),
            _ => Outcome::Done,
        }
    }

    #[tokio::test]
    async fn a_panic_in_one_record_fails_that_record_alone() {
        let batch = vec![
            message("1", None, "ok"),
            message("2", None, "panic"),
            message("3", None, "ok"),
            message("4", None, "poison"),
        ];
        assert_eq!(
            each_queue_record(batch, handle).await.failures(),
            ["2", "4"]
        );
    }

    #[tokio::test]
    async fn the_rest_of_a_failed_fifo_group_waits_and_other_groups_go_on() {
        let batch = vec![
            message("1", Some("a"), "panic"),
            message("2", Some("b"), "ok"),
            message("3", Some("a"), "ok"),
        ];
        assert_eq!(
            each_queue_record(batch, handle).await.failures(),
            ["1", "3"]
        );
    }

    /// A queue that remembers what its reader did with its messages.
    #[derive(Default)]
    struct Source {
        broken: bool,
        given_back: Mutex<Vec<(String, u64)>>,
        aside: Mutex<Vec<(String, String)>>,
    }

    impl QueueSource for Source {
        async fn give_back(&self, later: &[(String, Duration)]) -> Result<(), StoreError> {
            let later = later
                .iter()
                .map(|(receipt, after)| (receipt.clone(), after.as_secs()));
            self.given_back.lock().unwrap().extend(later);
            if self.broken {
                return Err(StoreError::Busy);
            }
            Ok(())
        }

        async fn put_aside(&self, record: &QueueRecord, reason: &str) -> Result<(), StoreError> {
            if self.broken {
                return Err(StoreError::Busy);
            }
            let aside = (record.message_id.clone(), reason.to_owned());
            self.aside.lock().unwrap().push(aside);
            Ok(())
        }
    }

    fn of_two_groups() -> Vec<QueueRecord> {
        vec![
            message("1", Some("a"), "wait"),
            message("2", Some("b"), "poison"),
            message("3", Some("a"), "ok"),
            message("4", Some("b"), "ok"),
            message("5", Some("c"), "panic"),
            message("6", Some("c"), "ok"),
        ]
    }

    #[tokio::test]
    async fn a_message_that_waits_is_given_back_with_the_rest_of_its_group_and_poison_is_put_aside()
    {
        let source = Source::default();
        let response = each_message(of_two_groups(), &source, handle).await;
        assert_eq!(response.failures(), ["1", "3", "5", "6"]);
        // What panicked comes again after the queue's own time.
        let given_back = [("receipt-1", 7), ("receipt-3", 7)].map(|(id, s)| (id.to_owned(), s));
        assert_eq!(*source.given_back.lock().unwrap(), given_back);
        let aside = [("2".to_owned(), "unreadable".to_owned())];
        assert_eq!(*source.aside.lock().unwrap(), aside);
        let answer = serde_json::to_value(&response).unwrap();
        assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    }

    #[tokio::test]
    async fn poison_that_cannot_be_put_aside_stays_in_its_queue_and_holds_up_its_group() {
        let source = Source {
            broken: true,
            ..Source::default()
        };
        let response = each_message(of_two_groups(), &source, handle).await;
        assert_eq!(response.failures(), ["1", "2", "3", "4", "5", "6"]);
    }

    #[tokio::test]
    async fn a_rejected_change_does_not_hold_up_the_later_changes_of_its_item_and_a_retried_one_does()
     {
        let change = |sequence: &str, item: &str| {
            let key = Key {
                pk: item.to_owned(),
                sk: "LEVEL".to_owned(),
            };
            StreamRecord::new(key, sequence.to_owned(), None, None)
        };
        let records =
            ["1", "2", "3", "4"].map(|number| change(number, if number < "3" { "a" } else { "b" }));
        let handled = std::sync::Mutex::new(Vec::new());
        let response = each_stream_record(records.to_vec(), |record| {
            handled.lock().unwrap().push(record.sequence.clone());
            async move {
                match record.sequence.as_str() {
                    "1" => Outcome::Reject("unreadable".to_owned()),
                    "3" => Outcome::Retry("busy".to_owned()),
                    _ => Outcome::Done,
                }
            }
        })
        .await;
        assert_eq!(*handled.lock().unwrap(), ["1", "2", "3"]);
        assert_eq!(response.failures(), ["1", "3", "4"]);
    }

    #[tokio::test]
    async fn a_batch_whose_handler_panics_is_delivered_again_whole() {
        let batch = vec![message("1", None, "ok"), message("2", None, "ok")];
        let response = whole_queue_batch(batch, |_| async { panic!("a planted panic") }).await;
        assert_eq!(response.failures(), ["1", "2"]);
    }
}
