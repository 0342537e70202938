//! The one place of this tool that reads the wall clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "a tool at a terminal: tokens and logs carry the real time"
)]
pub fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
