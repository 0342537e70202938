//! The only place of this tool that reads the system clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the Unix epoch.
#[allow(
    clippy::disallowed_methods,
    reason = "tokens and process ids of a command-line tool carry the real time"
)]
pub fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
