//! Every operation rejects bad input with the right status as a problem document, and then accepts a valid request.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod operations;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use stockline_integration_tests::Deployed;
use xtask::oidc::{Bearer, Identity};

use crate::operations::{Operation, Orders, UNKNOWN_ID, operations};

struct Sender<'a> {
    http: Client,
    deployed: &'a Deployed,
}

impl Sender<'_> {
    fn token(&self, role: &str) -> String {
        let bearer = Bearer::new(role).named(format!("bad-input-{role}"));
        // Only an admin of all locations may manage users.
        let bearer = if role == "admin" {
            bearer
        } else {
            bearer.at(["bad-input"])
        };
        let bearer = if role == "controller" {
            bearer.controlling("controller-1")
        } else {
            bearer
        };
        self.deployed.cloud.token(&bearer).unwrap()
    }

    /// Places an order with this channel and returns its id.
    async fn place(&self, key: &str, channel: &str) -> String {
        let mut body = stockline_integration_tests::sale("bad-input", "milk");
        body["channel"] = channel.into();
        let manager = self
            .deployed
            .api("store_manager", "bad-input", &["bad-input"]);
        let placed = manager.post("/v1/orders", &body, Some(key)).await.unwrap();
        let placed = placed.expect_status(&[201]).unwrap();
        placed.body["order_id"].as_str().unwrap().to_owned()
    }

    async fn send(
        &self,
        operation: &Operation,
        token: Option<&str>,
        body: Option<&str>,
    ) -> (StatusCode, Value) {
        let url = format!("{}{}", self.deployed.cloud.api_url, operation.path);
        let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
        let mut request = self
            .http
            .request(method, url)
            .header("content-type", "application/json")
            .header("idempotency-key", "bad-input");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let content_type = response
            .headers()
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let body: Value = response.json().await.unwrap();
        if status.is_client_error() || status.is_server_error() {
            assert!(
                content_type.starts_with("application/problem+json"),
                "{content_type}: {body}"
            );
            assert!(
                body["type"].is_string() && body["request_id"].is_string(),
                "{body}"
            );
            assert_eq!(body["status"], status.as_u16(), "{body}");
        }
        (status, body)
    }
}

#[tokio::test]
async fn operations_reject_bad_input_and_accept_valid_requests() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed.open_store("bad-input", &[("milk", 1000)]).await;
    let sender = Sender {
        http: stockline_integration_tests::http(),
        deployed: &deployed,
    };
    let other_issuer_key =
        std::env::temp_dir().join(format!("stockline-stranger-{}.pem", std::process::id()));
    let other_issuer = Identity::ensure(&other_issuer_key).unwrap();
    let other_issuer_token = other_issuer.token(&Bearer::new("admin")).unwrap();
    std::fs::remove_file(&other_issuer_key).unwrap();

    let orders = Orders {
        open: sender.place("bad-input-open", "online").await,
        ready: sender.place("bad-input-ready", "online").await,
        packed: sender.place("bad-input-packed", "online").await,
        sold: sender.place("bad-input-sold", "pos").await,
    };

    for operation in operations(&orders) {
        let what = format!("{} {}", operation.method, operation.path);
        let valid_body = operation.body.as_ref().map(Value::to_string);
        let token = sender.token(operation.role);

        let (status, _) = sender.send(&operation, None, valid_body.as_deref()).await;
        assert_eq!(status, 401, "{what} without a token");
        let (status, _) = sender
            .send(&operation, Some(&other_issuer_token), valid_body.as_deref())
            .await;
        assert_eq!(status, 401, "{what} with a token of another issuer");
        if !operation.wrong_role.is_empty() {
            let wrong = sender.token(operation.wrong_role);
            let (status, _) = sender
                .send(&operation, Some(&wrong), valid_body.as_deref())
                .await;
            assert_eq!(status, 403, "{what} as {}", operation.wrong_role);
        }
        if let Some(valid) = operation.body.clone() {
            for (pointer, body) in bad_bodies(&valid) {
                let (status, response) = sender.send(&operation, Some(&token), Some(&body)).await;
                assert!(
                    is_rejected_at(&pointer, status, &response),
                    "{what} with {body}: {status} {response}, and {pointer} is invalid"
                );
            }
        }
        let (status, response) = sender
            .send(&operation, Some(&token), valid_body.as_deref())
            .await;
        let is_not_found = operation.path.contains(UNKNOWN_ID);
        assert_eq!(
            status == 404,
            is_not_found,
            "{what} with a valid request: {response}"
        );
        assert!(
            is_not_found || status.is_success(),
            "{what} with a valid request: {status} {response}"
        );
    }
}

