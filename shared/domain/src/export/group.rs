//! The locations of one time zone, and which of their business dates are due.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::late::LateDay;
use super::request::ExportDays;
use crate::business_date::business_date;
use crate::catalog::Location;
use crate::ids::LocationId;

/// A location has an unknown time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("location {location_id} has the unknown time zone {time_zone}")]
pub struct UnknownTimeZone {
    /// The location.
    pub location_id: LocationId,
    /// The unknown name.
    pub time_zone: String,
}

/// The locations of one time zone. Their sales are exported together, one file for each business date.
#[derive(Debug, Clone)]
pub struct TimeZoneGroup {
    /// The IANA name, such as `Europe/Berlin`.
    pub name: String,
    /// The time zone.
    pub time_zone: TimeZone,
    /// The locations, sorted by id.
    pub locations: Vec<LocationId>,
    first_close_out: i8,
    last_close_out: i8,
}

impl TimeZoneGroup {
    /// Groups `locations` by time zone, sorted by its name. Two spellings of one name form one group. Also returns the locations
    /// with an unknown time zone, which are in no group.
    pub fn of(locations: &[Location]) -> (Vec<Self>, Vec<UnknownTimeZone>) {
        let mut groups: BTreeMap<String, Self> = BTreeMap::new();
        let mut unknown = Vec::new();
        for location in locations {
            let Some(time_zone) = location.zone() else {
                unknown.push(UnknownTimeZone {
                    location_id: location.location_id.clone(),
                    time_zone: location.time_zone.clone(),
                });
                continue;
            };
            let name = time_zone
                .iana_name()
                .unwrap_or(&location.time_zone)
                .to_owned();
            let group = groups.entry(name.clone()).or_insert_with(|| Self {
                name,
                time_zone,
                locations: Vec::new(),
                first_close_out: location.close_out_hour,
                last_close_out: location.close_out_hour,
            });
            group.locations.push(location.location_id.clone());
            group.first_close_out = group.first_close_out.min(location.close_out_hour);
            group.last_close_out = group.last_close_out.max(location.close_out_hour);
        }
        let mut groups: Vec<Self> = groups.into_values().collect();
        for group in &mut groups {
            group.locations.sort_unstable();
            group.locations.dedup();
        }
        (groups, unknown)
    }

    /// Returns the name of the group in object keys, such as `Europe-Berlin`.
    pub fn key(&self) -> String {
        self.name.replace('/', "-")
    }

    /// Returns the last business date that every location of the group has closed at `now`.
    pub fn last_closed(&self, now: Timestamp) -> Date {
        business_date(now, &self.time_zone, self.last_close_out).saturating_sub(1.day())
    }

    /// Returns which of `days` are due at `now`, oldest first, without dates that no location of the group has begun.
    pub fn due(&self, days: &ExportDays, now: Timestamp) -> Vec<Date> {
        match days {
            ExportDays::LastClosed(count) => {
                let mut dates: Vec<Date> = self
                    .last_closed(now)
                    .series(-(1.day()))
                    .take(*count)
                    .collect();
                dates.reverse();
                dates
            }
            ExportDays::Listed(dates) => {
                let current = business_date(now, &self.time_zone, self.first_close_out);
                dates
                    .iter()
                    .copied()
                    .filter(|date| *date <= current)
                    .collect()
            }
        }
    }

    /// Returns which of `days` are due at `now` and the dates of the group in `late`, oldest first.
    pub fn due_with_late(
        &self,
        days: &ExportDays,
        late: &BTreeSet<LateDay>,
        now: Timestamp,
    ) -> Vec<Date> {
        let mut dates: BTreeSet<Date> = self.due(days, now).into_iter().collect();
        let of_group = late
            .iter()
            .filter(|day| self.locations.binary_search(&day.location_id).is_ok());
        dates.extend(of_group.map(|day| day.business_date));
        dates.into_iter().collect()
    }

