mod costs;

use serde_json::{Value, json};
use stockline_domain::caller::Role;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::answer;
use stockline_platform::problem::Problem;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::memory::users::{MemoryUsers, user};

use super::UsersApi;

struct Fixture {
    users: MemoryUsers,
    api: UsersApi<MemoryUsers>,
}

fn fixture() -> Fixture {
    let users = MemoryUsers::default();
    let api = UsersApi::new(users.clone(), CursorKey::new("secret"));
    Fixture { users, api }
}

impl Fixture {
    async fn ok(&self, call: CallBuilder) -> Value {
        let reply = self.api.handle(call.build()).await.unwrap();
        assert_eq!(reply.status(), 200);
        reply.body().clone()
    }

    async fn problem(&self, call: CallBuilder) -> Problem {
        self.api.handle(call.build()).await.unwrap_err()
    }

    /// The status and the type of the problem.
    async fn refused(&self, call: CallBuilder) -> (u16, String) {
        let problem = self.problem(call).await;
        (problem.status(), problem.type_name().to_owned())
    }
}

fn by_admin(call: CallBuilder) -> CallBuilder {
    call.by("ops", "admin", "*")
}

fn one(method: &'static str, subject: &str) -> CallBuilder {
    by_admin(call(method, "/v1/users/{subject}").path("subject", subject))
}

fn put(subject: &str, body: &Value) -> CallBuilder {
    one("PUT", subject).body(body)
}

fn list() -> CallBuilder {
    by_admin(call("GET", "/v1/users"))
}

fn manager(locations: &[&str]) -> Value {
    json!({"role": "store_manager", "location_ids": locations})
}

fn conflict(kind: &str) -> (u16, String) {
    (409, kind.to_owned())
}

#[tokio::test]
async fn user_is_stored_read_changed_and_deleted() {
    let fixture = fixture();
    let stored = json!({"subject": "lea", "role": "store_manager", "location_ids": ["store-1", "store-2"],
                        "disabled": false, "version": 1});
    let created = fixture
        .ok(put("lea", &manager(&["store-2", "store-1", "store-2"])))
        .await;
    assert_eq!(created, stored);
    assert_eq!(fixture.ok(one("GET", "lea")).await, stored);

    let change = json!({"role": "controller", "controller_id": "crane-7", "disabled": true, "expected_version": 1});
    let changed = fixture.ok(put("lea", &change)).await;
    let expected = json!({"subject": "lea", "role": "controller", "controller_id": "crane-7", "disabled": true, "version": 2});
    assert_eq!(changed, expected);

    for _ in 0..2 {
        let deleted = fixture.ok(one("DELETE", "lea")).await;
        assert_eq!(deleted, json!({"subject": "lea"}));
        let missing = fixture.refused(one("GET", "lea")).await;
        assert_eq!(missing, (404, "not-found".to_owned()));
    }
}

#[tokio::test]
async fn second_of_two_admins_gets_a_conflict() {
    let fixture = fixture();
    fixture.ok(put("lea", &manager(&["store-1"]))).await;
    let mut first = manager(&["store-1", "store-2"]);
    first["expected_version"] = 1.into();
    fixture.ok(put("lea", &first)).await;
    assert_eq!(
        fixture.ok(put("lea", &first)).await["version"],
        2,
        "a repeated request"
    );

    let mut second = manager(&["store-3"]);
    for (expected, kind) in [(json!(1), "stale"), (Value::Null, "created again")] {
        if expected.is_null() {
            second.as_object_mut().unwrap().remove("expected_version");
        } else {
            second["expected_version"] = expected;
        }
        let problem = serde_json::to_value(fixture.problem(put("lea", &second)).await).unwrap();
        assert_eq!(
            (&problem["status"], &problem["version"]),
            (&json!(409), &json!(2)),
            "{kind}"
        );
    }
    second["expected_version"] = 1.into();
    let missing = fixture.refused(put("kim", &second)).await;
    assert_eq!(missing, conflict("outdated-version"));
    let lea = fixture.ok(one("GET", "lea")).await;
    assert_eq!(lea["location_ids"], json!(["store-1", "store-2"]));
}

#[tokio::test]
async fn admin_cannot_end_own_access() {
    let fixture = fixture();
    for body in [
        manager(&[]),
        json!({"role": "admin", "disabled": true}),
        json!({"role": "admin", "location_ids": ["store-1"]}),
    ] {
        let refused = fixture.refused(put("ops", &body)).await;
        assert_eq!(refused, conflict("own-lockout"), "{body}");
    }
    fixture.ok(put("ops", &json!({"role": "admin"}))).await;
    let refused = fixture.refused(one("DELETE", "ops")).await;
    assert_eq!(refused, conflict("own-lockout"));
    assert_eq!(fixture.ok(one("GET", "ops")).await["role"], "admin");
    fixture
        .ok(one("DELETE", "ops").by("kim", "admin", "*"))
        .await;
}

