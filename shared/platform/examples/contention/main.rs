//! How many orders of one SKU at one location the order store places, on a simulated DynamoDB. `cargo xtask bench contention`
//! runs it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod experiment;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use experiment::{Load, run};
use report::Report;

/// Orders of one line of one SKU, arriving whether or not the ones before are answered
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench contention --")]
struct Arguments {
    /// Orders a second
    #[arg(long, value_delimiter = ',', default_values_t = [10, 30, 100, 300, 1000, 3000, 5000], value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rates: Vec<u32>,
    /// How many items the SKU's stock is spread over
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16], value_parser = clap::value_parser!(u8).range(1..))]
    buckets: Vec<u8>,
    /// For how many simulated seconds they arrive
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// After how many orders that ends, however many seconds it was
    #[arg(long, default_value_t = 2_000)]
    orders: u32,
    /// How long an order is tried: what a function of 10 s has left when it begins
    #[arg(long, default_value_t = 9_500)]
    deadline_ms: u64,
    /// The median of a transaction's latency
    #[arg(long, default_value_t = 12)]
    transaction_ms: u64,
    /// What arrivals, latencies and pauses are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the table is written
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
            let outcome = run(&load)?;
            println!("{}", report.add(load, &outcome));
        }
    }
    report.write(&arguments.to)?;
    println!("\n{}", report.table());
    println!("also in {}", arguments.to.display());
    Ok(())
}
