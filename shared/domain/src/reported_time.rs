//! Times that callers report: which ones are accepted, and how they are stored.

use jiff::{SignedDuration, Timestamp};

use crate::invalid::Checks;
use crate::millis;

/// The maximum age of a reported time. A till or a store may have been offline for that long.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far a caller's clock may be ahead of the server's.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Checks that `time` is at most [`MAX_AGE`] before `now` and at most [`CLOCK_TOLERANCE`] after it.
///
/// `pointer` is the JSON Pointer of the field.
pub fn check(time: Timestamp, now: Timestamp, pointer: &str, checks: &mut Checks) {
    check_clock_skew(time, now, pointer, checks);
    checks.require(
        time >= now.saturating_sub(MAX_AGE).unwrap_or(now),
        pointer,
        "must be at most 7 days in the past",
    );
}

/// Checks that `time` is at most [`CLOCK_TOLERANCE`] after `now`. The past is not limited.
pub fn check_clock_skew(time: Timestamp, now: Timestamp, pointer: &str, checks: &mut Checks) {
    checks.require(
        time <= now.saturating_add(CLOCK_TOLERANCE).unwrap_or(now),
        pointer,
        "must be at most 5 minutes in the future",
    );
}

/// Returns the reported time, truncated to milliseconds and at most `now`, or `now` if none was reported.
///
/// A time ahead of `now` is clamped because a count must not cover changes made after it was reported.
pub fn clamp_to_now(reported: Option<Timestamp>, now: Timestamp) -> Timestamp {
    reported.map_or(now, |reported| millis::truncate(reported).min(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reported_time_is_at_most_a_week_old_and_5_minutes_ahead() {
        let now: Timestamp = "2026-03-08T12:00:00Z".parse().unwrap();
        let is_accepted = |time: &str| {
            let mut checks = Checks::new();
            check(time.parse().unwrap(), now, "/at", &mut checks);
            checks.finish(()).is_ok()
        };
        assert!(is_accepted("2026-03-01T12:00:00Z"));
        assert!(!is_accepted("2026-03-01T11:59:59Z"));
        assert!(is_accepted("2026-03-08T12:05:00Z"));
        assert!(!is_accepted("2026-03-08T12:05:01Z"));
    }

    #[test]
    fn missing_or_future_time_is_clamped_to_now() {
        let now: Timestamp = "2026-03-08T12:00:00Z".parse().unwrap();
        let clamped = |time: &str| clamp_to_now(Some(time.parse().unwrap()), now).to_string();
        assert_eq!(clamp_to_now(None, now), now);
        assert_eq!(clamped("2026-03-08T12:01:00Z"), "2026-03-08T12:00:00Z");
        assert_eq!(
            clamped("2026-03-08T11:00:00.1239Z"),
            "2026-03-08T11:00:00.123Z"
        );
    }
}
