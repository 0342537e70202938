//! How long a call may still take, and how long to wait before trying again.

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

    /// Waits before the try after `tries`, with full jitter: anything from nothing to 10 ms x 2^tries, at most 500 ms.
    ///
    /// Answers whether there is time for another try.
    pub async fn back_off(self, tries: u32) -> bool {
        let ceiling = 10_u64.saturating_mul(1 << tries.min(6)).min(500);
        let pause = Duration::from_millis(fastrand::u64(0..=ceiling));
        if self.left() <= pause {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}
