//! Simulated controllers of every script work with the deployed functions, through real queues and the API.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use futures::future::join;
use serde_json::{Value, json};
use stockline_domain::ids::{OrderId, TaskId};
use stockline_integration_tests::{Deployed, eventually};
use stockline_simulators::api::Api;
use stockline_simulators::controller::{Controller, Settings};
use stockline_simulators::script::Script;
use stockline_testkit::cloud::TestCloud;
use xtask::oidc::Bearer;

/// Longer than the heartbeat timeout (30 s) plus the time for a sweep.
const TOO_LATE: Duration = Duration::from_secs(36);

struct Warehouse<'a> {
    deployed: &'a Deployed,
    sqs: Sqs,
    location: &'static str,
    admin: Api,
    till: Api,
}

/// An order line and its task.
struct Fetched {
    order: OrderId,
    task: TaskId,
}

impl<'a> Warehouse<'a> {
    async fn open(deployed: &'a Deployed, sqs: Sqs, location: &'static str) -> Self {
        let stock = [("bolts", 100), ("nuts", 100)];
        deployed.open_warehouse(location, &stock).await;
        Self {
            deployed,
            sqs,
            location,
            admin: deployed.admin(),
            till: deployed.api("store_app", &format!("{location}-till"), &[location]),
        }
    }

    /// Starts a controller of the warehouse and waits for its first heartbeat.
    async fn controller(&self, id: &str, script: Script) -> Controller {
        let settings = Settings {
            controller_id: id.to_owned(),
            location_id: self.location.to_owned(),
            zone_id: "floor".to_owned(),
            capacity: 2,
            queue_url: self.deployed.cloud.queues[id].clone(),
            heartbeat_every: Duration::from_secs(1),
            script,
        };
        let bearer = Bearer::new("controller").named(id).controlling(id);
        let api = self.deployed.api_with(&bearer.at([self.location]));
        let controller = Controller::start(settings, api, self.sqs.clone());
        eventually("the first heartbeat", || async {
            (controller.log().heartbeats > 0).then_some(())
        })
        .await;
        controller
    }

    /// Orders two units of each SKU, which makes one task per line.
    async fn order(&self, key: &str, skus: &[&str]) -> Vec<Fetched> {
        let lines: Vec<Value> = skus
            .iter()
            .map(|sku| json!({"sku": sku, "quantity": 2, "unit_price": {"amount": 100, "currency": "EUR"}}))
            .collect();
        let total = json!({"amount": 200 * lines.len(), "currency": "EUR"});
        let body = json!({"location_id": self.location, "channel": "online", "currency": "EUR",
                          "lines": lines, "total": total});
        let key = format!("{}-{key}", self.location);
        let placed = self
            .till
            .post("/v1/orders", &body, Some(&key))
            .await
            .unwrap();
        let placed = placed.expect_status(&[201]).unwrap();
        let order: OrderId = placed.body["order_id"].as_str().unwrap().parse().unwrap();
        (1..)
            .zip(skus)
            .map(|(line, _)| Fetched {
                order,
                task: TaskId::for_order_line(order, line),
            })
            .collect()
    }

    async fn task(&self, fetched: &Fetched) -> Option<Value> {
        let path = format!("/v1/tasks/{}", fetched.task);
        let read = self.admin.get(&path).await.unwrap();
        (read.status == 200).then_some(read.body)
    }

    /// Waits until the task has this state.
    async fn becomes(&self, fetched: &Fetched, state: &str) -> Value {
        let task = || async {
            let task = self.task(fetched).await?;
            (task["state"] == state).then_some(task)
        };
        eventually(&format!("task {} to be {state}", fetched.task), task).await
    }

    /// `on_hand` and `allocated` of a SKU.
    async fn level(&self, sku: &str) -> (i64, i64) {
        let path = format!("/v1/locations/{}/stock/{sku}", self.location);
        let level = self.till.get(&path).await.unwrap();
        let level = level.expect_status(&[200]).unwrap().body;
        let number = |name: &str| level[name].as_i64().unwrap();
        (number("on_hand"), number("allocated"))
    }

