//! The trading day: every order through the HTTPS endpoint, several at a time, some of them sent twice.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use stockline_simulators::api::ApiError;
use stockline_simulators::store_app::{Outcome, Placing, ShortLine, StoreApp};
use xtask::progress::Step;

use super::callers::Callers;
use super::error::Result;
use super::plan::{Plan, PlannedOrder, Resend};

/// How many orders are under way at a time.
pub const AT_A_TIME: usize = 16;

/// What the tills were told.
#[derive(Debug, Default)]
pub struct Traded {
    /// Idempotency key -> order id.
    pub placed: BTreeMap<String, String>,
    /// Idempotency key -> what was short.
    pub short: BTreeMap<String, Vec<ShortLine>>,
    /// Answers that were those of an earlier request.
    pub replays: u64,
    /// Orders sent twice whose two answers do not agree.
    pub disagreements: Vec<String>,
    /// Answers with a 5xx status.
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
    let mut answers = stream::iter(&plan.orders)
        .map(|order| async move { (order, place(&apps[order.location_id.as_str()], order).await) })
        .buffer_unordered(AT_A_TIME);
    let mut traded = Traded::default();
    while let Some((order, placings)) = answers.next().await {
        traded.take(order, placings?);
        let done = traded.placed.len() + traded.short.len();
        step.note(start.elapsed(), &format!("{done} of {}", plan.orders.len()));
    }
    Ok(traded)
}

async fn place(
    app: &StoreApp,
    order: &PlannedOrder,
) -> std::result::Result<Vec<Placing>, ApiError> {
    let once = || app.place(&order.body, &order.key);
    match order.resend {
        Resend::Never => Ok(vec![once().await?]),
        Resend::Afterwards => Ok(vec![once().await?, once().await?]),
        Resend::AtOnce => {
            let (one, other) = tokio::join!(once(), once());
            Ok(vec![one?, other?])
        }
    }
}

impl Traded {
    fn take(&mut self, order: &PlannedOrder, placings: Vec<Placing>) {
        let mut answers = Vec::new();
        for placing in placings {
            self.server_errors += placing.server_errors;
            match placing.outcome {
                Outcome::Placed {
                    order_id,
                    replayed,
                    order: body,
                } => {
                    self.replays += u64::from(replayed);
                    self.placed.insert(order.key.clone(), order_id);
                    answers.push((body, replayed));
                }
                Outcome::Short(lines) => {
                    self.short.insert(order.key.clone(), lines);
                }
            }
        }
        let agree = answers.windows(2).all(|pair| pair[0].0 == pair[1].0);
        let first = answers.iter().filter(|(_, replayed)| !replayed).count();
        // Of two at once either may be first, and exactly one is; unless a lost answer made the till repeat the first.
        if !agree || first > 1 {
            self.disagreements.push(order.key.clone());
        }
    }
}
