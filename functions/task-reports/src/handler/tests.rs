mod costs;

use jiff::Timestamp;
use serde_json::{Value, json};
use stockline_domain::catalog::Zone;
use stockline_domain::ids::OrderId;
use stockline_domain::order::Order;
use stockline_platform::edge::answer;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::tasks::Orders;
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::memory::tasks::{MemoryQueues, MemoryTasks};
use stockline_testkit::orders::order;

use super::*;

struct Warehouse {
    shop: MemoryShop,
    tasks: MemoryTasks,
    queues: MemoryQueues,
    order: OrderId,
    reports: TaskReports<MemoryTasks, MemoryTasks, MemoryQueues, FakeClock>,
}

/// The task of the only line of `order`, with `controller-1`.
fn leased(order: &Order, now: Timestamp) -> Task {
    let zone = Zone {
        zone_id: "dry".parse().unwrap(),
        aisles: 1,
    };
    let planned = Task::plan(order, &[zone], now).remove(0);
    planned
        .lease(&"controller-1".parse().unwrap(), now)
        .unwrap()
}

/// What `controller-1` says under its first lease.
fn report(seq: u64, state: &str) -> Value {
    let mut body = json!({
        "lease_id": 1, "report_seq": seq, "state": state, "occurred_at": "2026-03-01T12:00:05.000Z",
    });
    if state == "failed" {
        body["error"] = json!({"code": "jammed", "retriable": true});
    }
    body
}

/// Ten milk, two of them promised to an order whose task `controller-1` holds.
async fn warehouse() -> Warehouse {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let shop = MemoryShop::stocked("hub-1", &[("milk", 10)]);
    let order = order("k1", "hub-1", "online", &[("milk", 2)]);
    shop.place(&order).await;
    let tasks = MemoryTasks::over(shop.clone());
    let queues = MemoryQueues::default();
    tasks.add(&leased(&order, clock.now())).await.unwrap();
    let reports = TaskReports::new(tasks.clone(), tasks.clone(), queues.clone(), clock);
    Warehouse {
        shop,
        tasks,
        queues,
        order: order.order_id,
        reports,
    }
}

impl Warehouse {
    fn about_task(&self, method: &'static str, resource: &'static str) -> CallBuilder {
        call(method, resource)
            .path("task_id", &self.tasks.only().task_id.to_string())
            .by_controller("controller-1", "hub-1")
    }

    fn says(&self, seq: u64, state: &str) -> CallBuilder {
        self.about_task("POST", "/v1/tasks/{task_id}/reports")
            .body(&report(seq, state))
    }

    async fn send(&self, call: CallBuilder) -> Result<Reply, Problem> {
        self.reports.handle(call.build()).await
    }

    async fn refused(&self, call: CallBuilder) -> (u16, Value) {
        let problem = self.send(call).await.unwrap_err();
        let status = problem.status();
        let type_ = serde_json::to_value(problem).unwrap()["type"].take();
        (status, type_)
    }
}

fn kind(name: &str) -> Value {
    format!("https://stockline.dev/problems/{name}").into()
}