#[tokio::test]
async fn only_admins_of_all_locations_manage_users() {
    let fixture = fixture();
    fixture.users.add(user("lea", Role::StoreApp, &["store-1"]));
    for (role, locations) in [
        ("admin", "store-1"),
        ("store_manager", "*"),
        ("store_app", "store-1"),
        ("logistics", "*"),
        ("controller", "*"),
        ("analyst", "*"),
    ] {
        for call in [
            put("lea", &manager(&["store-1"])),
            one("GET", "lea"),
            one("DELETE", "lea"),
            list(),
        ] {
            let refused = fixture.refused(call.by("kim", role, locations)).await;
            assert_eq!(refused, (403, "forbidden".to_owned()), "{role}");
        }
    }
    assert_eq!(fixture.users.lock().users.len(), 1);
    assert_eq!(fixture.users.lock().reads, 0);
}

#[tokio::test]
async fn subject_in_path_may_be_percent_encoded() {
    let fixture = fixture();
    fixture.ok(put("auth0|5f7c8", &manager(&["store-1"]))).await;
    for path in ["auth0|5f7c8", "auth0%7C5f7c8", "auth0%7c5f7c%38"] {
        assert_eq!(
            fixture.ok(one("GET", path)).await["subject"],
            "auth0|5f7c8",
            "{path}"
        );
    }
    fixture
        .ok(put("https%3A%2F%2Fid.test%2Flea+1", &manager(&[])))
        .await;
    let read = fixture.ok(one("GET", "https://id.test/lea+1")).await;
    assert_eq!(read["subject"], "https://id.test/lea+1");
    let long = "x".repeat(256);
    for path in ["..", "a%20b", "a%2541b", "%C3%A9", "%FF", "50%", &long] {
        for call in [
            one("GET", path),
            one("DELETE", path),
            put(path, &manager(&[])),
        ] {
            assert_eq!(fixture.refused(call).await.0, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn invalid_users_are_refused_by_field() {
    let fixture = fixture();
    let many: Vec<String> = (0..501).map(|number| format!("store-{number}")).collect();
    for (body, pointer) in [
        (json!({}), "/role"),
        (json!({"role": "owner"}), "/role"),
        (
            json!({"role": "admin", "location_ids": "*"}),
            "/location_ids",
        ),
        (
            json!({"role": "admin", "location_ids": null}),
            "/location_ids",
        ),
        (
            json!({"role": "analyst", "location_ids": ["a b"]}),
            "/location_ids/0",
        ),
        (
            json!({"role": "analyst", "location_ids": many}),
            "/location_ids",
        ),
        (json!({"role": "controller"}), "/controller_id"),
        (
            json!({"role": "admin", "controller_id": "crane-7"}),
            "/controller_id",
        ),
        (json!({"role": "admin", "disabled": "no"}), "/disabled"),
        (
            json!({"role": "admin", "expected_version": 0}),
            "/expected_version",
        ),
        (json!({"role": "admin", "subject": "lea"}), "/subject"),
    ] {
        let problem = fixture.problem(put("lea", &body)).await;
        assert_eq!(problem.status(), 400, "{body}");
        assert_eq!(problem.errors()[0].pointer, pointer, "{body}");
    }
    assert!(fixture.users.lock().users.is_empty());
}

#[tokio::test]
async fn users_are_listed_in_pages() {
    let fixture = fixture();
    assert_eq!(fixture.ok(list()).await, json!({"users": []}));
    for subject in ["lea", "ana", "kim"] {
        fixture.users.add(user(subject, Role::Analyst, &[]));
    }
    let first = fixture.ok(list().query("limit", "2")).await;
    assert_eq!(
        (&first["users"][0]["subject"], &first["users"][1]["subject"]),
        (&json!("ana"), &json!("kim"))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = fixture
        .ok(list().query("limit", "2").query("cursor", cursor))
        .await;
    let lea = json!({"subject": "lea", "role": "analyst", "location_ids": [], "disabled": false, "version": 1});
    assert_eq!(last, json!({"users": [lea]}));
    for (name, value) in [("cursor", "forged"), ("limit", "0"), ("limit", "101")] {
        assert_eq!(
            fixture.refused(list().query(name, value)).await.0,
            400,
            "{name}={value}"
        );
    }
}

#[tokio::test]
async fn throttled_store_is_busy() {
    let fixture = fixture();
    fixture.users.lock().busy = true;
    for call in [
        put("lea", &manager(&[])),
        one("GET", "lea"),
        one("DELETE", "lea"),
        list(),
    ] {
        assert_eq!(fixture.refused(call).await, (503, "busy".to_owned()));
    }
}

#[tokio::test]
async fn sample_events_get_the_gateway_response() {
    let fixture = fixture();
    for event in [
        include_str!("../../../../events/users.put.json"),
        include_str!("../../../../events/users.list.json"),
        include_str!("../../../../events/users.delete.json"),
    ] {
        let request = lambda_http::request::from_str(event).unwrap();
        let response = answer(&request, &|call| fixture.api.handle(call)).await;
        assert_eq!(response.status(), 200, "{:?}", response.body());
        assert_eq!(response.headers()["content-type"], "application/json");
    }
    assert!(fixture.users.lock().users.is_empty());
}
