//! Late writes: orders and refunds written so long after their business date that the nightly export does not read that date
//! again.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use crate::ids::LocationId;

/// A write more than this number of days after the business date is late.
///
/// The nightly export reads the last 8 closed dates, so it may fail 4 nights in a row without missing a write that is not late.
const ON_TIME_DAYS: i32 = 4;

/// The location and business date of an order or a refund that was written late.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LateDay {
    /// Its location.
    pub location_id: LocationId,
    /// Its business date.
    pub business_date: Date,
}

/// Returns the UTC date of a write at `at` if it is late for an order or a refund of `business_date`.
///
/// A write is any change of the order, such as a cancellation or a fulfilment, and a refund that is reported late. Late writes
/// are indexed by this date.
pub fn late_write_date(business_date: Date, at: Timestamp) -> Option<Date> {
    let today = TimeZone::UTC.to_datetime(at).date();
    (business_date.saturating_add(ON_TIME_DAYS.days()) < today).then_some(today)
}

/// Returns the UTC dates whose late writes an export at `now` of the last `days` closed dates has to look up, newest first.
///
/// Several nightly exports find each write; files that did not change are not written again.
pub fn late_write_dates(days: usize, now: Timestamp) -> impl Iterator<Item = Date> {
    let today = TimeZone::UTC.to_datetime(now).date();
    today.series(-(1.day())).take(days.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::business_date::business_date;
    use crate::export::{ExportDays, TimeZoneGroup};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn write_is_late_from_the_fifth_day_after_business_date() {
        let sold = date(2026, 3, 1);
        assert_eq!(late_write_date(sold, at("2026-03-01T12:00:00Z")), None);
        assert_eq!(late_write_date(sold, at("2026-03-05T23:59:59Z")), None);
        assert_eq!(
            late_write_date(sold, at("2026-03-06T00:00:00Z")),
            Some(date(2026, 3, 6))
        );
        assert_eq!(
            late_write_date(sold, at("2027-03-06T00:00:00Z")),
            Some(date(2027, 3, 6))
        );
    }

    #[test]
    fn export_looks_up_late_writes_of_today_and_exported_dates() {
        let days: Vec<Date> = late_write_dates(2, at("2026-03-02T03:00:00Z")).collect();
        assert_eq!(
            days,
            [date(2026, 3, 2), date(2026, 3, 1), date(2026, 2, 28)]
        );
    }

    proptest! {
        #[test]
        fn next_nightly_export_finds_every_write(
            written in 0_i64..2_000_000_000,
            age_in_hours in 0_i64..10_000,
            night in 1_i64..24,
            zone in prop::sample::select(vec!["Pacific/Kiritimati", "Europe/Berlin", "Pacific/Honolulu"]),
            close_out in 0_i8..13,
        ) {
            let location = crate::catalog::Location {
                location_id: "store-1".parse().unwrap(),
                name: "Store".to_owned(),
                kind: crate::catalog::LocationKind::Store,
                time_zone: zone.to_owned(),
                close_out_hour: close_out,
                zones: Vec::new(),
            };
            let group = TimeZoneGroup::of(&[location]).0.remove(0);
            let hours = |second: i64, hours: i64| Timestamp::from_second(second + hours * 3600).unwrap();
            let at = hours(written, 0);
            let sold = business_date(hours(written, -age_in_hours), &group.time_zone, close_out);
            // The first nightly export after the write at which the date has closed.
            let mut run = hours(written, night);
            while group.last_closed(run) < sold {
                run = Timestamp::from_second(run.as_second() + 24 * 3600).unwrap();
            }
            let is_read_again = group.due(&ExportDays::LastClosed(8), run).contains(&sold);
            let is_looked_up = late_write_date(sold, at).is_some_and(|day| late_write_dates(8, run).any(|on| on == day));
            prop_assert!(is_read_again || is_looked_up);
        }
    }
}
