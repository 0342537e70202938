//! The deployed API as the system under test of a recorded history.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use stockline_platform::clock::{Clock, SystemClock};
use stockline_protocol::history::{RequestOutcome, Request, LevelSnapshot, StockService};
use stockline_simulators::api::{Answer, Api};

/// The most rounds per request while its outcome is unknown, each with the API client's own retries.
const ROUNDS: u32 = 10;

/// One SKU at one location of the deployed API.
#[derive(Debug)]
pub struct DeployedShop {
    api: Api,
    location: String,
    sku: String,
    /// Ids of placed orders by the client's order number.
    orders: Mutex<BTreeMap<u32, String>>,
}

impl DeployedShop {
    /// The level of `sku` at `location`, called with `api`.
    pub fn new(api: Api, location: &str, sku: &str) -> Self {
        Self {
            api,
            location: location.to_owned(),
            sku: sku.to_owned(),
            orders: Mutex::default(),
        }
    }

    fn order(&self, quantity: i64, is_pos: bool) -> Value {
        let price = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        json!({
            "location_id": self.location, "channel": if at_the_till { "pos" } else { "online" },
            "currency": "EUR",
            "lines": [{"sku": self.sku, "quantity": quantity, "unit_price": price(100)}],
            "total": price(100 * quantity),
        })
    }

    fn change(&self, mut change: Value, expected: Option<u64>) -> Value {
        change["location_id"] = self.location.as_str().into();
        change["sku"] = self.sku.as_str().into();
        if let Some(expected) = expected {
            change["expected_version"] = expected.into();
        }
        json!({"changes": [change]})
    }

    /// The path and body of a request. Computed once per request, so that every attempt sends the same body.
    fn call(&self, request: &Request) -> (String, Value) {
        let changes = "/v1/stock/changes".to_owned();
        match request {
            Request::Read => (
                format!("/v1/locations/{}/stock/{}", self.location, self.sku),
                Value::Null,
            ),
            Request::Place {
                quantity,
                at_the_till,
                ..
            } => ("/v1/orders".to_owned(), self.order(*quantity, *at_the_till)),
            Request::Cancel { order } => {
                let id = self.orders.lock().unwrap()[order].clone();
                (format!("/v1/orders/{id}/cancel"), json!({}))
            }
            Request::Adjust { delta, expected } => {
                let change = json!({"kind": "adjustment", "delta": delta, "reason": "correction"});
                (changes, self.change(change, *expected))
            }
            Request::Count { quantity, expected } => {
                let change = json!({"kind": "count", "quantity": quantity, "counted_at": format!("{:.3}", SystemClock.now())});
                (changes, self.change(change, Some(*expected)))
            }
        }
    }

    /// The outcome in a response; `None` if it leaves the outcome unknown.
    fn outcome(&self, request: &Request, answer: &Answer) -> Option<RequestOutcome> {
        if answer.status >= 500 || answer.status == 429 {
            return None;
        }
        let body = &answer.body;
        Some(match (request, answer.status) {
            (Request::Read, 200) => RequestOutcome::Level(seen(body)),
            (Request::Place { order, .. }, 201) => {
                let id = body["order_id"].as_str().unwrap().to_owned();
                self.orders.lock().unwrap().insert(*order, id);
                RequestOutcome::Placed
            }
            (Request::Place { .. }, 409) if answer.problem() == Some("insufficient-stock") => {
                RequestOutcome::Short(body["lines"][0]["available"].as_i64().unwrap())
            }
            (Request::Cancel { .. }, 200) => RequestOutcome::Canceled,
            (Request::Adjust { .. } | Request::Count { .. }, 200) => {
                let result = &body["results"][0];
                match result["outcome"].as_str() {
                    Some("applied") => RequestOutcome::Level(seen(&result["levels"][0])),
                    Some("refused") => RequestOutcome::Refused,
                    _ => panic!("{body}"),
                }
            }
            _ => panic!("{request:?} was answered {} {body}", answer.status),
        })
    }
}

impl StockService for DeployedShop {
    async fn execute(&self, key: &str, request: &Request) -> RequestOutcome {
        let (path, body) = self.call(request);
        for _ in 0..ROUNDS {
            let answer = if *request == Request::Read {
                self.api.get(&path).await
            } else {
                self.api.post(&path, &body, Some(key)).await
            };
            if let Some(outcome) = answer
                .ok()
                .and_then(|answer| self.outcome(request, &answer))
            {
                return outcome;
            }
        }
        RequestOutcome::Unknown
    }
}

fn seen(level: &Value) -> LevelSnapshot {
    LevelSnapshot {
        on_hand: level["on_hand"].as_i64().unwrap(),
        allocated: level["allocated"].as_i64().unwrap(),
        version: level["version"].as_u64().unwrap(),
    }
}
