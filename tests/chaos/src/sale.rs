//! A sale: every buyer wants one unit, and retries until the outcome is known.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::StreamExt;
use futures::stream::iter;
use serde_json::{Value, json};
use stockline_simulators::api::ApiClient;

use super::audit::{Expected, audit};
use super::{ChaosReport, FaultyNetwork, SaleSize};
use stockline_integration_tests::Deployed;

/// The most rounds per request while its outcome is unknown, each with the API client's own retries.
const MAX_ROUNDS: u32 = 20;

/// A request with a known outcome.
struct Settled {
    body: Value,
    is_placed: bool,
    took: Duration,
}

/// The outcomes of one round of orders.
#[derive(Default)]
struct SaleOutcomes {
    placed: Vec<Value>,
    refused: usize,
}

/// One round of orders.
#[derive(Clone, Copy)]
struct Round<'a> {
    /// Part of the idempotency keys.
    name: &'a str,
    buyers: &'a ApiClient,
    location: &'a str,
    /// The number of orders.
    count: usize,
    /// The number of orders sent at the same time.
    concurrency: usize,
}

/// Runs the sale of `seed` at `location`.
pub async fn run(
    deployed: &Deployed,
    network: &FaultyNetwork,
    location: &str,
    size: SaleSize,
    seed: u64,
) -> ChaosReport {
    let mut report = ChaosReport {
        sales: 1,
        ..ChaosReport::default()
    };
    let buyers = network
        .deployment_behind_proxy(deployed)
        .api("store_app", location, &[location]);
    let mut rng = Rng::with_seed(seed);
    network.enable_faults(seed);

    let first_round = Round {
        name: "first",
        buyers: &buyers,
        location,
        count: size.buyers,
        concurrency: size.concurrency,
    };
    let first = sell(first_round, &mut rng, &mut report).await;
    report.check("units sold", first.placed.len(), units(size.units));
    report.check(
        "buyers refused",
        first.refused,
        size.buyers - first.placed.len(),
    );

    let to_cancel: Vec<&Value> = first
        .placed
        .iter()
        .filter(|order| order["status"] == "allocated" && rng.bool())
        .collect();
    cancel(&buyers, &to_cancel, size.concurrency, &mut report).await;

    let second_round = Round {
        name: "second",
        count: to_cancel.len() * 2,
        ..first_round
    };
    let second = sell(second_round, &mut rng, &mut report).await;
    report.check("units sold again", second.placed.len(), to_cancel.len());
    network.disable_faults();

    let orders: Vec<&Value> = first.placed.iter().chain(&second.placed).collect();
    let named = |field: &str| -> BTreeSet<String> {
        let names = orders.iter().filter_map(|order| order[field].as_str());
        names.map(str::to_owned).collect()
    };
    let ids = named("order_id");
    report.check("distinct orders", ids.len(), orders.len());
    let pos_orders = orders
        .iter()
        .filter(|order| order["channel"] == "pos")
        .count();
    let expected = Expected {
        orders: ids,
        business_dates: named("business_date"),
        canceled: to_cancel.len(),
        on_hand: size.units - i64::try_from(pos_orders).unwrap(),
        units: size.units,
        // The opening receipt, every order, every release.
        movements: 1 + orders.len() + to_cancel.len(),
    };
    audit(deployed, location, &expected, &mut report).await;
    report
}

fn units(units: i64) -> usize {
    usize::try_from(units).unwrap()
}

async fn sell(round: Round<'_>, rng: &mut Rng, report: &mut ChaosReport) -> SaleOutcomes {
    let Round {
        name,
        buyers,
        location,
        ..
    } = round;
    let orders: Vec<(String, Value)> = (0..round.count)
        .map(|number| {
            let channel = *rng.choice(&["pos", "online", "click_and_collect"]).unwrap();
            (
                format!("{location}-{name}-{number}"),
                order_body(location, channel),
            )
        })
        .collect();
    let results: Vec<Option<Settled>> = iter(&orders)
        .map(|(key, body)| settle(buyers, "/v1/orders", key, body))
        .buffer_unordered(round.concurrency)
        .collect()
        .await;
    let mut outcomes = SaleOutcomes::default();
    for settled in results {
        match report
            .record_request(settled.as_ref().map(|settled| settled.took))
            .and(settled)
        {
            Some(settled) if settled.is_placed => outcomes.placed.push(settled.body),
            Some(_) => outcomes.refused += 1,
            None => {}
        }
    }
    outcomes
}

/// Cancels `orders`, every second one twice concurrently.
async fn cancel(
    buyers: &ApiClient,
    orders: &[&Value],
    concurrency: usize,
    report: &mut ChaosReport,
) {
    let requests: Vec<(String, String)> = orders
        .iter()
        .enumerate()
        .flat_map(|(number, order)| {
            let id = order["order_id"].as_str().unwrap_or_default().to_owned();
            let times = 1 + number % 2;
            (0..times).map(move |time| {
                (
                    format!("/v1/orders/{id}/cancel"),
                    format!("cancel-{id}-{time}"),
                )
            })
        })
        .collect();
    let empty_body = json!({});
    let results: Vec<Option<Settled>> = iter(&requests)
        .map(|(path, key)| settle(buyers, path, key, &empty_body))
        .buffer_unordered(concurrency)
        .collect()
        .await;
    for settled in results {
        if let Some(settled) = report
            .record_request(settled.as_ref().map(|settled| settled.took))
            .and(settled)
            && settled.body["status"] != "canceled"
        {
            report
                .violations
                .push(format!("a cancellation got the response {}", settled.body));
        }
    }
}

/// Sends a request until its outcome is known; `None` if it never is, or if the response is unexpected.
async fn settle(buyers: &ApiClient, path: &str, key: &str, body: &Value) -> Option<Settled> {
    let start = Instant::now();
    for _ in 0..MAX_ROUNDS {
        // The outcome is unknown: send the same request again.
        let Ok(response) = buyers.post(path, body, Some(key)).await else {
            continue;
        };
        match response.status {
            200 | 201 => {
                return Some(Settled {
                    body: response.body,
                    is_placed: true,
                    took: start.elapsed(),
                });
            }
            409 if response.problem_type() == Some("insufficient-stock") => {
                return Some(Settled {
                    body: response.body,
                    is_placed: false,
                    took: start.elapsed(),
                });
            }
            429 | 500.. => {}
            _ => return None,
        }
    }
    None
}

fn order_body(location: &str, channel: &str) -> Value {
    let mut order = stockline_integration_tests::sale(location, "last");
    order["channel"] = channel.into();
    order
}
