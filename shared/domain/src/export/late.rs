//! Orders that are written long after their business date, which the nightly run's last days no longer reach.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use crate::ids::LocationId;

/// A write more than so many days after the order's business date is late. The nightly run reads the last eight closed
/// days, so that it may fail four nights in a row before it misses a write that is not late.
const IN_TIME: i32 = 4;

/// An order's day that was written late.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LateDay {
    /// The order's location.
    pub location_id: LocationId,
    /// The order's business date.
    pub business_date: Date,
}

/// The day in UTC that a write at `at` is found under, if it is late for an order of `business_date`: whatever was
/// written, a cancellation, a refund or a fulfilment.
pub fn late_on(business_date: Date, at: Timestamp) -> Option<Date> {
    let today = TimeZone::UTC.to_datetime(at).date();
    (business_date.saturating_add(IN_TIME.days()) < today).then_some(today)
}

/// The days whose late writes a run at `now` looks for that exports the last `days` closed days: each write is met by so
/// many nightly runs, and a day that did not change is not written again.
pub fn written_on(days: usize, now: Timestamp) -> impl Iterator<Item = Date> {
    let today = TimeZone::UTC.to_datetime(now).date();
    today.series(-(1.day())).take(days.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::business_date::business_date;
    use crate::export::{Days, TimeZoneGroup};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_write_is_late_from_the_fifth_day_after_the_business_date() {
        let sold = date(2026, 3, 1);
        assert_eq!(late_on(sold, at("2026-03-01T12:00:00Z")), None);
        assert_eq!(late_on(sold, at("2026-03-05T23:59:59Z")), None);
        assert_eq!(
            late_on(sold, at("2026-03-06T00:00:00Z")),
            Some(date(2026, 3, 6))
        );
        assert_eq!(
            late_on(sold, at("2027-03-06T00:00:00Z")),
            Some(date(2027, 3, 6))
        );
    }

    #[test]
    fn a_run_looks_for_todays_late_writes_and_those_of_the_days_it_exports() {
        let days: Vec<Date> = written_on(2, at("2026-03-02T03:00:00Z")).collect();
        assert_eq!(
            days,
            [date(2026, 3, 2), date(2026, 3, 1), date(2026, 2, 28)]
        );
    }

    proptest! {
        #[test]
        fn the_run_of_the_next_night_meets_every_write(
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
            let group = TimeZoneGroup::of(&[location]).unwrap().remove(0);
            let hours = |second: i64, hours: i64| Timestamp::from_second(second + hours * 3600).unwrap();
            let at = hours(written, 0);
            let sold = business_date(hours(written, -age_in_hours), &group.time_zone, close_out);
            // The first run in which the day has closed and the write is made.
            let mut run = hours(written, night);
            while group.last_closed(run) < sold {
                run = Timestamp::from_second(run.as_second() + 24 * 3600).unwrap();
            }
            let read_again = group.due(&Days::LastClosed(8), run).contains(&sold);
            let looked_for = late_on(sold, at).is_some_and(|day| written_on(8, run).any(|on| on == day));
            prop_assert!(read_again || looked_for);
        }
    }
}
