//! How long a call may still take, and how long to wait before trying again.
//!
//! Four times bound a call, each within the one before, so that the caller hears from us and not from a gateway:
//!
//! | bounds | time | set in |
//! | --- | --- | --- |
//! | API Gateway waits for the function | 29 s | `infra/api.tf` |
//! | Lambda lets the function run | 10 or 25 s | `infra/functions.tf` |
//! | the call: the handler and every AWS call it makes | 0.5 s less than Lambda leaves | `edge.rs` |
//! | one try of one AWS call, of at most three | 5 s, 2 s of it to connect | `clients.rs` |
//!
//! The last two end in 503 with `Retry-After`. A write that was given up may have been done: its idempotency key tells.

use std::time::Duration;

use tokio::time::Instant;

/// When a caller gives up, on the runtime's clock: the machine's monotonic one, or a test's paused one.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// `time` from now.
    pub fn within(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is left, zero once it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The tries of one thing until then; the first needs no leave.
    pub fn tries(self) -> Tries {
        Tries {
            deadline: self,
            made: 0,
        }
    }

    /// Waits before the try after `tries`, with full jitter: anything from nothing to 10 ms x 2^tries, at most 500 ms.
    ///
    /// Answers whether there is time for another try.
    pub async fn back_off(self, tries: u32) -> bool {
        let ceiling = 10_u64.saturating_mul(1 << tries.min(6)).min(500);
        self.pause(Duration::from_millis(fastrand::u64(0..=ceiling)))
            .await
    }

    /// Waits so long before another look; answers whether there is time for it.
    pub async fn pause(self, pause: Duration) -> bool {
        if self.left() <= pause {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

/// The tries of one thing, ever further apart, until its deadline.
#[derive(Debug)]
pub struct Tries {
    deadline: Deadline,
    made: u32,
}

impl Tries {
    /// How many were made that did not do.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Waits before the next try; answers whether there is time for one.
    pub async fn another(&mut self) -> bool {
        self.made += 1;
        self.deadline.back_off(self.made).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_come_ever_further_apart_and_end_with_their_deadline() {
        for seed in 0..50 {
            fastrand::seed(seed);
            let begun = Instant::now();
            let mut tries = Deadline::within(Duration::from_secs(10)).tries();
            let mut made = 0;
            let mut in_the_first_tenth = 0;
            while tries.another().await {
                made += 1;
                if begun.elapsed() < Duration::from_secs(1) {
                    in_the_first_tenth += 1;
                }
            }
            // A quarter of a second apart on average, once they are as far apart as they get.
            assert!((25..80).contains(&made), "{made} with seed {seed}");
            assert!(
                in_the_first_tenth > 3,
                "{in_the_first_tenth} with seed {seed}"
            );
            let waited = begun.elapsed();
            let last = Duration::from_millis(9500);
            assert!(
                (last..=Duration::from_secs(10)).contains(&waited),
                "{waited:?}"
            );
        }
    }
}
