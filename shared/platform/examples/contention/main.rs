//! Measures how many orders of one SKU at one location the order store places per second on a simulated DynamoDB.
//! `cargo xtask bench contention` runs it; `README.md` has the results.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod experiment;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use experiment::{Load, run};
use report::{Report, TABLE_FILE};

/// Places orders of one SKU at given rates. An order arrives whether or not earlier ones are done
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench contention --")]
struct Arguments {
    /// Arrival rates, in orders per second
    #[arg(long, value_delimiter = ',', default_values_t = [10, 30, 100, 300, 1000, 3000, 5000], value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rates: Vec<u32>,
    /// Numbers of buckets that the level is split over
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16], value_parser = clap::value_parser!(u8).range(1..))]
    buckets: Vec<u8>,
    /// Simulated seconds during which orders arrive
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Maximum number of orders per rate; it may end the arrivals before the seconds do
    #[arg(long, default_value_t = 2_000)]
    orders: u32,
    /// Time for each order in milliseconds: the timeout of order-intake less the time kept for its response
    #[arg(long, default_value_t = 9_500)]
    deadline_ms: u64,
    /// Median latency of a transaction in milliseconds
    #[arg(long, default_value_t = 12)]
    transaction_ms: u64,
    /// Seed of arrivals, latencies and pauses
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the table
    #[arg(long, default_value = "target/contention")]
    to: PathBuf,
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let mut report = Report::new(arguments.transaction_ms, arguments.deadline_ms);
    for buckets in &arguments.buckets {
        for rate in &arguments.rates {
            let load = Load {
                rate: *rate,
                orders: (rate * arguments.seconds).min(arguments.orders),
                buckets: *buckets,
                deadline: Duration::from_millis(arguments.deadline_ms),
                transaction: Duration::from_millis(arguments.transaction_ms),
                seed: arguments.seed,
            };
            let measured = run(&load)?;
            println!("{}", report.add(load, &measured));
        }
    }
    report.write(&arguments.to)?;
    println!("\n{}", report.table());
    println!(
        "The table is in {}.",
        arguments.to.join(TABLE_FILE).display()
    );
    Ok(())
}