    /// Runs one sweep, in addition to the scheduled ones.
    async fn sweep(&self) {
        let cloud = self.deployed.cloud.clone();
        let swept = tokio::task::spawn_blocking(move || cloud.invoke("lease-sweeper", b"{}"));
        let (answer, error) = swept.await.unwrap().unwrap();
        assert_eq!(error, None, "{answer}");
    }
}

/// The rejected reports of `controller` for a task: reported state and problem type.
fn refused(controller: &Controller, fetched: &Fetched) -> Vec<(&'static str, String)> {
    let task = fetched.task.to_string();
    let refused = controller.log().refused.into_iter();
    refused
        .filter(|(id, ..)| *id == task)
        .map(|(_, reported, problem)| (reported, problem))
        .collect()
}

fn problem(reported: &'static str, kind: &str) -> (&'static str, String) {
    (reported, kind.to_owned())
}

#[tokio::test]
async fn whatever_a_controller_does_a_task_moves_its_stock_once_or_not_at_all() {
    let (Some(deployed), Some(cloud)) = (Deployed::find(), TestCloud::find()) else {
        return;
    };
    let sqs = cloud.aws().sqs();
    let talking = Warehouse::open(&deployed, sqs.clone(), "talking").await;
    let silent = Warehouse::open(&deployed, sqs, "silent").await;
    join(
        async {
            let controller = talking.controller("controller-1", Script::Faithful).await;
            reports_repeated_lost_or_out_of_order_complete_a_task_once(&talking, &controller).await;
            a_failure_is_tried_again_or_not_as_it_says(&talking, &controller).await;
            a_canceled_order_calls_its_task_back(&talking, &controller).await;
            a_late_cancel_is_answered(&talking, &controller).await;
            let log = controller.stop().await;
            assert!(log.troubles.is_empty(), "{:?}", log.troubles);
        },
        silence_and_a_late_report_lose_the_task_to_another_lease(&silent),
    )
    .await;
}

async fn reports_repeated_lost_or_out_of_order_complete_a_task_once(
    house: &Warehouse<'_>,
    controller: &Controller,
) {
    let begun_is_missing = problem("completed", "transition-refused");
    let overtaken = problem("accepted", "outdated-report");
    let scripts = [
        ("faithful", Script::Faithful, vec![]),
        ("repeats", Script::Repeats, vec![]),
        ("loses", Script::Loses, vec![begun_is_missing]),
        ("reorders", Script::Reorders, vec![overtaken]),
    ];
    let before = house.level("bolts").await;
    for (times, (name, script, refusals)) in (1..).zip(scripts) {
        controller.becomes(script);
        let fetched = house.order(name, &["bolts"]).await.remove(0);
        let task = house.becomes(&fetched, "completed").await;
        assert_eq!(
            (&task["attempt"], &task["lease_id"]),
            (&json!(1), &json!(1))
        );
        let known = || async {
            let completed = controller.log().completed;
            completed.contains(&fetched.task.to_string()).then_some(())
        };
        eventually("the controller to know", known).await;
        assert_eq!(refused(controller, &fetched), refusals, "{name}");
        let moved = (before.0 - 2 * times, before.1);
        assert_eq!(house.level("bolts").await, moved, "{name}");
    }
}

async fn a_failure_is_tried_again_or_not_as_it_says(
    house: &Warehouse<'_>,
    controller: &Controller,
) {
    let (on_hand, allocated) = house.level("nuts").await;
    for (retriable, state, attempt) in [(false, "failed", 1), (true, "dead_lettered", 5)] {
        controller.becomes(Script::Fails { retriable });
        let fetched = house.order(state, &["nuts"]).await.remove(0);
        let task = house.becomes(&fetched, state).await;
        let each_attempt = (&task["attempt"], &task["lease_id"]);
        assert_eq!(each_attempt, (&json!(attempt), &json!(attempt)));
    }
    assert_eq!(house.level("nuts").await, (on_hand, allocated + 4));
}

