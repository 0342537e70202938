//! Formats the measurements as a Markdown table.

use std::path::Path;
use std::time::Duration;

use crate::experiment::{Load, Measurement};

/// The name of the file that holds the table.
pub const TABLE_FILE: &str = "contention.md";

/// The measurements made so far.
pub struct Report {
    transaction_ms: u64,
    deadline_ms: u64,
    rows: Vec<Row>,
}

struct Row {
    load: Load,
    placed_per_second: f64,
    retried: f64,
    attempts: f64,
    busy: f64,
    p50: Option<Duration>,
    p99: Option<Duration>,
    throttled: u64,
}

impl Report {
    /// An empty report about this median latency of a transaction and this time per order.
    pub fn new(transaction_ms: u64, deadline_ms: u64) -> Self {
        Self {
            transaction_ms,
            deadline_ms,
            rows: Vec::new(),
        }
    }

    /// Adds the measurement under one load. Returns its line of the table.
    pub fn add(&mut self, load: Load, measured: &Measurement) -> String {
        let throttled = (
            "TransactWriteItems".to_owned(),
            "ThrottlingError".to_owned(),
        );
        let share = |count: u32| f64::from(count) / f64::from(load.orders);
        let quantile = |percent: usize| {
            let latencies = &measured.latencies;
            let rank = (latencies.len() * percent).div_ceil(100).max(1);
            latencies.get(rank - 1).copied()
        };
        self.rows.push(Row {
            load,
            placed_per_second: f64::from(measured.placed_in_window)
                / measured.arrival_window.as_secs_f64(),
            retried: share(measured.retried),
            attempts: share(measured.attempts),
            busy: share(measured.busy),
            p50: quantile(50),
            p99: quantile(99),
            throttled: measured
                .request_counts
                .get(&throttled)
                .copied()
                .unwrap_or_default(),
        });
        self.rows.last().map(Row::line).unwrap_or_default()
    }

    /// The table, with a line about the simulation above it.
    pub fn table(&self) -> String {
        let mut table = format!(
            "Simulated: a transaction takes {} ms at the median; an order has {} ms.\n\n",
            self.transaction_ms, self.deadline_ms
        );
        table += "| buckets | orders/s | placed/s | retried | attempts per order | 503 | p50 | p99 | throttled |\n";
        table += "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        for row in &self.rows {
            table += &row.line();
            table.push('\n');
        }
        table
    }

    /// Writes the table to [`TABLE_FILE`] in `folder`.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(TABLE_FILE), self.table())
    }
}

impl Row {
    fn line(&self) -> String {
        let time = |time: Option<Duration>| {
            time.map_or_else(
                || "-".to_owned(),
                |time| format!("{} ms", grouped(time.as_millis())),
            )
        };
        format!(
            "| {} | {} | {} | {:.1} % | {:.1} | {:.1} % | {} | {} | {} |",
            self.load.buckets,
            grouped(self.load.rate),
            grouped(format_args!("{:.0}", self.placed_per_second)),
            self.retried * 100.0,
            self.attempts,
            self.busy * 100.0,
            time(self.p50),
            time(self.p99),
            grouped(self.throttled),
        )
    }
}

/// The number with a comma between each three digits.
fn grouped(number: impl std::fmt::Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