#[tokio::test]
async fn a_controller_accepts_starts_and_completes_and_the_goods_leave_with_it() {
    let house = warehouse().await;
    house.send(house.says(1, "accepted")).await.unwrap();
    house.send(house.says(2, "in_progress")).await.unwrap();
    for _ in 0..2 {
        let done = house.send(house.says(3, "completed")).await.unwrap();
        assert_eq!(done.status(), 200);
        assert_eq!(done.body()["state"], "completed");
    }
    assert_eq!(house.shop.level("hub-1", "milk"), (8, 0));
    let order = house.shop.order(house.order).await;
    assert_eq!(order.lines[0].fulfilled_quantity, 2);
    let read = house
        .send(house.about_task("GET", "/v1/tasks/{task_id}"))
        .await
        .unwrap();
    let task = house.tasks.only();
    assert_eq!(
        *read.body(),
        json!({
            "task_id": task.task_id, "state": "completed", "kind": "retrieve", "order_id": house.order, "line": 1,
            "location_id": "hub-1", "zone_id": "dry", "aisle": 1, "sku": "milk", "quantity": 2, "priority": 5,
            "attempt": 1, "lease_id": 1, "controller_id": "controller-1", "last_report_seq": 3,
            "created_at": "2026-03-01T12:00:00.000Z", "deadline": "2026-03-01T16:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn a_report_that_does_not_count_is_refused_by_name() {
    let house = warehouse().await;
    assert_eq!(
        house.refused(house.says(1, "completed")).await,
        (409, kind("transition-refused"))
    );
    house.send(house.says(2, "accepted")).await.unwrap();
    assert_eq!(
        house.refused(house.says(2, "in_progress")).await,
        (409, kind("report-conflict"))
    );
    assert_eq!(
        house.refused(house.says(1, "in_progress")).await,
        (409, kind("outdated-report"))
    );
    let stale = house.about_task("POST", "/v1/tasks/{task_id}/reports").body(&json!({
        "lease_id": 9, "report_seq": 3, "state": "in_progress", "occurred_at": "2026-03-01T12:00:05.000Z",
    }));
    assert_eq!(house.refused(stale).await, (409, kind("stale-lease")));
}

#[tokio::test]
async fn a_report_from_before_the_task_or_from_the_future_is_refused_with_the_field_named() {
    let house = warehouse().await;
    for (occurred_at, taken) in [
        ("2026-03-01T11:59:59.999Z", false),
        ("2026-03-01T12:05:00.001Z", false),
        ("2026-03-01T12:05:00.000Z", true),
    ] {
        let told = house
            .about_task("POST", "/v1/tasks/{task_id}/reports")
            .body(&json!({
                "lease_id": 1, "report_seq": 1, "state": "accepted", "occurred_at": occurred_at,
            }));
        let answer = house.send(told).await;
        assert_eq!(answer.is_ok(), taken, "{occurred_at}");
        let Err(problem) = answer else { continue };
        assert_eq!(problem.status(), 400);
        let problem = serde_json::to_value(problem).unwrap();
        assert_eq!(problem["type"], kind("invalid-request"));
        assert_eq!(problem["errors"][0]["pointer"], "/occurred_at");
    }
}

#[tokio::test]
async fn a_failure_that_may_pass_queues_the_task_again_also_when_the_queue_was_down_at_first() {
    let house = warehouse().await;
    house.queues.set_broken(true);
    assert_eq!(
        house.refused(house.says(1, "failed")).await,
        (500, kind("internal"))
    );
    house.queues.set_broken(false);
    for _ in 0..2 {
        let queued = house.send(house.says(1, "failed")).await.unwrap();
        assert_eq!(queued.body()["state"], "queued");
        assert_eq!(queued.body()["attempt"], 2);
    }
    let sent = house.queues.take();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1["type"], "task.queued");
}

#[tokio::test]
async fn what_is_not_the_callers_reads_as_if_it_were_not_there() {
    let house = warehouse().await;
    let not_found = (404, kind("not-found"));
    let other = house
        .says(1, "accepted")
        .by_controller("controller-2", "hub-1");
    assert_eq!(house.refused(other).await, not_found);
    let other = house
        .about_task("GET", "/v1/tasks/{task_id}")
        .by_controller("controller-2", "hub-1");
    assert_eq!(house.refused(other).await, not_found);
    let elsewhere =
        house
            .about_task("GET", "/v1/tasks/{task_id}")
            .by("ana", "store_manager", "store-1");
    assert_eq!(house.refused(elsewhere).await, not_found);
    for (method, resource) in [
        ("GET", "/v1/tasks/{task_id}"),
        ("POST", "/v1/tasks/{task_id}/reports"),
    ] {
        // Once its controller, but of another warehouse by now.
        let moved_on = match method {
            "POST" => house.says(1, "accepted"),
            _ => house.about_task(method, resource),
        };
        let moved_on = moved_on.by_controller("controller-1", "hub-2");
        assert_eq!(house.refused(moved_on).await, not_found);
    }
    let unknown = call("GET", "/v1/tasks/{task_id}")
        .path("task_id", &house.order.to_string())
        .by_controller("controller-1", "hub-1");
    assert_eq!(house.refused(unknown).await, not_found);
}

#[tokio::test]
async fn only_a_controller_or_an_admin_reports_and_a_manager_may_look() {
    let house = warehouse().await;
    let till = house.says(1, "accepted").by("till-1", "store_app", "*");
    assert_eq!(house.refused(till).await, (403, kind("forbidden")));
    let manager =
        house
            .about_task("GET", "/v1/tasks/{task_id}")
            .by("ana", "store_manager", "hub-1");
    assert_eq!(house.send(manager).await.unwrap().body()["state"], "leased");
    let admin = house.says(1, "accepted").by("root", "admin", "*");
    assert_eq!(house.send(admin).await.unwrap().body()["state"], "accepted");
}

#[tokio::test]
async fn a_heartbeat_is_kept_for_the_controller_that_sent_it_and_no_other() {
    let house = warehouse().await;
    let beat_at = |location: &str, capacity: i64| {
        call("POST", "/v1/controllers/{controller_id}/heartbeat")
            .path("controller_id", "controller-1")
            .body(&json!({"location_id": location, "zone_id": "dry", "free_capacity": capacity}))
    };
    let beat = |capacity| beat_at("hub-1", capacity);
    let kept = house
        .send(beat(4).by_controller("controller-1", "hub-1"))
        .await
        .unwrap();
    assert_eq!(
        *kept.body(),
        json!({
            "controller_id": "controller-1", "location_id": "hub-1", "zone_id": "dry", "free_capacity": 4,
            "received_at": "2026-03-01T12:00:00.000Z",
        })
    );
    let other = beat(4).by_controller("controller-2", "hub-1");
    assert_eq!(house.refused(other).await, (404, kind("not-found")));
    let elsewhere = beat_at("hub-2", 4).by_controller("controller-1", "hub-1");
    assert_eq!(house.refused(elsewhere).await, (404, kind("not-found")));
    let too_much = beat(1001).by_controller("controller-1", "hub-1");
    assert_eq!(
        house.refused(too_much).await,
        (400, kind("invalid-request"))
    );
    let negative = beat(-1).by_controller("controller-1", "hub-1");
    assert_eq!(house.refused(negative).await, (400, kind("malformed-body")));
    assert_eq!(
        house
            .tasks
            .controllers(&"hub-1".parse().unwrap(), &"dry".parse().unwrap())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_sample_events_are_answered() {
    let house = warehouse().await;
    for (text, status) in [
        (
            include_str!("../../../../events/task-reports.heartbeat.json"),
            200,
        ),
        (
            include_str!("../../../../events/task-reports.report.json"),
            404,
        ),
        (
            include_str!("../../../../events/task-reports.read.json"),
            404,
        ),
    ] {
        let request = lambda_http::request::from_str(text).unwrap();
        let response = answer(&request, &|call| house.reports.handle(call)).await;
        assert_eq!(response.status(), status);
    }
}
