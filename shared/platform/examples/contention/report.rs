//! The results as a table in Markdown.

use std::path::Path;
use std::time::Duration;

use crate::experiment::{Load, Outcome};

/// What was measured so far.
pub struct Report {
    transaction_ms: u64,
    deadline_ms: u64,
    rows: Vec<Row>,
}

struct Row {
    load: Load,
    placed_a_second: f64,
    retried: f64,
    tries: f64,
    busy: f64,
    median: Option<Duration>,
    slowest_hundredth: Option<Duration>,
    throttled: u64,
}

impl Report {
    /// Of nothing yet, at this median of a transaction and this deadline.
    pub fn new(transaction_ms: u64, deadline_ms: u64) -> Self {
        Self {
            transaction_ms,
            deadline_ms,
            rows: Vec::new(),
        }
    }

    /// Adds one load's outcome; gives its line.
    pub fn add(&mut self, load: Load, outcome: &Outcome) -> String {
        let throttled = (
            "TransactWriteItems".to_owned(),
            "ThrottlingError".to_owned(),
        );
        let share = |count: u32| f64::from(count) / f64::from(load.orders);
        let quantile = |percent: usize| {
            let latencies = &outcome.latencies;
            let rank = (latencies.len() * percent).div_ceil(100).max(1);
            latencies.get(rank - 1).copied()
        };
        self.rows.push(Row {
            load,
            placed_a_second: f64::from(outcome.placed_in_window) / outcome.window.as_secs_f64(),
            retried: share(outcome.retried),
            tries: share(outcome.tries),
            busy: share(outcome.busy),
            median: quantile(50),
            slowest_hundredth: quantile(99),
            throttled: outcome.tally.get(&throttled).copied().unwrap_or_default(),
        });
        self.rows.last().map(Row::line).unwrap_or_default()
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut table = format!(
            "Simulated: transactions of {} ms at the median, orders tried for {} ms.\n\n",
            self.transaction_ms, self.deadline_ms
        );
        table += "| items | orders/s | placed/s | retried | tries an order | 503 | p50 | p99 | throttled |\n";
        table += "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        for row in &self.rows {
            table += &row.line();
            table.push('\n');
        }
        table
    }

    /// Writes the table to `contention.md` in `folder`.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("contention.md"), self.table())
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
            grouped(format_args!("{:.0}", self.placed_a_second)),
            self.retried * 100.0,
            self.tries,
            self.busy * 100.0,
            time(self.median),
            time(self.slowest_hundredth),
            grouped(self.throttled),
        )
    }
}

/// A number's digits, by threes.
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
