//! Simulated controllers of every script work with the deployed functions, through real queues and the API.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use futures::future::join;
use serde_json::{Value, json};
use stockline_domain::ids::{OrderId, TaskId};
use stockline_integration_tests::{Deployed, eventually};
use stockline_simulators::api::ApiClient;
use stockline_simulators::controller::{Controller, ControllerConfig};
use stockline_simulators::script::Script;
use stockline_testkit::cloud::TestCloud;
use xtask::oidc::Bearer;

/// Longer than the heartbeat timeout (30 s) plus the time for a sweep.
const LATER_THAN_HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(36);

struct Warehouse<'a> {
    deployed: &'a Deployed,
    sqs: Sqs,
    location: &'static str,
    admin: ApiClient,
    store_app: ApiClient,
}

/// An order line and its task.
struct OrderLineTask {
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
            store_app: deployed.api("store_app", &format!("{location}-store-app"), &[location]),
        }
    }

    /// Starts a controller of the warehouse and waits for its first heartbeat.
    async fn controller(&self, id: &str, script: Script) -> Controller {
        let config = ControllerConfig {
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
        let controller = Controller::start(config, api, self.sqs.clone());
        eventually("the first heartbeat", || async {
            (controller.log().heartbeats > 0).then_some(())
        })
        .await;
        controller
    }

    /// Orders two units of each SKU, which makes one task per line.
    async fn order(&self, key: &str, skus: &[&str]) -> Vec<OrderLineTask> {
        let lines: Vec<Value> = skus
            .iter()
            .map(|sku| json!({"sku": sku, "quantity": 2, "unit_price": {"amount": 100, "currency": "EUR"}}))
            .collect();
        let total = json!({"amount": 200 * lines.len(), "currency": "EUR"});
        let body = json!({"location_id": self.location, "channel": "online", "currency": "EUR",
                          "lines": lines, "total": total});
        let key = format!("{}-{key}", self.location);
        let placed = self
            .store_app
            .post("/v1/orders", &body, Some(&key))
            .await
            .unwrap();
        let placed = placed.expect_status(&[201]).unwrap();
        let order: OrderId = placed.body["order_id"].as_str().unwrap().parse().unwrap();
        (1..)
            .zip(skus)
            .map(|(line, _)| OrderLineTask {
                order,
                task: TaskId::for_order_line(order, line),
            })
            .collect()
    }

    async fn task(&self, line_task: &OrderLineTask) -> Option<Value> {
        let path = format!("/v1/tasks/{}", line_task.task);
        let read = self.admin.get(&path).await.unwrap();
        (read.status == 200).then_some(read.body)
    }

    /// Waits until the task has this state.
    async fn wait_for_state(&self, line_task: &OrderLineTask, state: &str) -> Value {
        let task = || async {
            let task = self.task(line_task).await?;
            (task["state"] == state).then_some(task)
        };
        eventually(&format!("task {} to be {state}", line_task.task), task).await
    }

    /// `on_hand` and `allocated` of a SKU.
    async fn level(&self, sku: &str) -> (i64, i64) {
        let path = format!("/v1/locations/{}/stock/{sku}", self.location);
        let level = self.store_app.get(&path).await.unwrap();
        let level = level.expect_status(&[200]).unwrap().body;
        let number = |name: &str| level[name].as_i64().unwrap();
        (number("on_hand"), number("allocated"))
    }

    /// Runs one sweep, in addition to the scheduled ones.
    async fn sweep(&self) {
        let cloud = self.deployed.cloud.clone();
        let swept = tokio::task::spawn_blocking(move || cloud.invoke("lease-sweeper", b"{}"));
        let (response, error) = swept.await.unwrap().unwrap();
        assert_eq!(error, None, "{response}");
    }
}

/// The rejected reports of `controller` for a task: reported state and problem type.
fn rejected_reports(
    controller: &Controller,
    line_task: &OrderLineTask,
) -> Vec<(&'static str, String)> {
    let task = line_task.task.to_string();
    let rejected = controller.log().refused.into_iter();
    rejected
        .filter(|(id, ..)| *id == task)
        .map(|(_, reported, problem)| (reported, problem))
        .collect()
}

