//! The correlation id and trace of one order go through every function that works on its account: over HTTPS, both streams,
//! SNS and SQS.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use serde_json::json;
use stockline_application::ports::alerts::{AlertMessage, read_alert};
use stockline_domain::alert::AlertKind;
use stockline_domain::ids::{OrderId, TaskId};
use stockline_integration_tests::{Deployed, eventually, http};
use stockline_platform::clients::Aws;
use stockline_simulators::controller::{Controller, ControllerConfig, ReceivedCommand};
use stockline_simulators::script::Script;
use stockline_testkit::cloud::{TestCloud, unique_name};
use xtask::oidc::Bearer;

const LOCATION: &str = "correlation";
const CORRELATION_ID: &str = "basket-4711@till-3";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A queue of the test that receives the alerts of [`LOCATION`].
struct AlertQueue {
    aws: Aws,
    url: String,
    subscription: String,
}

impl AlertQueue {
    async fn subscribe(aws: Aws, topic: &str) -> Self {
        let (sns, sqs) = (aws.sns(), aws.sqs());
        let name = unique_name("correlation");
        let created = sqs.create_queue().queue_name(name).send().await.unwrap();
        let url = created.queue_url.unwrap();
        let attributes = sqs
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names("QueueArn".into())
            .send()
            .await
            .unwrap();
        let arn = attributes.attributes.unwrap()[&"QueueArn".into()].clone();
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": arn,
        }]});
        sqs.set_queue_attributes()
            .queue_url(&url)
            .attributes("Policy".into(), policy.to_string())
            .send()
            .await
            .unwrap();
        let subscribed = sns
            .subscribe()
            .topic_arn(topic)
            .protocol("sqs")
            .endpoint(arn)
            .attributes("RawMessageDelivery", "true")
            .attributes(
                "FilterPolicy",
                json!({"location_id": [LOCATION]}).to_string(),
            )
            .return_subscription_arn(true)
            .send()
            .await
            .unwrap();
        Self {
            subscription: subscribed.subscription_arn.unwrap(),
            aws,
            url,
        }
    }

    async fn receive(&self) -> Option<AlertMessage> {
        let received = self
            .aws
            .sqs()
            .receive_message()
            .queue_url(&self.url)
            .wait_time_seconds(1)
            .send()
            .await
            .unwrap();
        let message = received.messages().first()?;
        Some(read_alert(message.body().unwrap()).unwrap())
    }

    async fn delete(self) {
        let unsubscribe = self.aws.sns().unsubscribe();
        let subscription = unsubscribe.subscription_arn(self.subscription);
        subscription.send().await.unwrap();
        let delete = self.aws.sqs().delete_queue().queue_url(self.url);
        delete.send().await.unwrap();
    }
}

/// Starts a controller of the warehouse and waits for its first heartbeat.
async fn start_controller(deployed: &Deployed, sqs: Sqs, id: &str) -> Controller {
    let config = ControllerConfig {
        controller_id: id.to_owned(),
        location_id: LOCATION.to_owned(),
        zone_id: "floor".to_owned(),
        capacity: 1,
        queue_url: deployed.cloud.queues[id].clone(),
        heartbeat_every: Duration::from_secs(1),
        script: Script::Normal,
    };
    let bearer = Bearer::new("controller").named(id).controlling(id);
    let api = deployed.api_with(&bearer.at([LOCATION]));
    let controller = Controller::start(config, api, sqs);
    eventually("the first heartbeat", || async {
        (controller.log().heartbeats > 0).then_some(())
    })
    .await;
    controller
}

/// Orders five ropes with the ids in the request's headers, and checks that they come back in the response's.
async fn place_order(deployed: &Deployed) -> OrderId {
    let bearer = Bearer::new("store_app").named("correlation-store-app");
    let token = deployed.cloud.token(&bearer.at([LOCATION])).unwrap();
    let order = json!({
        "location_id": LOCATION, "channel": "online", "currency": "EUR",
        "lines": [{"sku": "rope", "quantity": 5, "unit_price": {"amount": 100, "currency": "EUR"}}],
        "total": {"amount": 500, "currency": "EUR"},
    });
    let placed = http()
        .post(format!("{}/v1/orders", deployed.cloud.api_url))
        .bearer_auth(token)
        .header("idempotency-key", "correlation-order")
        .header("x-correlation-id", CORRELATION_ID)
        .header("traceparent", TRACEPARENT)
        .json(&order)
        .send()
        .await
        .unwrap();
    assert_eq!(placed.status(), 201);
    assert_eq!(placed.headers()["x-correlation-id"], CORRELATION_ID);
    assert_eq!(placed.headers()["traceparent"], TRACEPARENT);
    let body: serde_json::Value = placed.json().await.unwrap();
    body["order_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn ids_of_an_order_reach_its_task_and_its_alert() {
    let (Some(deployed), Some(cloud)) = (Deployed::find(), TestCloud::find()) else {
        return;
    };
    // given a warehouse that an order of five ropes takes below its reorder point
    deployed.open_warehouse(LOCATION, &[("rope", 12)]).await;
    let path = format!("/v1/locations/{LOCATION}/stock/rope/policy");
    let policy = json!({"reorder_point": 10, "target_level": 20});
    let set = deployed.admin().put(&path, &policy).await.unwrap();
    set.expect_status(&[200]).unwrap();
    let alerts = AlertQueue::subscribe(cloud.aws(), &deployed.cloud.topics["stock-alerts"]).await;
    let controller = start_controller(&deployed, cloud.aws().sqs(), "controller-1").await;

    // when the order is placed with a correlation id and a trace
    let order = place_order(&deployed).await;

    // then the command has both: through the orders stream, the task queue and the controller's own queue
    let task_id = TaskId::for_order_line(order, 1).to_string();
    let command = eventually("the command", || async {
        let received = controller.log().received;
        received.into_iter().find(|one| one.task_id == task_id)
    })
    .await;
    let expected = ReceivedCommand {
        command: "execute".to_owned(),
        task_id,
        correlation_id: Some(CORRELATION_ID.to_owned()),
        traceparent: Some(TRACEPARENT.to_owned()),
    };
    assert_eq!(command, expected);

    // and so has the alert: through the stock stream and the topic
    let alert = eventually("the alert", || alerts.receive()).await;
    assert_eq!((alert.data.kind, alert.data.available), (AlertKind::Low, 7));
    assert_eq!(alert.correlation_id, CORRELATION_ID);
    assert_eq!(alert.traceparent, TRACEPARENT.parse().ok());

    alerts.delete().await;
    controller.stop().await;
}
