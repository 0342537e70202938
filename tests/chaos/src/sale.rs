//! The sale: everybody wants one unit, and asks until they know.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::StreamExt;
use futures::stream::iter;
use serde_json::{Value, json};
use stockline_simulators::api::Api;

use super::audit::{Expected, audit};
use super::{BadNetwork, Figures, Size};
use stockline_integration_tests::Deployed;

/// How often a buyer asks anew after an answer that settles nothing, each time with the caller's own retries.
const ROUNDS: u32 = 20;

/// A request that was asked for until its outcome was known.
struct Settled {
    body: Value,
    placed: bool,
    took: Duration,
}

/// What became of everybody's request.
#[derive(Default)]
struct Outcomes {
    placed: Vec<Value>,
    refused: usize,
}

/// Holds the sale of `seed` at `location`.
pub async fn hold(
    deployed: &Deployed,
    network: &BadNetwork,
    location: &str,
    size: Size,
    seed: u64,
) -> Figures {
    let mut figures = Figures {
        days: 1,
        ..Figures::default()
    };
    let buyers = network
        .callers(deployed)
        .api("store_app", location, &[location]);
    let mut rng = Rng::with_seed(seed);
    network.trouble(seed);

    let first = sell(
        &buyers,
        location,
        "first",
        size.buyers,
        size.at_once,
        &mut rng,
        &mut figures,
    )
    .await;
    figures.expect("units sold", first.placed.len(), units(size.units));
    figures.expect(
        "buyers refused",
        first.refused,
        size.buyers - first.placed.len(),
    );

    let returned: Vec<&Value> = first
        .placed
        .iter()
        .filter(|order| order["status"] == "allocated" && rng.bool())
        .collect();
    cancel(&buyers, &returned, size.at_once, &mut figures).await;

    let late = returned.len() * 2;
    let second = sell(
        &buyers,
        location,
        "second",
        late,
        size.at_once,
        &mut rng,
        &mut figures,
    )
    .await;
    figures.expect("units sold again", second.placed.len(), returned.len());
    network.calm();

    let orders: Vec<&Value> = first.placed.iter().chain(&second.placed).collect();
    let named = |field: &str| -> BTreeSet<String> {
        let names = orders.iter().filter_map(|order| order[field].as_str());
        names.map(str::to_owned).collect()
    };
    let ids = named("order_id");
    figures.expect("different orders", ids.len(), orders.len());
    let at_the_till = orders
        .iter()
        .filter(|order| order["channel"] == "pos")
        .count();
    let expected = Expected {
        orders: ids,
        days: named("business_date"),
        canceled: returned.len(),
        on_hand: size.units - i64::try_from(at_the_till).unwrap(),
        units: size.units,
        // The receipt that opened the store, every order, every release.
        movements: 1 + orders.len() + returned.len(),
    };
    audit(deployed, location, &expected, &mut figures).await;
    figures
}

fn units(units: i64) -> usize {
    usize::try_from(units).unwrap()
}

async fn sell(
    buyers: &Api,
    location: &str,
    round: &str,
    count: usize,
    at_once: usize,
    rng: &mut Rng,
    figures: &mut Figures,
) -> Outcomes {
    let wishes: Vec<(String, Value)> = (0..count)
        .map(|number| {
            let channel = *rng.choice(&["pos", "online", "click_and_collect"]).unwrap();
            (
                format!("{location}-{round}-{number}"),
                wish(location, channel),
            )
        })
        .collect();
    let asked: Vec<Option<Settled>> = iter(&wishes)
        .map(|(key, body)| settle(buyers, "/v1/orders", key, body))
        .buffer_unordered(at_once)
        .collect()
        .await;
    let mut outcomes = Outcomes::default();
    for settled in asked {
        match figures
            .note(settled.as_ref().map(|settled| settled.took))
            .and(settled)
        {
            Some(settled) if settled.placed => outcomes.placed.push(settled.body),
            Some(_) => outcomes.refused += 1,
            None => {}
        }
    }
    outcomes
}

/// Cancels `orders`; every other one is canceled by two at once.
async fn cancel(buyers: &Api, orders: &[&Value], at_once: usize, figures: &mut Figures) {
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
    let nothing = json!({});
    let asked: Vec<Option<Settled>> = iter(&requests)
        .map(|(path, key)| settle(buyers, path, key, &nothing))
        .buffer_unordered(at_once)
        .collect()
        .await;
    for settled in asked {
        if let Some(settled) = figures
            .note(settled.as_ref().map(|settled| settled.took))
            .and(settled)
            && settled.body["status"] != "canceled"
        {
            figures
                .broken
                .push(format!("a cancellation was answered {}", settled.body));
        }
    }
}

/// Asks until the outcome is known; none if it never is.
async fn settle(buyers: &Api, path: &str, key: &str, body: &Value) -> Option<Settled> {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        // No answer, or one that says nothing about the effect: the same request is sent again.
        let Ok(answer) = buyers.post(path, body, Some(key)).await else {
            continue;
        };
        match answer.status {
            200 | 201 => {
                return Some(Settled {
                    body: answer.body,
                    placed: true,
                    took: begun.elapsed(),
                });
            }
            409 if answer.problem() == Some("insufficient-stock") => {
                return Some(Settled {
                    body: answer.body,
                    placed: false,
                    took: begun.elapsed(),
                });
            }
            429 | 500.. => {}
            _ => return None,
        }
    }
    None
}

fn wish(location: &str, channel: &str) -> Value {
    let mut order = stockline_integration_tests::sale(location, "last");
    order["channel"] = channel.into();
    order
}
