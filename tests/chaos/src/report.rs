//! The results of chaos runs: requests, faults, latencies and violations.

use std::fmt::Debug;
use std::time::Duration;

use stockline_simulators::fault_proxy::{Fault, ProxyCounts};

use super::network::Traffic;

/// The results of one or several sales and histories.
#[derive(Debug, Clone, Default)]
pub struct ChaosReport {
    /// Number of sales.
    pub sales: usize,
    /// Number of histories.
    pub histories: usize,
    /// Number of distinct requests.
    pub requests: usize,
    /// Number of sale requests with a known outcome.
    pub settled: usize,
    /// The time until each sale request was settled, retries included.
    pub(super) latencies: Vec<Duration>,
    /// What the proxies counted.
    pub(super) traffic: Traffic,
    /// Total duration.
    pub duration: Duration,
    /// Violated expectations.
    pub violations: Vec<String>,
}

impl ChaosReport {
    /// Records a request of a sale: `took` is the time until its outcome was known, `None` if it never was.
    /// Returns `Some` if it was settled.
    pub fn record_request(&mut self, took: Option<Duration>) -> Option<()> {
        self.requests += 1;
        if let Some(took) = took {
            self.settled += 1;
            self.latencies.push(took);
            Some(())
        } else {
            self.violations
                .push("a request has no known outcome".to_owned());
            None
        }
    }

    /// Records a violation unless `actual` equals `expected`.
    pub fn check<T: Copy + PartialEq + Debug>(&mut self, what: &str, actual: T, expected: T) {
        if actual != expected {
            self.violations
                .push(format!("{what}: {actual:?}, expected {expected:?}"));
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
    pub fn merge(&mut self, other: Self) {
        self.sales += other.sales;
        self.histories += other.histories;
        self.requests += other.requests;
        self.settled += other.settled;
        self.latencies.extend(other.latencies);
        self.traffic = sum(self.traffic, other.traffic);
        self.duration += other.duration;
        self.violations.extend(other.violations);
    }

    /// Number of faults injected.
    pub fn fault_count(&self) -> u64 {
        let faults = |counts: ProxyCounts| counts.faults.iter().sum::<u64>();
        faults(self.traffic.gateway) + faults(self.traffic.database)
    }

    /// A summary of one line.
    pub fn summary(&self) -> String {
        let faults = self.fault_count();
        let violations = match self.violations.as_slice() {
            [] => "no violations".to_owned(),
            found => format!("VIOLATIONS: {}", found.join("; ")),
        };
        format!(
            "{} requests, {faults} faults, {:.1} s, {violations}",
            self.requests,
            self.duration.as_secs_f32()
        )
    }

    fn percentile(&mut self, percent: usize) -> Duration {
        self.latencies.sort_unstable();
        let index = self.latencies.len().saturating_sub(1) * percent / 100;
        self.latencies.get(index).copied().unwrap_or_default()
    }
}

/// Renders the results as a table with one figure per line.
pub fn render_table(mut report: ChaosReport) -> String {
    let mut lines = Vec::new();
    let mut line = |what: &str, value: String| lines.push(format!("  {what:<26} {value:>10}"));
    line("sales", report.sales.to_string());
    line("histories", report.histories.to_string());
    line("distinct requests", report.requests.to_string());
    line("sale requests settled", report.settled.to_string());
    let (gateway, database) = (report.traffic.gateway, report.traffic.database);
    line("requests to the API", gateway.requests.to_string());
    let distinct = u64::try_from(report.requests).unwrap_or(u64::MAX);
    line(
        "of them retries",
        gateway.requests.saturating_sub(distinct).to_string(),
    );
    line("requests to DynamoDB", database.requests.to_string());
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        let counts = format!("{} + {}", gateway.faults[number], database.faults[number]);
        line(&format!("{} (API + DynamoDB)", fault.name()), counts);
    }
    let p50 = report.percentile(50);
    let p99 = report.percentile(99);
    line("p50 time to settle", format!("{} ms", p50.as_millis()));
    line("p99 time to settle", format!("{} ms", p99.as_millis()));
    line("seconds", format!("{:.1}", report.duration.as_secs_f32()));
    line("violations", report.violations.len().to_string());
    lines.extend(
        report
            .violations
            .iter()
            .map(|violation| format!("  ! {violation}")),
    );
    lines.join("\n")
}

fn sum(one: Traffic, other: Traffic) -> Traffic {
    Traffic {
        database: combine(one.database, other.database, u64::saturating_add),
        gateway: combine(one.gateway, other.gateway, u64::saturating_add),
    }
}

fn difference(before: ProxyCounts, after: ProxyCounts) -> ProxyCounts {
    combine(after, before, u64::saturating_sub)
}

fn combine(one: ProxyCounts, other: ProxyCounts, operation: fn(u64, u64) -> u64) -> ProxyCounts {
    let mut faults = one.faults;
    for (fault, other) in faults.iter_mut().zip(other.faults) {
        *fault = operation(*fault, other);
    }
    ProxyCounts {
        requests: operation(one.requests, other.requests),
        faults,
    }
}
