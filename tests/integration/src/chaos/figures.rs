//! The results of chaos runs: requests, faults, latencies and violations.

use std::fmt::Debug;
use std::time::Duration;

use stockline_simulators::fault_proxy::{Counts, Fault};

use super::network::Traffic;

/// The results of one or several sales and histories.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Number of sales.
    pub days: usize,
    /// Number of histories.
    pub histories: usize,
    /// Number of distinct requests.
    pub operations: usize,
    /// Number of sale requests with a known outcome.
    pub settled: usize,
    /// The time until each sale request was settled, retries included.
    pub(super) latencies: Vec<Duration>,
    /// What the proxies counted.
    pub(super) traffic: Traffic,
    /// Total duration.
    pub took: Duration,
    /// Violated expectations.
    pub broken: Vec<String>,
}

impl Figures {
    /// Records a request of a sale: `took` is the time until its outcome was known, `None` if it never was.
    pub fn note(&mut self, took: Option<Duration>) -> Option<()> {
        self.operations += 1;
        if let Some(took) = took {
            self.settled += 1;
            self.latencies.push(took);
            Some(())
        } else {
            self.broken.push("a request never settled".to_owned());
            None
        }
    }

    /// Records a violation unless `actual` equals `expected`.
    pub fn expect<T: Copy + PartialEq + Debug>(&mut self, what: &str, actual: T, wanted: T) {
        if actual != wanted {
            self.broken
                .push(format!("{what}: {actual:?}, not {wanted:?}"));
        }
    }

    /// Adds what the proxies counted between two readings.
    pub fn add_traffic(&mut self, before: Traffic, after: Traffic) {
        let since = Traffic {
            database: difference(before.database, after.database),
            gateway: difference(before.gateway, after.gateway),
        };
        self.traffic = sum(self.traffic, since);
    }

    /// Adds the results of `other`.
    pub fn add(&mut self, other: Self) {
        self.days += other.days;
        self.histories += other.histories;
        self.operations += other.operations;
        self.settled += other.settled;
        self.latencies.extend(other.latencies);
        self.traffic = sum(self.traffic, other.traffic);
        self.took += other.took;
        self.broken.extend(other.broken);
    }

    /// Number of faults injected.
    pub fn faults(&self) -> u64 {
        let faults = |counts: Counts| counts.faults.iter().sum::<u64>();
        faults(self.traffic.gateway) + faults(self.traffic.database)
    }

    /// A summary of one line.
    pub fn line(&self) -> String {
        let faults = self.faults();
        let broken = match self.broken.as_slice() {
            [] => "all holds".to_owned(),
            broken => format!("BROKEN: {}", broken.join("; ")),
        };
        format!(
            "{} requests, {faults} faults, {:.1} s, {broken}",
            self.operations,
            self.took.as_secs_f32()
        )
    }

    fn percentile(&mut self, percent: usize) -> Duration {
        self.latencies.sort_unstable();
        let place = self.latencies.len().saturating_sub(1) * percent / 100;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// Renders the results as a table with one figure per line.
pub fn table(mut figures: Figures) -> String {
    let mut lines = Vec::new();
    let mut line = |what: &str, value: String| lines.push(format!("  {what:<26} {value:>10}"));
    line("sales", figures.days.to_string());
    line("histories", figures.histories.to_string());
    line("requests wanted", figures.operations.to_string());
    line("settled, of sales", figures.settled.to_string());
    let (gateway, database) = (figures.traffic.gateway, figures.traffic.database);
    line("sent to the API", gateway.requests.to_string());
    let wanted = u64::try_from(figures.operations).unwrap_or(u64::MAX);
    line(
        "of them sent again",
        gateway.requests.saturating_sub(wanted).to_string(),
    );
    line("sent to DynamoDB", database.requests.to_string());
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        let counts = format!("{} + {}", gateway.faults[number], database.faults[number]);
        line(&format!("{} (API + DynamoDB)", fault.name()), counts);
    }
    let median = figures.percentile(50);
    let slow = figures.percentile(99);
    line("p50 until settled", format!("{} ms", median.as_millis()));
    line("p99 until settled", format!("{} ms", slow.as_millis()));
    line("seconds", format!("{:.1}", figures.took.as_secs_f32()));
    line("broken invariants", figures.broken.len().to_string());
    lines.extend(figures.broken.iter().map(|broken| format!("  ! {broken}")));
    lines.join("\n")
}

fn sum(one: Traffic, other: Traffic) -> Traffic {
    Traffic {
        database: together(one.database, other.database, u64::saturating_add),
        gateway: together(one.gateway, other.gateway, u64::saturating_add),
    }
}

fn difference(before: Counts, after: Counts) -> Counts {
    together(after, before, u64::saturating_sub)
}

fn together(one: Counts, other: Counts, how: fn(u64, u64) -> u64) -> Counts {
    let mut faults = one.faults;
    for (fault, other) in faults.iter_mut().zip(other.faults) {
        *fault = how(*fault, other);
    }
    Counts {
        requests: how(one.requests, other.requests),
        faults,
    }
}
