//! Chaos runs: a sale with more buyers than units, through a faulty network and a faulty DynamoDB.
//!
//! One fault proxy stands between the buyers and API Gateway, another between `order-intake` and `stock-updates` and
//! their DynamoDB. `stock-ledger` has no proxy, because the local cloud does not redeliver a stream record when a
//! function asks for it; the stream simulator tests those redeliveries.

mod audit;
mod figures;
mod network;
mod sale;

use std::time::Instant;

use stockline_protocol::history::{RequestMix, RecordingConfig, is_linearizable, record_history};

use crate::Deployed;
use crate::shop::DeployedShop;

pub use figures::{Figures, table};
pub use network::BadNetwork;

/// The size of a sale.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Number of buyers; each wants one unit.
    pub buyers: usize,
    /// Units in stock.
    pub units: i64,
    /// Number of concurrent buyers.
    pub at_once: usize,
}

/// Runs one sale: sells all units, cancels some orders, sells their units again, and audits the result.
pub async fn day(deployed: &Deployed, network: &BadNetwork, size: Size, seed: u64) -> Figures {
    let begun = Instant::now();
    let before = network.counts();
    let location = format!("chaos-{seed}-{}", size.buyers);
    deployed
        .open_store(&location, &[("last", size.units)])
        .await;
    let mut figures = sale::hold(deployed, network, &location, size, seed).await;
    figures.add_traffic(before, network.counts());
    figures.took += begun.elapsed();
    figures
}

/// Records one history of eight clients of one level through the faulty network, and checks it.
pub async fn history(
    deployed: &Deployed,
    network: &BadNetwork,
    requests: u32,
    seed: u64,
) -> Figures {
    let begun = Instant::now();
    let before = network.counts();
    let location = format!("shelf-{seed}-{requests}");
    deployed.open_store(&location, &[("milk", 10)]).await;
    let clients = network
        .callers(deployed)
        .api("store_app", &location, &[&location]);
    let shop = DeployedShop::new(clients, &location, "milk");
    network.trouble(seed);
    let plan = RecordingConfig {
        seed,
        clients: 8,
        requests,
        mix: mix(seed),
    };
    let history = record_history(&shop, plan).await;
    network.calm();
    let mut figures = Figures {
        histories: 1,
        operations: history.len(),
        ..Figures::default()
    };
    let is_linearizable = is_linearizable(&history);
    if !is_linearizable {
        // A seed does not reproduce the interleaving, so print the history.
        for entry in &history {
            println!("{entry:?}");
        }
    }
    figures.expect(
        &format!("whether the history of seed {seed} is linearizable"),
        is_linearizable,
        true,
    );
    figures.add_traffic(before, network.counts());
    figures.took += begun.elapsed();
    figures
}

/// Three of four histories have point-of-sale orders. The others have counts, which wait for the ledger.
pub fn mix(seed: u64) -> RequestMix {
    if seed.is_multiple_of(4) {
        RequestMix::WithCounts
    } else {
        RequestMix::WithSales
    }
}
