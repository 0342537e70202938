//! Latencies of requests, and how long a transaction holds its items.

use std::f64::consts::TAU;
use std::time::Duration;

use fastrand::Rng;

/// Parameters of the random latencies.
///
/// DynamoDB documents single-digit milliseconds for single-item requests and no latency for transactions. The shape of the
/// distribution is from A. `DeBrie`, "DynamoDB Transactions Performance Testing" (2020; 400 calls each, from a Lambda
/// function in Python): a put took 7.6 ms at the median, 11.3 at p90 and 16.2 at p99; a transaction of 5 items took 25.3,
/// 30.7 and 92.5, committed or canceled. So a transaction takes about as long as three puts, varies less around the median,
/// and has a longer tail. The medians here are half of the measured ones, for a faster client and newer connections. How
/// long a transaction holds an item is not published. In "Distributed Transactions at Scale in Amazon `DynamoDB`" (USENIX
/// ATC 2023) a transaction takes four sequential rounds and holds the item from prepare, while the decision is recorded,
/// until commit: half of the total.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The median latency of a single-item request.
    pub single: Duration,
    /// The median latency of a transaction.
    pub transaction: Duration,
    /// When a transaction prepares its items, in percent of its latency.
    pub prepare_percent: u32,
    /// When a transaction commits or releases its items, in percent of its latency.
    pub commit_percent: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            single: Duration::from_millis(4),
            transaction: Duration::from_millis(12),
            prepare_percent: 35,
            commit_percent: 85,
        }
    }
}

/// When the phases of a transaction happen, relative to its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPhases {
    /// The items are prepared.
    pub prepare: Duration,
    /// The items are committed or released.
    pub commit: Duration,
    /// The response arrives.
    pub response: Duration,
}

impl Timing {
    /// Draws the latency of a single-item request.
    pub fn single(&self, random: &mut Rng) -> Duration {
        self.single.mul_f64((0.32 * normal(random)).exp())
    }

    /// Draws the phases of a transaction.
    pub fn transaction(&self, random: &mut Rng) -> TransactionPhases {
        let mut factor = (0.15 * normal(random)).exp();
        // The long tail: 3 of 100 transactions take 2 to 5 times as long.
        if random.f64() < 0.03 {
            factor *= 2.0 + 3.0 * random.f64();
        }
        let response = self.transaction.mul_f64(factor);
        TransactionPhases {
            prepare: response * self.prepare_percent / 100,
            commit: response * self.commit_percent / 100,
            response,
        }
    }
}

/// Draws from the standard normal distribution (Box-Muller transform).
fn normal(random: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (TAU * random.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantiles(mut draws: Vec<Duration>) -> [f64; 3] {
        draws.sort_unstable();
        [50, 90, 99].map(|percent| draws[draws.len() * percent / 100].as_secs_f64() * 1000.0)
    }

    fn assert_within_15_percent(actual: [f64; 3], expected: [f64; 3]) {
        for (actual, expected) in actual.iter().zip(expected) {
            assert!(
                (actual / expected - 1.0).abs() < 0.15,
                "{actual} differs from {expected} by 15% or more"
            );
        }
    }

    #[test]
    fn latencies_match_the_published_measurements() {
        let (timing, mut random) = (Timing::default(), Rng::with_seed(7));
        let single = (0..20_000).map(|_| timing.single(&mut random)).collect();
        assert_within_15_percent(quantiles(single), [4.0, 6.0, 8.5]);
        let transaction = (0..20_000)
            .map(|_| timing.transaction(&mut random).response)
            .collect();
        assert_within_15_percent(quantiles(transaction), [12.0, 14.9, 45.0]);
    }
}
