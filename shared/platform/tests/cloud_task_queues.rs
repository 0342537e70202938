//! The task queues on SQS FIFO queues.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use jiff::Timestamp;
use stockline_application::message::Envelope;
use stockline_application::ports::queue::QueueRecord;
use stockline_application::ports::queue::QueueSource;
use stockline_application::ports::tasks::{ControllerCommand, ControllerQueues, TaskQueue};
use stockline_application::task_messages::{QueuedTask, TASK_COMMAND, TASK_QUEUED, TaskCommand};
use stockline_domain::catalog::Zone;
use stockline_domain::task::Task;
use stockline_platform::sqs::{FifoMessage, SqsControllerQueues, SqsSource, SqsTaskQueue};
use stockline_testkit::cloud::TestCloud;
use stockline_testkit::orders::order;

async fn queue(sqs: &aws_sdk_sqs::Client, name: &str) -> String {
    let name = format!("test-{name}-{}.fifo", std::process::id());
    let created = sqs
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::FifoQueue, "true")
        .send()
        .await;
    created.unwrap().queue_url.unwrap()
}

/// Receives up to ten messages of the queue: the message group and the body of each.
async fn received(sqs: &aws_sdk_sqs::Client, url: &str) -> Vec<(String, String)> {
    let received = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
        .send()
        .await
        .unwrap();
    let messages = received.messages.unwrap_or_default().into_iter();
    messages
        .map(|message| {
            let mut attributes = message.attributes.unwrap();
            let group = attributes.remove(&MessageSystemAttributeName::MessageGroupId);
            (group.unwrap(), message.body.unwrap())
        })
        .collect()
}

#[tokio::test]
async fn duplicate_task_and_command_are_delivered_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let sqs = cloud.aws().sqs();
    let tasks_url = queue(&sqs, "tasks").await;
    let controller_url = queue(&sqs, "controller-1").await;
    // given a task leased by a controller
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let zone = Zone {
        zone_id: "dry".parse().unwrap(),
        aisles: 1,
    };
    let order = order("queues", "hub", "online", &[("milk", 2)]);
    let task = Task::plan(&order, &[zone], now).remove(0);
    let controller = format!("controller-1-{}", std::process::id())
        .parse()
        .unwrap();
    let leased = task.lease(&controller, now).unwrap();
    // when the task and its command are each sent twice
    let tasks = SqsTaskQueue::new(sqs.clone(), tasks_url.clone());
    let prefix = controller_url
        .strip_suffix(&format!("{controller}.fifo"))
        .unwrap();
    let controllers = SqsControllerQueues::new(sqs.clone(), prefix.to_owned());
    for _ in 0..2 {
        tasks.enqueue(&task, now).await.unwrap();
        controllers
            .send(&controller, ControllerCommand::Execute, &leased, now)
            .await
            .unwrap();
    }
    // then each is delivered once, in its message group
    let queued = received(&sqs, &tasks_url).await;
    assert_eq!(queued.len(), 1);
    let group = FifoMessage::queued(&task, now).unwrap().group;
    assert_eq!(queued[0].0, group);
    let message = Envelope::<QueuedTask>::read(&queued[0].1, TASK_QUEUED, 1).unwrap();
    assert_eq!(message.data.task_id, task.task_id);
    let commands = received(&sqs, &controller_url).await;
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].0, task.task_id.to_string());
    let message = Envelope::<TaskCommand>::read(&commands[0].1, TASK_COMMAND, 1).unwrap();
    assert_eq!(
        (message.data.command, message.data.lease_id),
        (ControllerCommand::Execute, 1)
    );
}

#[tokio::test]
async fn returned_message_comes_back_and_rejected_one_is_dead() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let sqs = cloud.aws().sqs();
    let url = queue(&sqs, "source").await;
    let dead_letter_url = queue(&sqs, "source-dlq").await;
    let source = SqsSource::new(sqs.clone(), url.clone(), dead_letter_url.clone());
    // given a received message, invisible for the queue's default of 30 seconds
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let zone = Zone {
        zone_id: "dry".parse().unwrap(),
        aisles: 1,
    };
    let order = order("source", "hub", "online", &[("milk", 2)]);
    let task = Task::plan(&order, &[zone], now).remove(0);
    SqsTaskQueue::new(sqs.clone(), url.clone())
        .enqueue(&task, now)
        .await
        .unwrap();
    let first = receive(&sqs, &url).await.unwrap();
    assert_eq!(receive(&sqs, &url).await, None);
    // when its visibility timeout is set to one second
    let started = Instant::now();
    let later = [(first.receipt.clone(), Duration::from_secs(1))];
    source.delay(&later).await.unwrap();
    // then it is received again well before the 30 seconds are over
    let again = loop {
        if let Some(again) = receive(&sqs, &url).await {
            break again;
        }
        assert!(started.elapsed() < Duration::from_secs(15));
    };
    assert_eq!((&again.body, again.receive_count), (&first.body, 2));
    // and rejecting it twice puts it into the dead-letter queue once, with the reason
    for _ in 0..2 {
        source
            .dead_letter(&again, "no controller accepts it")
            .await
            .unwrap();
    }
    let dead_letters = sqs
        .receive_message()
        .queue_url(&dead_letter_url)
        .max_number_of_messages(10)
        .message_attribute_names("reason")
        .send()
        .await
        .unwrap()
        .messages
        .unwrap();
    assert_eq!(dead_letters.len(), 1);
    assert_eq!(dead_letters[0].body.as_ref(), Some(&first.body));
    let reason = &dead_letters[0].message_attributes.as_ref().unwrap()["reason"];
    assert_eq!(reason.string_value(), Some("no controller accepts it"));
}

/// Receives the next message of the queue, as a batch record.
async fn receive(sqs: &aws_sdk_sqs::Client, url: &str) -> Option<QueueRecord> {
    let received = sqs
        .receive_message()
        .queue_url(url)
        .wait_time_seconds(1)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    let message = received.messages?.into_iter().next()?;
    let mut attributes = message.attributes.unwrap();
    let mut attribute = |name| attributes.remove(&name).unwrap();
    Some(QueueRecord {
        message_id: message.message_id.unwrap(),
        group: Some(attribute(MessageSystemAttributeName::MessageGroupId)),
        receipt: message.receipt_handle.unwrap(),
        body: message.body.unwrap(),
        receive_count: attribute(MessageSystemAttributeName::ApproximateReceiveCount)
            .parse()
            .unwrap(),
    })
}
