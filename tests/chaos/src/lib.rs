//! Chaos runs: a sale with more buyers than units, through a faulty network and a faulty DynamoDB.
//!
//! One fault proxy stands between the buyers and API Gateway, another between `order-intake` and `stock-updates` and
//! their DynamoDB. `stock-ledger` has no proxy, because the local cloud does not redeliver a stream record when a
//! function asks for it; the tests of `stock-ledger` cover redelivered records.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod audit;
mod network;
mod report;
mod sale;

use std::time::Instant;

use stockline_protocol::history::{RecordingConfig, RequestMix, is_linearizable, record_history};

use stockline_integration_tests::Deployed;
use stockline_integration_tests::stock_service::DeployedStockService;

pub use network::FaultyNetwork;
pub use report::{ChaosReport, render_table};

/// The size of a sale.
#[derive(Debug, Clone, Copy)]
pub struct SaleSize {
    /// Number of buyers; each wants one unit.
    pub buyers: usize,
    /// Units in stock.
    pub units: i64,
    /// Number of concurrent buyers.
    pub concurrency: usize,
}

/// Runs one sale: sells all units, cancels some orders, sells their units again, and audits the result.
pub async fn run_sale(
    deployed: &Deployed,
    network: &FaultyNetwork,
    size: SaleSize,
    seed: u64,
) -> ChaosReport {
    let start = Instant::now();
    let before = network.counts();
    let location = format!("chaos-{seed}-{}", size.buyers);
    deployed
        .open_store(&location, &[("last", size.units)])
        .await;
    let mut report = sale::run(deployed, network, &location, size, seed).await;
    report.add_traffic(before, network.counts());
    report.duration += start.elapsed();
    report
}

/// Records one history of eight clients of one level through the faulty network, and checks it.
pub async fn run_history(
    deployed: &Deployed,
    network: &FaultyNetwork,
    requests: u32,
    seed: u64,
) -> ChaosReport {
    let start = Instant::now();
    let before = network.counts();
    let location = format!("chaos-history-{seed}-{requests}");
    deployed.open_store(&location, &[("milk", 10)]).await;
    let clients =
        network
            .deployment_behind_proxy(deployed)
            .api("store_manager", &location, &[&location]);
    let service = DeployedStockService::new(clients, &location, "milk");
    network.enable_faults(seed);
    let config = RecordingConfig {
        seed,
        clients: 8,
        requests_per_client: requests,
        mix: request_mix(seed),
    };
    let history = record_history(&service, config).await;
    network.disable_faults();
    let mut report = ChaosReport {
        histories: 1,
        requests: history.len(),
        ..ChaosReport::default()
    };
    let is_linearizable = is_linearizable(&history);
    if !is_linearizable {
        // A seed does not reproduce the interleaving, so print the history.
        for entry in &history {
            println!("{entry:?}");
        }
    }
    report.check(
        &format!("whether the history of seed {seed} is linearizable"),
        is_linearizable,
        true,
    );
    report.add_traffic(before, network.counts());
    report.duration += start.elapsed();
    report
}

/// Three of four histories have point-of-sale orders. The others have counts, which wait for the ledger.
pub fn request_mix(seed: u64) -> RequestMix {
    if seed.is_multiple_of(4) {
        RequestMix::WithCounts
    } else {
        RequestMix::WithSales
    }
}