    /// Returns the local time of the group at `at`, in milliseconds since 1970-01-01 00:00 local time.
    pub fn local_milliseconds(&self, at: Timestamp) -> i64 {
        let offset = i64::from(self.time_zone.to_offset(at).seconds());
        at.as_millisecond() + offset * 1000
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::catalog::LocationKind;

    fn location(id: &str, zone: &str, close_out_hour: i8) -> Location {
        Location {
            location_id: id.parse().unwrap(),
            name: id.to_owned(),
            kind: LocationKind::Store,
            time_zone: zone.to_owned(),
            close_out_hour,
            zones: Vec::new(),
        }
    }

    fn group(zone: &str, close_out_hours: &[i8]) -> TimeZoneGroup {
        let locations: Vec<Location> = close_out_hours
            .iter()
            .enumerate()
            .map(|(index, hour)| location(&format!("store-{index}"), zone, *hour))
            .collect();
        TimeZoneGroup::of(&locations).0.remove(0)
    }

    fn at(now: &str) -> Timestamp {
        now.parse().unwrap()
    }

    #[test]
    fn spellings_of_one_time_zone_form_one_group() {
        let locations = [
            location("b", "Europe/Berlin", 3),
            location("n", "America/New_York", 0),
            location("a", "europe/berlin", 4),
        ];
        let (groups, unknown) = TimeZoneGroup::of(&locations);
        assert_eq!(unknown, []);
        let keys: Vec<String> = groups.iter().map(TimeZoneGroup::key).collect();
        assert_eq!(keys, ["America-New_York", "Europe-Berlin"]);
        let ids: Vec<&str> = groups[1].locations.iter().map(LocationId::as_str).collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn location_with_unknown_time_zone_is_in_no_group() {
        let locations = [
            location("moon-1", "Moon/Base", 0),
            location("a", "Europe/Berlin", 4),
        ];
        let (groups, unknown) = TimeZoneGroup::of(&locations);
        assert_eq!(groups.len(), 1);
        let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        assert_eq!(
            unknown,
            ["location moon-1 has the unknown time zone Moon/Base"]
        );
    }

    #[test]
    fn date_is_due_once_every_location_has_closed_it() {
        let berlin = group("Europe/Berlin", &[0, 4]);
        assert_eq!(
            berlin.due(&ExportDays::LastClosed(1), at("2026-03-02T02:59:59Z")),
            [date(2026, 2, 28)]
        );
        assert_eq!(
            berlin.due(&ExportDays::LastClosed(1), at("2026-03-02T03:00:00Z")),
            [date(2026, 3, 1)]
        );
    }

    #[test]
    fn due_date_depends_on_the_time_zone() {
        let now = at("2026-03-02T04:00:00Z");
        let due = |zone| group(zone, &[0]).due(&ExportDays::LastClosed(1), now);
        assert_eq!(due("Europe/Berlin"), [date(2026, 3, 1)]);
        assert_eq!(due("America/New_York"), [date(2026, 2, 28)]);
        assert_eq!(due("Asia/Tokyo"), [date(2026, 3, 1)]);
    }

    #[test]
    fn closed_dates_are_due_oldest_first() {
        let due = group("Europe/Berlin", &[0])
            .due(&ExportDays::LastClosed(3), at("2026-03-02T04:00:00Z"));
        assert_eq!(
            due,
            [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
        );
    }

    #[test]
    fn listed_date_is_due_only_where_it_has_begun() {
        let now = at("2026-03-01T20:00:00Z");
        let listed = ExportDays::Listed([date(2026, 3, 1), date(2026, 3, 2)].into());
        assert_eq!(
            group("Europe/Berlin", &[0]).due(&listed, now),
            [date(2026, 3, 1)]
        );
        assert_eq!(
            group("Asia/Tokyo", &[0]).due(&listed, now),
            [date(2026, 3, 1), date(2026, 3, 2)]
        );
    }

    #[test]
    fn local_time_follows_daylight_saving_time() {
        let berlin = group("Europe/Berlin", &[0]);
        let local = |now: &str| {
            let milliseconds =
                Timestamp::from_millisecond(berlin.local_milliseconds(at(now))).unwrap();
            TimeZone::UTC.to_datetime(milliseconds).to_string()
        };
        assert_eq!(local("2026-10-25T00:30:00Z"), "2026-10-25T02:30:00");
        assert_eq!(local("2026-10-25T01:30:00Z"), "2026-10-25T02:30:00");
        assert_eq!(local("2026-03-29T01:00:00.123Z"), "2026-03-29T03:00:00.123");
    }
}
