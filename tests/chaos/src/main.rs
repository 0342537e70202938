//! The chaos run. Started by `cargo xtask chaos`.

use std::process::ExitCode;

use clap::Parser;
use stockline_chaos::{BadNetwork, Figures, Size, day, history, table};
use stockline_integration_tests::Deployed;
use xtask::status::Cloud;

/// Sales and histories in a bad network
#[derive(Debug, Parser)]
#[command(name = "stockline-chaos")]
struct Arguments {
    /// Sales
    #[arg(long)]
    seeds: u64,
    /// Histories
    #[arg(long)]
    histories: u64,
    /// The first seed
    #[arg(long)]
    from: u64,
}

/// A thousand buyers after a hundred units.
const SIZE: Size = Size {
    buyers: 1000,
    units: 100,
    at_once: 32,
};

/// What each of a history's eight clients asks for.
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
    let figures = runtime.block_on(run(&deployed, &arguments));
    let holds = figures.broken.is_empty();
    println!("{}", table(figures));
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(deployed: &Deployed, arguments: &Arguments) -> Figures {
    let network = BadNetwork::put_into(deployed).await;
    let mut all = Figures::default();
    for seed in arguments.from..arguments.from + arguments.seeds {
        let figures = day(deployed, &network, SIZE, seed).await;
        eprintln!("sale, seed {seed}: {}", figures.line());
        all.add(figures);
    }
    for seed in arguments.from..arguments.from + arguments.histories {
        let figures = history(deployed, &network, REQUESTS, seed).await;
        if !figures.broken.is_empty() || seed.is_multiple_of(20) {
            eprintln!("history, seed {seed}: {}", figures.line());
        }
        all.add(figures);
    }
    all
}
