//! The demo plays a trading day through the deployed functions. `cargo xtask demo` starts it.
#![warn(clippy::print_stdout)]

mod alerts;
mod audit;
mod basket;
mod callers;
mod dashboard;
mod day;
mod drain;
mod error;
mod exported;
mod generated;
mod money;
mod plan;
mod queries;
mod report;
mod setup;
mod shipping;
mod story;
mod summary;
mod trading;
mod warehouse;

use std::process::ExitCode;

use clap::Parser;
use xtask::status::Cloud;

use error::DemoError;

/// Plays a trading day through the deployed functions and checks the invariants at its end
#[derive(Debug, Parser)]
#[command(name = "cargo xtask demo --")]
struct Arguments {
    /// Number of stores, the busiest first
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(10..=100))]
    stores: u16,
    /// Number of baskets of other stores that the warehouse delivers
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=200))]
    delivered: u16,
    /// Play the small generated day instead of the real one
    #[arg(long)]
    generated: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> error::Result<bool> {
    let cloud = Cloud::from_environment()?;
    let day = if arguments.generated {
        generated::day()
    } else {
        let size = day::Size {
            stores: arguments.stores.into(),
            delivered: arguments.delivered.into(),
        };
        day::load(&cloud, size)?
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| DemoError::Unexpected(error.to_string()))?;
    runtime.block_on(story::play(&cloud, &day))
}
