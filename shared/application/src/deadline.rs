//! The deadline of a call, and the pauses between attempts.
//!
//! Four limits bound a call. Each is shorter than the one before, so that the caller gets our response and not a gateway's:
//!
//! | limit | time | set in |
//! | --- | --- | --- |
//! | API Gateway waits for the function | 29 s | `infra/api.tf` |
//! | timeout of the function | 10 or 25 s | `infra/functions.tf` |
//! | the handler with every AWS call it makes | 0.5 s less than the function's timeout | `edge.rs` |
//! | one attempt of one AWS call, of at most three | 5 s, 2 s of it to connect | `clients.rs` |
//!
//! Exceeding one of the last two is answered with 503 and `Retry-After`. The write may have been applied: a retry under the same
//! idempotency key returns its result.

use std::time::Duration;

use tokio::time::Instant;

/// The instant at which a call must end, on the runtime's monotonic clock. Tests pause that clock.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `time` from now.
    pub fn within(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The remaining time; zero once the deadline has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Iterates over attempts until the deadline. The first attempt is always allowed.
    pub fn attempts(self) -> Attempts {
        Attempts {
            deadline: self,
            failed: 0,
        }
    }

    /// Pauses after `failed` attempts, with full jitter: a random time up to 10 ms x 2^failed, at most 500 ms.
    ///
    /// Returns false without a pause if the deadline comes first.
    pub async fn back_off(self, failed: u32) -> bool {
        let ceiling = 10_u64.saturating_mul(1 << failed.min(6)).min(500);
        self.pause(Duration::from_millis(fastrand::u64(0..=ceiling)))
            .await
    }

    /// Pauses for a fixed time. Returns false without a pause if the deadline comes first.
    pub async fn pause(self, pause: Duration) -> bool {
        if self.remaining() <= pause {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

/// Counts the attempts of one operation and pauses between them, with growing jitter, until the deadline.
#[derive(Debug)]
pub struct Attempts {
    deadline: Deadline,
    failed: u32,
}

impl Attempts {
    /// The number of failed attempts.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// Pauses before the next attempt. Returns false if the deadline leaves no time for it.
    pub async fn wait_for_next(&mut self) -> bool {
        self.failed += 1;
        self.deadline.back_off(self.failed).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_back_off_and_end_at_the_deadline() {
        for seed in 0..50 {
            fastrand::seed(seed);
            let begun = Instant::now();
            let mut attempts = Deadline::within(Duration::from_secs(10)).attempts();
            let mut made = 0;
            let mut in_first_second = 0;
            while attempts.wait_for_next().await {
                made += 1;
                if begun.elapsed() < Duration::from_secs(1) {
                    in_first_second += 1;
                }
            }
            // At the maximum, pauses average a quarter of a second.
            assert!((25..80).contains(&made), "{made} with seed {seed}");
            assert!(in_first_second > 3, "{in_first_second} with seed {seed}");
            let waited = begun.elapsed();
            let last = Duration::from_millis(9500);
            assert!(
                (last..=Duration::from_secs(10)).contains(&waited),
                "{waited:?}"
            );
        }
    }
}
