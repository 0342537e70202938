//! What was done, what befell it, and what did not hold.

use std::fmt::Debug;
use std::time::Duration;

use stockline_simulators::fault_proxy::{Counts, Fault};

use super::network::Traffic;

/// The figures of a day, a history, or many of them.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Sales held.
    pub days: usize,
    /// Histories judged.
    pub histories: usize,
    /// Requests that callers wanted done.
    pub operations: usize,
    /// How many of them were settled.
    pub settled: usize,
    /// How long each took to be settled.
    pub(super) latencies: Vec<Duration>,
    /// What the proxies counted.
    pub(super) traffic: Traffic,
    /// All in all.
    pub took: Duration,
    /// What did not hold.
    pub broken: Vec<String>,
}

impl Figures {
    /// Notes a request of a sale: how long it took to be settled, or that it never was. Hands on whether it was.
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

    /// That `what` is `wanted`.
    pub fn expect<T: Copy + PartialEq + Debug>(&mut self, what: &str, actual: T, wanted: T) {
        if actual != wanted {
            self.broken
                .push(format!("{what}: {actual:?}, not {wanted:?}"));
        }
    }

    /// What the proxies counted between two moments.
    pub fn add_traffic(&mut self, before: Traffic, after: Traffic) {
        let since = Traffic {
            database: difference(before.database, after.database),
            gateway: difference(before.gateway, after.gateway),
        };
        self.traffic = sum(self.traffic, since);
    }

    /// These and `other` together.
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

    /// How many requests met a fault.
    pub fn faults(&self) -> u64 {
        let faults = |counts: Counts| counts.faults.iter().sum::<u64>();
        faults(self.traffic.gateway) + faults(self.traffic.database)
    }

    /// All that fits on a line.
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

/// The figures as a table: one line of what is counted, one of how many.
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
