//! Places all orders through the API, several at a time, some of them twice.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use stockline_simulators::api::ApiError;
use stockline_simulators::store_app::{PlaceOutcome, PlaceResponse, ShortLine, StoreApp};
use xtask::progress::Step;

use super::callers::Callers;
use super::error::Result;
use super::plan::{Plan, PlannedOrder, Resend};

pub const CONCURRENT_ORDERS: usize = 16;

/// The responses to all orders.
#[derive(Debug, Default)]
pub struct Traded {
    /// Idempotency key -> order id.
    pub placed: BTreeMap<String, String>,
    /// Idempotency key -> short lines.
    pub short: BTreeMap<String, Vec<ShortLine>>,
    pub replays: u64,
    /// Keys of orders that were sent twice and got contradicting responses.
    pub contradictions: Vec<String>,
    /// Responses with a 5xx status.
    pub server_errors: u32,
}

/// Places all orders of the plan.
pub async fn trade(plan: &Plan, callers: &Callers<'_>, step: &mut Step) -> Result<Traded> {
    let start = tokio::time::Instant::now();
    let mut apps: BTreeMap<&str, StoreApp> = BTreeMap::new();
    for order in &plan.orders {
        if !apps.contains_key(order.location_id.as_str()) {
            apps.insert(
                &order.location_id,
                StoreApp::new(callers.store_app(&order.location_id)?),
            );
        }
    }
    let apps = &apps;
    let mut responses = stream::iter(&plan.orders)
        .map(|order| async move { (order, place(&apps[order.location_id.as_str()], order).await) })
        .buffer_unordered(CONCURRENT_ORDERS);
    let mut traded = Traded::default();
    while let Some((order, placings)) = responses.next().await {
        traded.record(order, placings?);
        let done = traded.placed.len() + traded.short.len();
        step.note(start.elapsed(), &format!("{done} of {}", plan.orders.len()));
    }
    Ok(traded)
}

async fn place(
    app: &StoreApp,
    order: &PlannedOrder,
) -> std::result::Result<Vec<PlaceResponse>, ApiError> {
    let once = || app.place(&order.body, &order.key);
    match order.resend {
        Resend::Never => Ok(vec![once().await?]),
        Resend::AfterResponse => Ok(vec![once().await?, once().await?]),
        Resend::Concurrently => {
            let (one, other) = tokio::join!(once(), once());
            Ok(vec![one?, other?])
        }
    }
}

impl Traded {
    fn record(&mut self, order: &PlannedOrder, placings: Vec<PlaceResponse>) {
        let mut responses = Vec::new();
        for placing in placings {
            self.server_errors += placing.server_errors;
            match placing.outcome {
                PlaceOutcome::Placed {
                    order_id,
                    is_replayed: replayed,
                    order: body,
                } => {
                    self.replays += u64::from(replayed);
                    self.placed.insert(order.key.clone(), order_id);
                    responses.push((body, replayed));
                }
                PlaceOutcome::Short(lines) => {
                    self.short.insert(order.key.clone(), lines);
                }
            }
        }
        let are_equal = responses.windows(2).all(|pair| pair[0].0 == pair[1].0);
        let not_replayed = responses.iter().filter(|(_, replayed)| !replayed).count();
        // At most one of two responses is not a replay. Both may be replays: the store app retries after a lost response.
        if !are_equal || not_replayed > 1 {
            self.contradictions.push(order.key.clone());
        }
    }
}