/// Variants of `valid` with one defect each, with the JSON pointer to the defect.
fn bad_bodies(valid: &Value) -> Vec<(String, String)> {
    let mut bad: Vec<(String, String)> = ["{", "[]", "\"text\"", "null"]
        .map(|text| (String::new(), text.to_owned()))
        .into();
    let mut unknown_field = valid.clone();
    unknown_field["colour"] = "red".into();
    bad.push(("/colour".to_owned(), unknown_field.to_string()));
    for (field, value) in valid.as_object().unwrap() {
        let mut with = |wrong: Value| {
            let mut body = valid.clone();
            body[field] = wrong;
            bad.push((format!("/{field}"), body.to_string()));
        };
        with(json!({"of": "the wrong type"}));
        if value.is_string() {
            with("x".repeat(10_000).into());
        }
    }
    for pointer in object_pointers(valid, "") {
        let mut body = valid.clone();
        let object = body.pointer_mut(&pointer).unwrap();
        *object = object.as_object().unwrap().values().cloned().collect();
        bad.push((pointer, body.to_string()));
    }
    bad
}

/// The JSON pointers to all objects in `value`, at any depth.
fn object_pointers(value: &Value, at: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(entries) => (0..)
            .zip(entries)
            .map(|(place, value): (usize, _)| (place.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let mut found: Vec<String> = value
        .is_object()
        .then(|| at.to_owned())
        .into_iter()
        .collect();
    for (name, value) in children {
        found.extend(object_pointers(value, &format!("{at}/{name}")));
    }
    found
}

/// Whether the request is rejected with 400, or an entry of it is refused, with an error at `pointer` or below it.
fn is_rejected_at(pointer: &str, status: StatusCode, response: &Value) -> bool {
    let reports = |errors: &Value| {
        errors.as_array().into_iter().flatten().any(|error| {
            let reported = error["pointer"].as_str().unwrap_or_default();
            reported == pointer || reported.starts_with(&format!("{pointer}/"))
        })
    };
    let mut entries = response["results"].as_array().into_iter().flatten();
    match status {
        StatusCode::BAD_REQUEST => pointer.is_empty() || reports(&response["errors"]),
        StatusCode::OK => entries.any(|entry| reports(&entry["problem"]["errors"])),
        _ => false,
    }
}

/// Whether `path` matches a template of the contract, such as `/v1/orders/{order_id}`.
fn matches_template(path: &str, template: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (parts, names) = (path.split('/'), template.split('/'));
    parts.clone().count() == names.clone().count()
        && parts
            .zip(names)
            .all(|(part, name)| name.starts_with('{') || part == name)
}

#[test]
fn all_contract_operations_are_tested() {
    let contract: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(include_str!("../../../../infra/api/openapi.yaml")).unwrap();
    let placeholders = Orders {
        open: UNKNOWN_ID.to_owned(),
        ready: UNKNOWN_ID.to_owned(),
        packed: UNKNOWN_ID.to_owned(),
        sold: UNKNOWN_ID.to_owned(),
    };
    let mut missing = Vec::new();
    for (template, item) in contract["paths"].as_mapping().unwrap() {
        let template = template.as_str().unwrap();
        for method in ["get", "put", "post", "delete", "patch"] {
            let sent = operations(&placeholders).iter().any(|sent| {
                sent.method.eq_ignore_ascii_case(method) && matches_template(&sent.path, template)
            });
            if item.get(method).is_some() && !sent {
                missing.push(format!("{method} {template}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn unknown_path_gets_a_problem_document() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let sender = Sender {
        http: stockline_integration_tests::http(),
        deployed: &deployed,
    };
    let unknown = Operation {
        method: "GET",
        path: "/v1/nowhere".to_owned(),
        body: None,
        role: "admin",
        wrong_role: "",
    };
    let (status, _) = sender
        .send(&unknown, Some(&sender.token("admin")), None)
        .await;
    assert!(matches!(status.as_u16(), 403 | 404), "{status}");
}
