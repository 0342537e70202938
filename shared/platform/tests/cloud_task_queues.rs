//! Tasks travel through real FIFO queues, once however often they are sent.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use jiff::Timestamp;
use stockline_domain::catalog::Zone;
use stockline_domain::task::Task;
use stockline_platform::message::Envelope;
use stockline_platform::ports::tasks::{Command, ControllerQueues, TaskQueue};
use stockline_platform::sqs::{
    FifoMessage, QueuedTask, SqsControllerQueues, SqsTaskQueue, TASK_COMMAND, TASK_QUEUED,
    TaskCommand,
};
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

/// The group and body of each message in the queue.
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
async fn a_task_and_its_command_come_once_in_their_groups() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let sqs = cloud.aws().sqs();
    let tasks_url = queue(&sqs, "tasks").await;
    let controller_url = queue(&sqs, "controller-1").await;
    // given a task that a controller is to have
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
    // when both are told twice
    let tasks = SqsTaskQueue::new(sqs.clone(), tasks_url.clone());
    let prefix = controller_url
        .strip_suffix(&format!("{controller}.fifo"))
        .unwrap();
    let controllers = SqsControllerQueues::new(sqs.clone(), prefix.to_owned());
    for _ in 0..2 {
        tasks.queued(&task, now).await.unwrap();
        controllers
            .tell(&controller, Command::Execute, &leased, now)
            .await
            .unwrap();
    }
    // then each comes once
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
        (Command::Execute, 1)
    );
}