async fn a_canceled_order_calls_its_task_back(house: &Warehouse<'_>, controller: &Controller) {
    controller.becomes(Script::Holds);
    let before = house.level("bolts").await;
    let fetched = house.order("called-back", &["bolts"]).await.remove(0);
    house.becomes(&fetched, "in_progress").await;
    let path = format!("/v1/orders/{}/cancel", fetched.order);
    let canceled = house
        .till
        .post(&path, &json!({}), Some("talking-cancel"))
        .await;
    canceled.unwrap().expect_status(&[200]).unwrap();
    house.becomes(&fetched, "canceled").await;
    let told = || async {
        let canceled = controller.log().canceled;
        canceled.contains(&fetched.task.to_string()).then_some(())
    };
    eventually("the controller to put the goods back", told).await;
    assert_eq!(refused(controller, &fetched), []);
    assert_eq!(house.level("bolts").await, before);
}

async fn a_late_cancel_is_answered(house: &Warehouse<'_>, controller: &Controller) {
    // given a task that its controller has completed
    controller.becomes(Script::Faithful);
    let fetched = house.order("late-cancel", &["bolts"]).await.remove(0);
    house.becomes(&fetched, "completed").await;
    let before = house.level("bolts").await;
    // when a cancel command arrives afterwards
    let task_id = fetched.task.to_string();
    let command = json!({"type": "task.command", "data": {"command": "cancel", "task_id": task_id, "lease_id": 1}});
    house
        .sqs
        .send_message()
        .queue_url(&house.deployed.cloud.queues["controller-1"])
        .message_group_id(&task_id)
        .message_deduplication_id(format!("{task_id}-late"))
        .message_body(command.to_string())
        .send()
        .await
        .unwrap();
    // then the controller's cancellation report is rejected
    let answered = || async {
        let refused = refused(controller, &fetched);
        (refused == [problem("canceled", "transition-refused")]).then_some(())
    };
    eventually("the late cancel to be answered", answered).await;
    house.becomes(&fetched, "completed").await;
    assert_eq!(house.level("bolts").await, before);
}

async fn silence_and_a_late_report_lose_the_task_to_another_lease(house: &Warehouse<'_>) {
    // given two tasks, one leased to a controller that goes silent, one to a controller that hangs too long
    let before = (house.level("bolts").await, house.level("nuts").await);
    let silent = house.controller("controller-2", Script::Silent).await;
    let late = house
        .controller("controller-3", Script::Late(TOO_LATE))
        .await;
    let mut fetched = house.order("lost", &["bolts", "nuts"]).await;
    for task in &fetched {
        let held = || async { (house.task(task).await?["lease_id"] == 1).then_some(()) };
        eventually("both tasks to be leased", held).await;
    }
    if house.task(&fetched[0]).await.unwrap()["controller_id"] == "controller-3" {
        fetched.swap(0, 1);
    }
    let [of_silent, of_late] = &fetched[..] else {
        panic!("there are two tasks");
    };
    assert_eq!(
        house.task(of_silent).await.unwrap()["controller_id"],
        "controller-2"
    );
    house.becomes(of_late, "in_progress").await;
    late.becomes(Script::Faithful);
    // when both leases expire, both tasks return to the queue, and the controller that hung completes both
    for task in [of_silent, of_late] {
        let swept = || async {
            house.sweep().await;
            (house.task(task).await?["attempt"].as_u64()? > 1).then_some(())
        };
        eventually("the task to be taken back", swept).await;
    }
    for fetched in [of_silent, of_late] {
        // The hanging controller may have been leased the other task as well before it was found dead.
        let task = house.becomes(fetched, "completed").await;
        assert_eq!(task["attempt"], task["lease_id"]);
        assert_eq!(task["controller_id"], "controller-3");
    }
    // then its report under the first lease is rejected, and stock moved once
    let first = refused(&late, of_late).remove(0);
    assert_eq!(first, problem("completed", "stale-lease"));
    let gone = |(on_hand, allocated): (i64, i64)| (on_hand - 2, allocated);
    let after = (house.level("bolts").await, house.level("nuts").await);
    assert_eq!(after, (gone(before.0), gone(before.1)));
    assert_eq!(silent.stop().await.reports, 0);
    late.stop().await;
}
