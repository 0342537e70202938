use crate::keys::Key;
use std::sync::Mutex;

use super::*;
use stockline_application::store_error::StoreError;

fn message(id: &str, group: Option<&str>, body: &str) -> QueueRecord {
    QueueRecord {
        message_id: id.to_owned(),
        group: group.map(str::to_owned),
        receipt: format!("receipt-{id}"),
        body: body.to_owned(),
        receive_count: 1,
    }
}

async fn handle(record: QueueRecord) -> RecordOutcome {
    match record.body.as_str() {
        "panic" => panic!("injected panic"),
        "poison" => RecordOutcome::Reject("unreadable".to_owned()),
        "wait" => RecordOutcome::RetryAfter(Duration::from_secs(7), "no room".to_owned()),
        _ => RecordOutcome::Done,
    }
}

#[tokio::test]
async fn panicking_record_fails_alone() {
    let batch = vec![
        message("1", None, "ok"),
        message("2", None, "panic"),
        message("3", None, "ok"),
        message("4", None, "poison"),
    ];
    assert_eq!(
        process_queue_records(batch, handle).await.failures(),
        ["2", "4"]
    );
}

#[tokio::test]
async fn failed_message_holds_up_only_its_fifo_group() {
    let batch = vec![
        message("1", Some("a"), "panic"),
        message("2", Some("b"), "ok"),
        message("3", Some("a"), "ok"),
    ];
    assert_eq!(
        process_queue_records(batch, handle).await.failures(),
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
    async fn delay(&self, later: &[(String, Duration)]) -> Result<(), StoreError> {
        let later = later
            .iter()
            .map(|(receipt, after)| (receipt.clone(), after.as_secs()));
        self.given_back.lock().unwrap().extend(later);
        if self.broken {
            return Err(StoreError::Busy);
        }
        Ok(())
    }

    async fn dead_letter(&self, record: &QueueRecord, reason: &str) -> Result<(), StoreError> {
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
async fn delayed_group_is_given_back_and_poison_dead_lettered() {
    let source = Source::default();
    let response = process_queue_messages(of_two_groups(), &source, handle).await;
    assert_eq!(response.failures(), ["1", "3", "5", "6"]);
    // What panicked comes again after the queue's own time.
    let given_back = [("receipt-1", 7), ("receipt-3", 7)].map(|(id, s)| (id.to_owned(), s));
    assert_eq!(*source.given_back.lock().unwrap(), given_back);
    let aside = [("2".to_owned(), "unreadable".to_owned())];
    assert_eq!(*source.aside.lock().unwrap(), aside);
}

#[tokio::test]
async fn poison_stays_queued_when_dead_lettering_fails() {
    let source = Source {
        broken: true,
        ..Source::default()
    };
    let response = process_queue_messages(of_two_groups(), &source, handle).await;
    assert_eq!(response.failures(), ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn retried_change_holds_up_its_item_and_rejected_does_not() {
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
    let decode = |record: &StreamRecord| match record.sequence.as_str() {
        "1" => Err(UnreadableRecord("unreadable".to_owned())),
        sequence => Ok(Some(sequence.to_owned())),
    };
    let response = process_stream_records(records.to_vec(), decode, |sequence| {
        handled.lock().unwrap().push(sequence.clone());
        async move {
            match sequence.as_str() {
                "3" => RecordOutcome::Retry("busy".to_owned()),
                _ => RecordOutcome::Done,
            }
        }
    })
    .await;
    assert_eq!(*handled.lock().unwrap(), ["2", "3"]);
    assert_eq!(response.failures(), ["1", "3", "4"]);
}

#[tokio::test]
async fn record_of_another_item_is_done() {
    let key = Key {
        pk: "a".to_owned(),
        sk: "OTHER".to_owned(),
    };
    let record = StreamRecord::new(key, "1".to_owned(), None, None);
    let decode = |_: &StreamRecord| Ok::<Option<()>, _>(None);
    let handle = |()| async { panic!("a record without a change is handled") };
    let failures = process_stream_records(vec![record], decode, handle).await;
    assert_eq!(failures, BatchFailures::default());
}

#[tokio::test]
async fn panicking_batch_handler_fails_the_whole_batch() {
    let batch = vec![message("1", None, "ok"), message("2", None, "ok")];
    let source = Source::default();
    let response =
        process_queue_batch(batch, &source, |_| async { panic!("injected panic") }).await;
    assert_eq!(response.failures(), ["1", "2"]);
}

#[tokio::test]
async fn rejected_message_of_a_batch_is_dead_lettered_at_once() {
    let batch = vec![
        message("1", None, "ok"),
        message("2", None, "poison"),
        message("3", None, "wait"),
        message("4", None, "no outcome"),
    ];
    let handle = |records: Vec<QueueRecord>| async move {
        let outcomes = records.into_iter().take(3).map(self::handle);
        futures::future::join_all(outcomes).await
    };
    let source = Source::default();
    let response = process_queue_batch(batch.clone(), &source, handle).await;
    assert_eq!(response.failures(), ["3", "4"]);
    let aside = [("2".to_owned(), "unreadable".to_owned())];
    assert_eq!(*source.aside.lock().unwrap(), aside);
    assert_eq!(
        *source.given_back.lock().unwrap(),
        [("receipt-3".to_owned(), 7)]
    );
    let broken = Source {
        broken: true,
        ..Source::default()
    };
    let response = process_queue_batch(batch, &broken, handle).await;
    assert_eq!(response.failures(), ["2", "3", "4"]);
}
