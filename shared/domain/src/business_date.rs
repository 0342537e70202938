//! The business date: a store's local trading day.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// Returns the business date of a sale at `sold_at` in a store of `time_zone` whose trading day ends at `close_out_hour`.
///
/// A sale before the close-out hour (0 to 12, local time) belongs to the day before: a sale at 01:30 in a bar that closes out
/// at 04:00 counts for the evening. The date is fixed when the sale is made and never computed again.
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
    use proptest::prelude::*;

    fn day(at: &str, zone: &str, close_out_hour: i8) -> Date {
        business_date(
            at.parse().unwrap(),
            &TimeZone::get(zone).unwrap(),
            close_out_hour,
        )
    }

    #[test]
    fn date_is_local_to_the_store() {
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
    fn sale_before_close_out_belongs_to_the_day_before() {
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
    fn repeated_hour_at_end_of_dst_stays_on_one_date() {
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

    #[test]
    fn skipped_hour_at_start_of_dst_still_ends_the_day() {
        for close_out_hour in [2, 3] {
            assert_eq!(
                day("2026-03-29T00:59:59Z", "Europe/Berlin", close_out_hour),
                date(2026, 3, 28)
            );
            assert_eq!(
                day("2026-03-29T01:00:00Z", "Europe/Berlin", close_out_hour),
                date(2026, 3, 29)
            );
        }
    }

    #[test]
    fn one_instant_has_three_dates_across_the_date_line() {
        let at = "2026-03-01T10:30:00Z";
        assert_eq!(day(at, "Pacific/Kiritimati", 0), date(2026, 3, 2));
        assert_eq!(day(at, "Europe/London", 0), date(2026, 3, 1));
        assert_eq!(day(at, "Pacific/Pago_Pago", 0), date(2026, 2, 28));
    }

    #[test]
    fn date_skipped_at_the_date_line_has_no_sales() {
        assert_eq!(
            day("2011-12-30T09:59:59Z", "Pacific/Apia", 0),
            date(2011, 12, 29)
        );
        assert_eq!(
            day("2011-12-30T10:00:00Z", "Pacific/Apia", 0),
            date(2011, 12, 31)
        );
    }

    proptest! {
        /// Covers 2024 to 2030 in zones that change their clocks at different hours, by half an hour, or not at all.
        #[test]
        fn date_never_decreases_and_is_the_local_date_or_the_day_before(
            second in 1_704_067_200_i64..1_893_456_000, later in 0_i64..100_000, close_out_hour in 0_i8..=12,
            zone in prop::sample::select(vec![
                "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana",
                "Africa/Casablanca", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC",
            ]),
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let at = |second| Timestamp::from_second(second).unwrap();
            let first = business_date(at(second), &zone, close_out_hour);
            let then = business_date(at(second + later), &zone, close_out_hour);
            prop_assert!(first <= then, "{first} {then}");
            let local = zone.to_datetime(at(second));
            let days_back = i32::from(local.hour() < close_out_hour);
            prop_assert_eq!(first.saturating_add(days_back.days()), local.date());
        }
    }
}
