//! When something happened, as a caller tells it.

use jiff::{SignedDuration, Timestamp};

use crate::invalid::Checks;
use crate::millis;

/// How far back may have happened what is told only now: a till or a store was offline.
pub const OLDEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far a caller's clock may be ahead of ours.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// That what is told at `now`, in the field at `pointer`, may have happened at `time`.
pub fn check(time: Timestamp, now: Timestamp, pointer: &str, checks: &mut Checks) {
    check_clock(time, now, pointer, checks);
    checks.require(
        time >= now.saturating_sub(OLDEST).unwrap_or(now),
        pointer,
        "must not be more than 7 days back",
    );
}

/// The same, however long ago it was.
pub fn check_clock(time: Timestamp, now: Timestamp, pointer: &str, checks: &mut Checks) {
    checks.require(
        time <= now.saturating_add(CLOCK_TOLERANCE).unwrap_or(now),
        pointer,
        "must not be more than 5 minutes ahead",
    );
}

/// When what is told at `now` happened: then, if no time is told. A clock that is ahead counts as now: a count must not see
/// what is yet to happen.
pub fn taken(told: Option<Timestamp>, now: Timestamp) -> Timestamp {
    told.map_or(now, |told| millis::cut(told).min(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_happened_within_a_week_and_five_minutes_ahead_at_most() {
        let now: Timestamp = "2026-03-08T12:00:00Z".parse().unwrap();
        let is_taken = |time: &str| {
            let mut checks = Checks::new();
            check(time.parse().unwrap(), now, "/at", &mut checks);
            checks.finish(()).is_ok()
        };
        assert!(is_taken("2026-03-01T12:00:00Z"));
        assert!(!is_taken("2026-03-01T11:59:59Z"));
        assert!(is_taken("2026-03-08T12:05:00Z"));
        assert!(!is_taken("2026-03-08T12:05:01Z"));
    }

    #[test]
    fn it_happened_now_if_no_time_is_told_or_one_that_is_yet_to_come() {
        let now: Timestamp = "2026-03-08T12:00:00Z".parse().unwrap();
        let at = |time: &str| taken(Some(time.parse().unwrap()), now).to_string();
        assert_eq!(taken(None, now), now);
        assert_eq!(at("2026-03-08T12:01:00Z"), "2026-03-08T12:00:00Z");
        assert_eq!(at("2026-03-08T11:00:00.1239Z"), "2026-03-08T11:00:00.123Z");
    }
}
