//! The store's local trading day.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// The business date of a sale at `sold_at` in a store of `time_zone` that closes its day at `close_out_hour`.
///
/// A sale before the close-out hour (0 to 12, local time) still belongs to the day before, so that a bar's last
/// round at 01:30 is on the evening's takings. It is fixed when the sale is made and never computed again.
pub fn business_date(sold_at: Timestamp, time_zone: &TimeZone, close_out_hour: i8) -> Date {
    let local = time_zone.to_datetime(sold_at);
    if local.hour() < close_out_hour {
        local.date().saturating_sub(1.day())
    } else {
        local.date()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn day(at: &str, zone: &str, close_out_hour: i8) -> Date {
        business_date(
            at.parse().unwrap(),
            &TimeZone::get(zone).unwrap(),
            close_out_hour,
        )
    }

    #[test]
    fn the_day_is_the_stores_own_and_not_utcs() {
        assert_eq!(
            day("2026-03-01T23:30:00Z", "Europe/Berlin", 0),
            date(2026, 3, 2)
        );
        assert_eq!(
            day("2026-03-01T02:30:00Z", "America/New_York", 0),
            date(2026, 2, 28)
        );
    }

    #[test]
    fn a_sale_before_close_out_belongs_to_the_evening_before() {
        assert_eq!(
            day("2026-03-02T02:59:59Z", "Europe/Berlin", 4),
            date(2026, 3, 1)
        );
        assert_eq!(
            day("2026-03-02T03:00:00Z", "Europe/Berlin", 4),
            date(2026, 3, 2)
        );
    }

    #[test]
    fn the_hour_that_happens_twice_stays_on_one_day() {
        assert_eq!(
            day("2026-10-25T00:30:00Z", "Europe/Berlin", 3),
            date(2026, 10, 24)
        );
        assert_eq!(
            day("2026-10-25T01:30:00Z", "Europe/Berlin", 3),
            date(2026, 10, 24)
        );
        assert_eq!(
            day("2026-10-25T02:00:00Z", "Europe/Berlin", 3),
            date(2026, 10, 25)
        );
    }
}
