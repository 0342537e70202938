//! The current time, as a port, so that a test chooses it.

use jiff::Timestamp;

/// Tells the current time.
pub trait Clock: Send + Sync {
    /// The current time, truncated to whole milliseconds, so that a stored time equals the one the decision was made on.
    fn now(&self) -> Timestamp;
}
