//! The chaos run, started by `cargo xtask chaos`.

use std::process::ExitCode;

use clap::Parser;
use stockline_chaos::{ChaosReport, FaultyNetwork, SaleSize, render_table, run_history, run_sale};
use stockline_integration_tests::Deployed;
use xtask::status::Cloud;

/// Run sales and histories with injected faults
#[derive(Debug, Parser)]
#[command(name = "stockline-chaos")]
struct Arguments {
    /// Number of sales
    #[arg(long)]
    seeds: u64,
    /// Number of histories
    #[arg(long)]
    histories: u64,
    /// The first seed
    #[arg(long)]
    from: u64,
}

/// A thousand buyers for a hundred units.
const SIZE: SaleSize = SaleSize {
    buyers: 1000,
    units: 100,
    concurrency: 32,
};

/// Requests of each of a history's eight clients.
const REQUESTS: u32 = 25;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let deployed = match Cloud::from_environment() {
        Ok(cloud) => Deployed { cloud },
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let report = runtime.block_on(run(&deployed, &arguments));
    let is_clean = report.violations.is_empty();
    println!("{}", render_table(report));
    if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(deployed: &Deployed, arguments: &Arguments) -> ChaosReport {
    let network = FaultyNetwork::install(deployed).await;
    let mut all = ChaosReport::default();
    for seed in arguments.from..arguments.from + arguments.seeds {
        let report = run_sale(deployed, &network, SIZE, seed).await;
        eprintln!("sale, seed {seed}: {}", report.summary());
        all.merge(report);
    }
    for seed in arguments.from..arguments.from + arguments.histories {
        let report = run_history(deployed, &network, REQUESTS, seed).await;
        if !report.violations.is_empty() || seed.is_multiple_of(20) {
            eprintln!("history, seed {seed}: {}", report.summary());
        }
        all.merge(report);
    }
    all
}
