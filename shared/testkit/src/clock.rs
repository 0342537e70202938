//! A clock for tests.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use stockline_application::ports::clock::Clock;

/// A clock that stands still until it is advanced. A clone is the same clock.
#[derive(Debug, Clone)]
pub struct FakeClock(Arc<Mutex<Timestamp>>);

impl FakeClock {
    /// A clock at `now`, in RFC 3339 format.
    pub fn at(now: &str) -> Self {
        Self(Arc::new(Mutex::new(now.parse().unwrap())))
    }

    /// Advances the clock by `time`.
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
