//! A clock that a test sets.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use stockline_application::ports::clock::Clock;

/// Stands still until it is moved.
#[derive(Debug, Clone)]
pub struct FakeClock(Arc<Mutex<Timestamp>>);

impl FakeClock {
    /// Stands at `now`, an RFC 3339 time.
    pub fn at(now: &str) -> Self {
        Self(Arc::new(Mutex::new(now.parse().unwrap())))
    }

    /// Moves on by `time`.
    pub fn advance(&self, time: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(time).unwrap();
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