fn rejection(reported: &'static str, kind: &str) -> (&'static str, String) {
    (reported, kind.to_owned())
}

#[tokio::test]
async fn tasks_move_stock_at_most_once_with_any_controller() {
    let (Some(deployed), Some(cloud)) = (Deployed::find(), TestCloud::find()) else {
        return;
    };
    let sqs = cloud.aws().sqs();
    let reporting = Warehouse::open(&deployed, sqs.clone(), "reporting").await;
    let silent = Warehouse::open(&deployed, sqs, "silent").await;
    join(
        async {
            let controller = reporting.controller("controller-1", Script::Normal).await;
            duplicate_lost_or_reordered_reports_complete_once(&reporting, &controller).await;
            failure_is_retried_only_if_retriable(&reporting, &controller).await;
            canceled_order_cancels_its_task(&reporting, &controller).await;
            late_cancel_command_gets_a_report(&reporting, &controller).await;
            let log = controller.stop().await;
            assert!(log.errors.is_empty(), "{:?}", log.errors);
        },
        silent_and_late_controllers_lose_their_lease(&silent),
    )
    .await;
}

async fn duplicate_lost_or_reordered_reports_complete_once(
    warehouse: &Warehouse<'_>,
    controller: &Controller,
) {
    let skipped_in_progress = rejection("completed", "transition-refused");
    let outdated = rejection("accepted", "outdated-report");
    let scripts = [
        ("normal", Script::Normal, vec![]),
        ("duplicates", Script::DuplicatesReports, vec![]),
        ("loses", Script::LosesReport, vec![skipped_in_progress]),
        ("reorders", Script::ReordersReports, vec![outdated]),
    ];
    let before = warehouse.level("bolts").await;
    for (times, (name, script, refusals)) in (1..).zip(scripts) {
        controller.set_script(script);
        let line_task = warehouse.order(name, &["bolts"]).await.remove(0);
        let task = warehouse.wait_for_state(&line_task, "completed").await;
        assert_eq!(
            (&task["attempt"], &task["lease_id"]),
            (&json!(1), &json!(1))
        );
        let is_logged = || async {
            let completed = controller.log().completed;
            completed
                .contains(&line_task.task.to_string())
                .then_some(())
        };
        eventually("the controller to log the completion", is_logged).await;
        assert_eq!(rejected_reports(controller, &line_task), refusals, "{name}");
        let expected = (before.0 - 2 * times, before.1);
        assert_eq!(warehouse.level("bolts").await, expected, "{name}");
    }
}

async fn failure_is_retried_only_if_retriable(warehouse: &Warehouse<'_>, controller: &Controller) {
    let (on_hand, allocated) = warehouse.level("nuts").await;
    for (retriable, state, attempt) in [(false, "failed", 1), (true, "dead_lettered", 5)] {
        controller.set_script(Script::Fails { retriable });
        let line_task = warehouse.order(state, &["nuts"]).await.remove(0);
        let task = warehouse.wait_for_state(&line_task, state).await;
        let each_attempt = (&task["attempt"], &task["lease_id"]);
        assert_eq!(each_attempt, (&json!(attempt), &json!(attempt)));
    }
    assert_eq!(warehouse.level("nuts").await, (on_hand, allocated + 4));
}

async fn canceled_order_cancels_its_task(warehouse: &Warehouse<'_>, controller: &Controller) {
    controller.set_script(Script::WaitsForCancel);
    let before = warehouse.level("bolts").await;
    let line_task = warehouse.order("called-back", &["bolts"]).await.remove(0);
    warehouse.wait_for_state(&line_task, "in_progress").await;
    let path = format!("/v1/orders/{}/cancel", line_task.order);
    let canceled = warehouse
        .store_app
        .post(&path, &json!({}), Some("reporting-cancel"))
        .await;
    canceled.unwrap().expect_status(&[200]).unwrap();
    warehouse.wait_for_state(&line_task, "canceled").await;
    let is_canceled = || async {
        let canceled = controller.log().canceled;
        canceled.contains(&line_task.task.to_string()).then_some(())
    };
    eventually("the controller to report the cancellation", is_canceled).await;
    assert_eq!(rejected_reports(controller, &line_task), []);
    assert_eq!(warehouse.level("bolts").await, before);
}

