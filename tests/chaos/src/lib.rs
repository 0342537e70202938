//! A sale on a bad day: more buyers than units, a network that loses requests and answers, and a database that is busy,
//! fails, or has the item in another's hands.
//!
//! Two fault proxies stand in the way: one between the buyers and the API's gateway, one between `order-intake` and
//! `stock-updates` and their DynamoDB. `stock-ledger` has a good line, because the local cloud does not deliver a record
//! again when a function asks for it; what the ledger does then is tested with the stream simulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod audit;
mod figures;
mod network;
mod sale;

use std::time::Instant;

use stockline_protocol::history::{Mix, Plan, is_linearizable, record};

use stockline_integration_tests::Deployed;
use stockline_integration_tests::shop::DeployedShop;

pub use figures::{Figures, table};
pub use network::BadNetwork;

/// How large a day.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Who wants one unit each.
    pub buyers: usize,
    /// How many units there are.
    pub units: i64,
    /// How many buy at once.
    pub at_once: usize,
}

/// The day of `seed`: sold, partly canceled, sold again, and checked.
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

/// One history of eight clients on one shelf in the bad network, judged.
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
    let plan = Plan {
        seed,
        clients: 8,
        requests,
        mix: mix(seed),
    };
    let history = record(&shop, plan).await;
    network.calm();
    let mut figures = Figures {
        histories: 1,
        operations: history.len(),
        ..Figures::default()
    };
    let is_linearizable = is_linearizable(&history);
    if !is_linearizable {
        // What callers saw does not come again with the seed.
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

/// Three of four histories sell at the till; the others count, and so wait for the ledger.
pub fn mix(seed: u64) -> Mix {
    if seed.is_multiple_of(4) {
        Mix::Counts
    } else {
        Mix::Tills
    }
}
