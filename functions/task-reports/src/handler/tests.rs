mod costs;

use jiff::Timestamp;
use serde_json::{Value, json};
use stockline_application::location_cache::LocationCache;
use stockline_domain::catalog::{Location, LocationKind, Zone};
use stockline_domain::ids::OrderId;
use stockline_domain::order::Order;
use stockline_platform::edge::answer;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::tasks::TaskOrders;
use stockline_testkit::memory::catalog::MemoryCatalog;
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::memory::tasks::{MemoryQueues, MemoryTasks};
use stockline_testkit::orders::order;

use super::*;

struct Fixture {
    shop: MemoryShop,
    tasks: MemoryTasks,
    queues: MemoryQueues,
    order: OrderId,
    catalog: MemoryCatalog,
    reports: TaskReports<MemoryTasks, MemoryTasks, MemoryQueues, MemoryCatalog, FakeClock>,
}

/// The warehouse `id` with the zone `dry`.
fn hub(id: &str) -> Location {
    Location {
        location_id: id.parse().unwrap(),
        name: "Hub".to_owned(),
        kind: LocationKind::Warehouse,
        time_zone: "UTC".to_owned(),
        close_out_hour: 0,
        zones: vec![zone("dry")],
    }
}

fn zone(id: &str) -> Zone {
    Zone {
        zone_id: id.parse().unwrap(),
        aisles: 1,
    }
}

/// The registry of a deployment with `controller-1` and `controller-2`.
fn registry<Catalog: CatalogStore>(
    catalog: Catalog,
    clock: &FakeClock,
) -> ControllerRegistry<Catalog, FakeClock> {
    let controllers = ["controller-1", "controller-2"].map(|id| id.parse().unwrap());
    ControllerRegistry::new(controllers, LocationCache::new(catalog, clock.clone()))
}

/// The task of the only line of `order`, leased to `controller-1`.
fn leased(order: &Order, now: Timestamp) -> Task {
    let planned = Task::plan(order, &[zone("dry")], now).remove(0);
    planned
        .lease(&"controller-1".parse().unwrap(), now)
        .unwrap()
}

/// The body of a report of `controller-1` under lease 1.
fn report(seq: u64, state: &str) -> Value {
    let mut body = json!({
        "lease_id": 1, "report_seq": seq, "state": state, "occurred_at": "2026-03-01T12:00:05.000Z",
    });
    if state == "failed" {
        body["error"] = json!({"code": "jammed", "retriable": true});
    }
    body
}

/// Ten units of milk on hand, two of them allocated to an order whose task is leased to `controller-1`.
async fn fixture() -> Fixture {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let shop = MemoryShop::stocked("hub-1", &[("milk", 10)]);
    let order = order("k1", "hub-1", "online", &[("milk", 2)]);
    shop.place(&order).await;
    let tasks = MemoryTasks::over(shop.clone());
    let queues = MemoryQueues::default();
    tasks.add(&leased(&order, clock.now())).await.unwrap();
    let catalog = MemoryCatalog::with_locations([hub("hub-1"), hub("hub-2")]);
    let registry = registry(catalog.clone(), &clock);
    let reports = TaskReports::new(
        tasks.clone(),
        tasks.clone(),
        queues.clone(),
        registry,
        clock,
    );
    Fixture {
        shop,
        tasks,
        queues,
        order: order.order_id,
        catalog,
        reports,
    }
}

impl Fixture {
    fn task_call(&self, method: &'static str, resource: &'static str) -> CallBuilder {
        call(method, resource)
            .path("task_id", &self.tasks.only_task().task_id.to_string())
            .by_controller("controller-1", "hub-1")
    }

