//! The deployed API as the system under test of a recorded history.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use stockline_application::ports::clock::Clock;
use stockline_platform::clock::SystemClock;
use stockline_protocol::history::{LevelSnapshot, Request, RequestOutcome, StockService};
use stockline_simulators::api::{ApiClient, ApiResponse};

/// The most rounds per request while its outcome is unknown, each with the API client's own retries.
const MAX_ROUNDS: u32 = 10;

/// One SKU at one location of the deployed API.
#[derive(Debug)]
pub struct DeployedStockService {
    api: ApiClient,
    location: String,
    sku: String,
    /// Ids of placed orders by the client's order number.
    orders: Mutex<BTreeMap<u32, String>>,
}

impl DeployedStockService {
    /// The level of `sku` at `location`, called with `api`.
    pub fn new(api: ApiClient, location: &str, sku: &str) -> Self {
        Self {
            api,
            location: location.to_owned(),
            sku: sku.to_owned(),
            orders: Mutex::default(),
        }
    }

    fn order_body(&self, quantity: i64, is_pos: bool) -> Value {
        let price = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        json!({
            "location_id": self.location, "channel": if is_pos { "pos" } else { "online" },
            "currency": "EUR",
            "lines": [{"sku": self.sku, "quantity": quantity, "unit_price": price(100)}],
            "total": price(100 * quantity),
        })
    }

    fn changes_body(&self, mut change: Value, expected: Option<u64>) -> Value {
        change["location_id"] = self.location.as_str().into();
        change["sku"] = self.sku.as_str().into();
        if let Some(expected) = expected {
            change["expected_version"] = expected.into();
        }
        json!({"changes": [change]})
    }

    /// The path and body of a request. Computed once per request, so that every attempt sends the same body.
    fn path_and_body(&self, request: &Request) -> (String, Value) {
        let changes_path = "/v1/stock/changes".to_owned();
        match request {
            Request::Read => (
                format!("/v1/locations/{}/stock/{}", self.location, self.sku),
                Value::Null,
            ),
            Request::Place {
                quantity, is_pos, ..
            } => ("/v1/orders".to_owned(), self.order_body(*quantity, *is_pos)),
            Request::Cancel { order } => {
                let id = self.orders.lock().unwrap()[order].clone();
                (format!("/v1/orders/{id}/cancel"), json!({}))
            }
            Request::Adjust { delta, expected } => {
                let change = json!({"kind": "adjustment", "delta": delta, "reason": "correction"});
                (changes_path, self.changes_body(change, *expected))
            }
            Request::Count { quantity, expected } => {
                let change = json!({"kind": "count", "quantity": quantity, "counted_at": format!("{:.3}", SystemClock.now())});
                (changes_path, self.changes_body(change, Some(*expected)))
            }
        }
    }

    /// The outcome in a response; `None` if it leaves the outcome unknown.
    fn outcome(&self, request: &Request, response: &ApiResponse) -> Option<RequestOutcome> {
        if response.status >= 500 || response.status == 429 {
            return None;
        }
        let body = &response.body;
        Some(match (request, response.status) {
            (Request::Read, 200) => RequestOutcome::Level(parse_level(body)),
            (Request::Place { order, .. }, 201) => {
                let id = body["order_id"].as_str().unwrap().to_owned();
                self.orders.lock().unwrap().insert(*order, id);
                RequestOutcome::Placed
            }
            (Request::Place { .. }, 409)
                if response.problem_type() == Some("insufficient-stock") =>
            {
                RequestOutcome::Short(body["lines"][0]["available"].as_i64().unwrap())
            }
            (Request::Cancel { .. }, 200) => RequestOutcome::Canceled,
            (Request::Adjust { .. } | Request::Count { .. }, 200) => {
                let result = &body["results"][0];
                match result["outcome"].as_str() {
                    Some("applied") => RequestOutcome::Level(parse_level(&result["levels"][0])),
                    Some("refused") => RequestOutcome::Refused,
                    _ => panic!("{body}"),
                }
            }
            _ => panic!("{request:?} was answered {} {body}", response.status),
        })
    }
}

impl StockService for DeployedStockService {
    async fn execute(&self, key: &str, request: &Request) -> RequestOutcome {
        let (path, body) = self.path_and_body(request);
        for _ in 0..MAX_ROUNDS {
            let response = if *request == Request::Read {
                self.api.get(&path).await
            } else {
                self.api.post(&path, &body, Some(key)).await
            };
            if let Some(outcome) = response
                .ok()
                .and_then(|response| self.outcome(request, &response))
            {
                return outcome;
            }
        }
        RequestOutcome::Unknown
    }
}

fn parse_level(level: &Value) -> LevelSnapshot {
    LevelSnapshot {
        on_hand: level["on_hand"].as_i64().unwrap(),
        allocated: level["allocated"].as_i64().unwrap(),
        version: level["version"].as_u64().unwrap(),
    }
}
