//! An admin gives a person access. The person's tokens have no role: the deployed authorizer looks the person up.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use serde_json::json;
use stockline_integration_tests::{Deployed, eventually, sale};
use stockline_simulators::api::ApiClient;
use xtask::oidc::Bearer;

const SUBJECT: &str = "auth0|users-lea";
const PATH: &str = "/v1/users/auth0%7Cusers-lea";
const MILK: &str = "/v1/locations/users-store-1/stock/milk";

/// A client with a new token of the person. API Gateway keeps the result of each token, so every attempt needs its own.
fn person(deployed: &Deployed, attempt: u64) -> ApiClient {
    let mut bearer = Bearer::without_role(SUBJECT);
    bearer.ttl += std::time::Duration::from_secs(attempt);
    deployed.api_with(&bearer)
}

/// Waits until a request with a new token of the person is answered with `status`.
async fn answers(deployed: &Deployed, status: u16) -> ApiClient {
    let attempts = std::cell::Cell::new(0);
    eventually(&format!("status {status} for the person"), || async {
        attempts.set(attempts.get() + 1);
        let api = person(deployed, attempts.get());
        let answer = api.get(MILK).await.unwrap();
        (answer.status == status).then_some(api)
    })
    .await
}

#[tokio::test]
async fn user_sells_in_own_stores_until_removed() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    // given three stores, and a person whom nobody gave access
    for store in ["users-store-1", "users-store-2", "users-store-3"] {
        deployed.open_store(store, &[("milk", 5)]).await;
    }
    let admin = deployed.admin();
    admin.delete(PATH).await.unwrap();
    answers(&deployed, 401).await;

    // when an admin makes the person the manager of two stores, then the person sells there and nowhere else
    let manager =
        json!({"role": "store_manager", "location_ids": ["users-store-1", "users-store-2"]});
    let stored = admin.put(PATH, &manager).await.unwrap();
    let stored = stored.expect_status(&[200]).unwrap().body;
    assert_eq!(
        (&stored["subject"], &stored["version"]),
        (&json!(SUBJECT), &json!(1))
    );
    let api = answers(&deployed, 200).await;
    for (store, status) in [
        ("users-store-1", 201),
        ("users-store-2", 201),
        ("users-store-3", 404),
    ] {
        let key = format!("users-{store}");
        let sold = api
            .post("/v1/orders", &sale(store, "milk"), Some(&key))
            .await
            .unwrap();
        assert_eq!(sold.status, status, "{store}: {}", sold.body);
    }
    let refused = api.get("/v1/users").await.unwrap();
    assert_eq!(refused.status, 403);

    // when the admin disables the person, then new tokens are refused, and again accepted when that is undone
    for (disabled, version, status) in [(true, 1, 401), (false, 2, 200)] {
        let mut change = manager.clone();
        change["disabled"] = disabled.into();
        change["expected_version"] = version.into();
        let changed = admin.put(PATH, &change).await.unwrap();
        changed.expect_status(&[200]).unwrap();
        answers(&deployed, status).await;
    }

    // when two admins change the same version, then the second gets a conflict
    let mut late = json!({"role": "analyst", "location_ids": []});
    late["expected_version"] = 2.into();
    let late = admin.put(PATH, &late).await.unwrap();
    assert_eq!(
        (late.status, late.problem_type()),
        (409, Some("outdated-version"))
    );

    // when the admin deletes the person, then new tokens are refused
    let deleted = admin.delete(PATH).await.unwrap();
    deleted.expect_status(&[200]).unwrap();
    answers(&deployed, 401).await;
    let listed = admin.get("/v1/users").await.unwrap();
    let listed = listed.expect_status(&[200]).unwrap().body;
    let users = listed["users"].as_array().unwrap();
    assert!(users.iter().all(|user| user["subject"] != SUBJECT));
}