    fn report_call(&self, seq: u64, state: &str) -> CallBuilder {
        self.task_call("POST", "/v1/tasks/{task_id}/reports")
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
async fn completion_moves_stock_and_fulfils_the_line() {
    let fixture = fixture().await;
    fixture
        .send(fixture.report_call(1, "accepted"))
        .await
        .unwrap();
    fixture
        .send(fixture.report_call(2, "in_progress"))
        .await
        .unwrap();
    for _ in 0..2 {
        let done = fixture
            .send(fixture.report_call(3, "completed"))
            .await
            .unwrap();
        assert_eq!(done.status(), 200);
        assert_eq!(done.body()["state"], "completed");
    }
    assert_eq!(fixture.shop.level("hub-1", "milk"), (8, 0));
    let order = fixture.shop.order(fixture.order).await;
    assert_eq!(order.lines[0].fulfilled_quantity, 2);
    let read = fixture
        .send(fixture.task_call("GET", "/v1/tasks/{task_id}"))
        .await
        .unwrap();
    let task = fixture.tasks.only_task();
    assert_eq!(
        *read.body(),
        json!({
            "task_id": task.task_id, "state": "completed", "kind": "retrieve", "order_id": fixture.order, "line": 1,
            "location_id": "hub-1", "zone_id": "dry", "aisle": 1, "sku": "milk", "quantity": 2, "priority": 5,
            "attempt": 1, "lease_id": 1, "controller_id": "controller-1", "last_report_seq": 3,
            "created_at": "2026-03-01T12:00:00.000Z", "deadline": "2026-03-01T16:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn refused_report_names_its_reason() {
    let fixture = fixture().await;
    assert_eq!(
        fixture.refused(fixture.report_call(1, "completed")).await,
        (409, kind("transition-refused"))
    );
    fixture
        .send(fixture.report_call(2, "accepted"))
        .await
        .unwrap();
    assert_eq!(
        fixture.refused(fixture.report_call(2, "in_progress")).await,
        (409, kind("report-conflict"))
    );
    assert_eq!(
        fixture.refused(fixture.report_call(1, "in_progress")).await,
        (409, kind("outdated-report"))
    );
    let stale = fixture.task_call("POST", "/v1/tasks/{task_id}/reports").body(&json!({
        "lease_id": 9, "report_seq": 3, "state": "in_progress", "occurred_at": "2026-03-01T12:00:05.000Z",
    }));
    assert_eq!(fixture.refused(stale).await, (409, kind("stale-lease")));
}

#[tokio::test]
async fn report_outside_the_time_bounds_is_400() {
    for (occurred_at, is_accepted) in [
        ("2026-03-01T11:54:59.999Z", false),
        ("2026-03-01T11:55:00.000Z", true),
        ("2026-03-01T12:05:00.001Z", false),
        ("2026-03-01T12:05:00.000Z", true),
    ] {
        let fixture = fixture().await;
        let report = fixture
            .task_call("POST", "/v1/tasks/{task_id}/reports")
            .body(&json!({
                "lease_id": 1, "report_seq": 1, "state": "accepted", "occurred_at": occurred_at,
            }));
        let answer = fixture.send(report).await;
        assert_eq!(answer.is_ok(), is_accepted, "{occurred_at}");
        let Err(problem) = answer else { continue };
        assert_eq!(problem.status(), 400);
        let problem = serde_json::to_value(problem).unwrap();
        assert_eq!(problem["type"], kind("invalid-request"));
        assert_eq!(problem["errors"][0]["pointer"], "/occurred_at");
    }
}

#[tokio::test]
async fn retriable_failure_requeues_after_a_queue_outage() {
    let fixture = fixture().await;
    fixture.queues.set_broken(true);
    assert_eq!(
        fixture.refused(fixture.report_call(1, "failed")).await,
        (500, kind("internal"))
    );
    fixture.queues.set_broken(false);
    for _ in 0..2 {
        let queued = fixture
            .send(fixture.report_call(1, "failed"))
            .await
            .unwrap();
        assert_eq!(queued.body()["state"], "queued");
        assert_eq!(queued.body()["attempt"], 2);
    }
    let sent = fixture.queues.take();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1["type"], "task.queued");
}

#[tokio::test]
async fn foreign_task_is_not_found() {
    let fixture = fixture().await;
    let not_found = (404, kind("not-found"));
    let other = fixture
        .report_call(1, "accepted")
        .by_controller("controller-2", "hub-1");
    assert_eq!(fixture.refused(other).await, not_found);
    let other = fixture
        .task_call("GET", "/v1/tasks/{task_id}")
        .by_controller("controller-2", "hub-1");
    assert_eq!(fixture.refused(other).await, not_found);
    let elsewhere =
        fixture
            .task_call("GET", "/v1/tasks/{task_id}")
            .by("ana", "store_manager", "store-1");
    assert_eq!(fixture.refused(elsewhere).await, not_found);
    for (method, resource) in [
        ("GET", "/v1/tasks/{task_id}"),
        ("POST", "/v1/tasks/{task_id}/reports"),
    ] {
        // The controller of the task, with a token for another warehouse.
        let relocated = match method {
            "POST" => fixture.report_call(1, "accepted"),
            _ => fixture.task_call(method, resource),
        };
        let relocated = relocated.by_controller("controller-1", "hub-2");
        assert_eq!(fixture.refused(relocated).await, not_found);
    }
    let unknown = call("GET", "/v1/tasks/{task_id}")
        .path("task_id", &fixture.order.to_string())
        .by_controller("controller-1", "hub-1");
    assert_eq!(fixture.refused(unknown).await, not_found);
}

#[tokio::test]
async fn only_controllers_and_admins_may_report() {
    let fixture = fixture().await;
    let store_app = fixture
        .report_call(1, "accepted")
        .by("till-1", "store_app", "*");
    assert_eq!(fixture.refused(store_app).await, (403, kind("forbidden")));
    let manager =
        fixture
            .task_call("GET", "/v1/tasks/{task_id}")
            .by("ana", "store_manager", "hub-1");
    assert_eq!(
        fixture.send(manager).await.unwrap().body()["state"],
        "leased"
    );
    let admin = fixture.report_call(1, "accepted").by("root", "admin", "*");
    assert_eq!(
        fixture.send(admin).await.unwrap().body()["state"],
        "accepted"
    );
}

#[tokio::test]
async fn heartbeat_is_stored_for_its_sender_only() {
    let fixture = fixture().await;
    let heartbeat_at = |location: &str, capacity: i64| {
        call("POST", "/v1/controllers/{controller_id}/heartbeat")
            .path("controller_id", "controller-1")
            .body(&json!({"location_id": location, "zone_id": "dry", "free_capacity": capacity}))
    };
    let heartbeat = |capacity| heartbeat_at("hub-1", capacity);
    let kept = fixture
        .send(heartbeat(4).by_controller("controller-1", "hub-1"))
        .await
        .unwrap();
    assert_eq!(
        *kept.body(),
        json!({
            "controller_id": "controller-1", "location_id": "hub-1", "zone_id": "dry", "free_capacity": 4,
            "received_at": "2026-03-01T12:00:00.000Z",
        })
    );
    let other = heartbeat(4).by_controller("controller-2", "hub-1");
    assert_eq!(fixture.refused(other).await, (404, kind("not-found")));
    let elsewhere = heartbeat_at("hub-2", 4).by_controller("controller-1", "hub-1");
    assert_eq!(fixture.refused(elsewhere).await, (404, kind("not-found")));
    let too_much = heartbeat(1001).by_controller("controller-1", "hub-1");
    assert_eq!(
        fixture.refused(too_much).await,
        (400, kind("invalid-request"))
    );
    let negative = heartbeat(-1).by_controller("controller-1", "hub-1");
    assert_eq!(
        fixture.refused(negative).await,
        (400, kind("invalid-request"))
    );
    assert_eq!(
        fixture
            .tasks
            .controllers(&"hub-1".parse().unwrap(), &"dry".parse().unwrap())
            .await
            .unwrap()
            .len(),
        1
    );
}

fn heartbeat_of(controller: &str, location: &str, zone: &str) -> CallBuilder {
    call("POST", "/v1/controllers/{controller_id}/heartbeat")
        .path("controller_id", controller)
        .by("root", "admin", "*")
        .body(&json!({"location_id": location, "zone_id": zone, "free_capacity": 4}))
}

#[tokio::test]
async fn heartbeat_of_unknown_controller_or_zone_is_refused() {
    let fixture = fixture().await;
    for (controller, location, status) in [
        ("ghost", "hub-1", 404),
        ("controller-1", "hub-9", 404),
        ("controller-1", "hub-1", 400),
    ] {
        let problem = fixture
            .send(heartbeat_of(controller, location, "attic"))
            .await
            .unwrap_err();
        assert_eq!(problem.status(), status, "{controller} at {location}");
    }
    let own = heartbeat_of("ghost", "hub-1", "dry").by_controller("ghost", "hub-1");
    assert_eq!(fixture.refused(own).await, (404, kind("not-found")));
    for zone in ["attic", "dry"] {
        let live = fixture
            .tasks
            .controllers(&"hub-1".parse().unwrap(), &zone.parse().unwrap())
            .await
            .unwrap();
        assert!(live.is_empty(), "{live:?}");
    }
}

#[tokio::test]
async fn heartbeat_for_a_zone_that_was_just_added_is_accepted() {
    let fixture = fixture().await;
    fixture
        .send(heartbeat_of("controller-1", "hub-1", "dry"))
        .await
        .unwrap();
    let mut extended = hub("hub-1");
    extended.zones.push(zone("attic"));
    fixture
        .catalog
        .lock()
        .locations
        .insert(extended.location_id.clone(), extended);
    fixture
        .send(heartbeat_of("controller-1", "hub-1", "attic"))
        .await
        .unwrap();
}

#[tokio::test]
async fn heartbeat_survives_an_outage_of_the_catalog() {
    let fixture = fixture().await;
    let heartbeat = heartbeat_of("controller-1", "hub-1", "dry");
    fixture.send(heartbeat.clone()).await.unwrap();
    fixture.catalog.lock().busy = true;
    fixture.send(heartbeat).await.unwrap();
}

#[tokio::test]
async fn sample_events_are_answered() {
    let fixture = fixture().await;
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
        let response = answer(&request, &|call| fixture.reports.handle(call)).await;
        assert_eq!(response.status(), status);
    }
}
