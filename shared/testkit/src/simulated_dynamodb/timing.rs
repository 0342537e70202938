//! How long a request takes, and how long a transaction holds its items.

use std::f64::consts::TAU;
use std::time::Duration;

use fastrand::Rng;

/// Latencies, drawn from a seeded generator.
///
/// DynamoDB states single-digit milliseconds for single requests and nothing for transactions. The shape is that of A. `DeBrie`,
/// "DynamoDB Transactions Performance Testing" (2020; 400 calls each, from a Lambda function in Python): a put took 7.6 ms
/// at the median, 11.3 at p90, 16.2 at p99; a transaction of 5 items 25.3, 30.7 and 92.5, and as long when it was
/// canceled. So a transaction takes about three puts, is steadier in the middle, and has a longer tail. The medians are
/// half of those, for a faster client and newer connections. What part of it an item is held is not published; "Distributed
/// Transactions at Scale in Amazon `DynamoDB`" (USENIX ATC 2023) has four rounds in a row, of which the item is held from
/// its prepare through the record of the decision to its commit: half of the whole.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The median of a single request.
    pub single: Duration,
    /// The median of a transaction.
    pub transaction: Duration,
    /// The part of a transaction before its items are prepared, in hundredths.
    pub until_prepare: u32,
    /// The part of a transaction until its items are committed or let go, in hundredths.
    pub until_commit: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            single: Duration::from_millis(4),
            transaction: Duration::from_millis(12),
            until_prepare: 35,
            until_commit: 85,
        }
    }
}

/// When the steps of a transaction are, from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Its items are prepared.
    pub prepare: Duration,
    /// They are committed, or let go.
    pub commit: Duration,
    /// The answer arrives.
    pub answer: Duration,
}

impl Timing {
    /// How long a single request takes.
    pub fn single(&self, random: &mut Rng) -> Duration {
        self.single.mul_f64((0.32 * normal(random)).exp())
    }

    /// The steps of a transaction.
    pub fn transaction(&self, random: &mut Rng) -> Steps {
        let mut factor = (0.15 * normal(random)).exp();
        // The tail: 3 of 100 take 2 to 5 times as long.
        if random.f64() < 0.03 {
            factor *= 2.0 + 3.0 * random.f64();
        }
        let answer = self.transaction.mul_f64(factor);
        Steps {
            prepare: answer * self.until_prepare / 100,
            commit: answer * self.until_commit / 100,
            answer,
        }
    }
}

/// A draw from the standard normal distribution (Box and Muller).
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

    fn near(found: [f64; 3], expected: [f64; 3]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found / expected - 1.0).abs() < 0.15,
                "{found} and not {expected}"
            );
        }
    }

    #[test]
    fn latencies_have_the_shape_that_was_measured() {
        let (timing, mut random) = (Timing::default(), Rng::with_seed(7));
        let single = (0..20_000).map(|_| timing.single(&mut random)).collect();
        near(quantiles(single), [4.0, 6.0, 8.5]);
        let whole = (0..20_000)
            .map(|_| timing.transaction(&mut random).answer)
            .collect();
        near(quantiles(whole), [12.0, 14.9, 45.0]);
    }
}