async fn late_cancel_command_gets_a_report(warehouse: &Warehouse<'_>, controller: &Controller) {
    // given a task that its controller has completed
    controller.set_script(Script::Normal);
    let line_task = warehouse.order("late-cancel", &["bolts"]).await.remove(0);
    warehouse.wait_for_state(&line_task, "completed").await;
    let before = warehouse.level("bolts").await;
    // when a cancel command arrives afterwards
    let task_id = line_task.task.to_string();
    let command = json!({"type": "task.command", "data": {"command": "cancel", "task_id": task_id, "lease_id": 1}});
    warehouse
        .sqs
        .send_message()
        .queue_url(&warehouse.deployed.cloud.queues["controller-1"])
        .message_group_id(&task_id)
        .message_deduplication_id(format!("{task_id}-late"))
        .message_body(command.to_string())
        .send()
        .await
        .unwrap();
    // then the controller's cancellation report is rejected
    let is_rejected = || async {
        let rejected = rejected_reports(controller, &line_task);
        (rejected == [rejection("canceled", "transition-refused")]).then_some(())
    };
    eventually("the late cancellation report to be rejected", is_rejected).await;
    warehouse.wait_for_state(&line_task, "completed").await;
    assert_eq!(warehouse.level("bolts").await, before);
}

async fn silent_and_late_controllers_lose_their_lease(warehouse: &Warehouse<'_>) {
    // given two tasks, one leased to a controller that goes silent, one to a controller that hangs too long
    let before = (
        warehouse.level("bolts").await,
        warehouse.level("nuts").await,
    );
    let silent = warehouse.controller("controller-2", Script::Silent).await;
    let late = warehouse
        .controller(
            "controller-3",
            Script::CompletesLate(LATER_THAN_HEARTBEAT_TIMEOUT),
        )
        .await;
    let mut line_tasks = warehouse.order("lost", &["bolts", "nuts"]).await;
    for task in &line_tasks {
        let is_leased = || async { (warehouse.task(task).await?["lease_id"] == 1).then_some(()) };
        eventually("both tasks to be leased", is_leased).await;
    }
    if warehouse.task(&line_tasks[0]).await.unwrap()["controller_id"] == "controller-3" {
        line_tasks.swap(0, 1);
    }
    let [of_silent, of_late] = &line_tasks[..] else {
        panic!("there are two tasks");
    };
    assert_eq!(
        warehouse.task(of_silent).await.unwrap()["controller_id"],
        "controller-2"
    );
    warehouse.wait_for_state(of_late, "in_progress").await;
    late.set_script(Script::Normal);
    // when both leases expire, both tasks return to the queue, and the controller that hung completes both
    for task in [of_silent, of_late] {
        let swept = || async {
            warehouse.sweep().await;
            (warehouse.task(task).await?["attempt"].as_u64()? > 1).then_some(())
        };
        eventually("the task to be taken back", swept).await;
    }
    for line_task in [of_silent, of_late] {
        // The hanging controller may have been leased the other task as well before it was found dead.
        let task = warehouse.wait_for_state(line_task, "completed").await;
        assert_eq!(task["attempt"], task["lease_id"]);
        assert_eq!(task["controller_id"], "controller-3");
    }
    // then its report under the first lease is rejected, and stock moved once
    let first = rejected_reports(&late, of_late).remove(0);
    assert_eq!(first, rejection("completed", "stale-lease"));
    let minus_two = |(on_hand, allocated): (i64, i64)| (on_hand - 2, allocated);
    let after = (
        warehouse.level("bolts").await,
        warehouse.level("nuts").await,
    );
    assert_eq!(after, (minus_two(before.0), minus_two(before.1)));
    assert_eq!(silent.stop().await.reports, 0);
    late.stop().await;
}
