//! Times that callers report: which ones are accepted, and how they are stored.

use jiff::{SignedDuration, Timestamp};

use crate::invalid::Checks;
use crate::millis;

/// The maximum age of a reported time. A till or a store may have been offline for that long.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far a caller's clock may be ahead of the server's.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A text that is not an RFC 3339 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time, such as 2026-03-01T12:00:00Z or 2026-03-01T14:00:00.500+02:00")]
pub struct InvalidTime;

/// Parses a time of RFC 3339: a capital `T`, `Z` or an offset in hours and minutes, and at most 9 fractional digits after a
/// period.
///
/// [`Timestamp`] itself also parses other forms, such as a comma as the decimal separator, dates without hyphens, a space in
/// place of the `T` and a time zone in brackets.
pub fn parse(text: &str) -> Result<Timestamp, InvalidTime> {
    if is_rfc_3339(text) {
        text.parse().map_err(|_| InvalidTime)
    } else {
        Err(InvalidTime)
    }
}

/// Whether the text has the form of RFC 3339. Whether the date exists is not checked.
fn is_rfc_3339(text: &str) -> bool {
    /// `d` stands for a digit, every other character for itself.
    fn matches(text: &str, form: &str) -> bool {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(byte, form)| match form {
                    b'd' => byte.is_ascii_digit(),
                    _ => byte == form,
                })
    }
    let Some((date_time, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
        None => rest,
    };
    matches(date_time, "dddd-dd-ddTdd:dd:dd")
        && (zone == "Z"
            || ((matches(zone, "+dd:dd") || matches(zone, "-dd:dd")) && &zone[1..3] <= "23"))
}

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
    fn parse_accepts_rfc_3339_only() {
        let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for same in [
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00.000000000Z",
            "2026-03-01T14:00:00+02:00",
            "2026-03-01T06:30:00.0-05:30",
            "2026-03-01T12:00:00-00:00",
        ] {
            assert_eq!(parse(same), Ok(noon), "{same}");
        }
        for other in [
            "2026-03-01T12:00:00,5Z",
            "20260301T120000Z",
            "2026-03-01T12:00:00+01:00[Europe/Berlin]",
            "2026-03-01 12:00:00Z",
            "2026-03-01t12:00:00z",
            "2026-03-01T12:00Z",
            "2026-03-01T12:00:00",
            "2026-03-01T12:00:00.Z",
            "2026-03-01T12:00:00.0123456789Z",
            "2026-03-01T12:00:00+02",
            "2026-03-01T12:00:00+0200",
            "2026-03-01T12:00:00+24:00",
            "2026-03-01T12:00:00+02:00:00",
            "2026-02-30T12:00:00Z",
            "+002026-03-01T12:00:00Z",
            "2026-03-01",
            "1772366400",
            "",
            "2026-03-01T12:00:0ü",
        ] {
            assert_eq!(parse(other), Err(InvalidTime), "{other}");
        }
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
