//! The export's rules: which days are due, how money becomes a decimal, what a day sums up to, when it is revised.

pub mod late;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};

use self::late::LateDay;
use crate::business_date::business_date;
use crate::catalog::Location;
use crate::ids::LocationId;
use crate::invalid::{Checks, Invalid};
use crate::money::{Currency, Money};
use crate::order::{Line, LineAmounts, Order, OrderStatus};

/// The most days one request may ask for.
pub const MAX_DAYS: usize = 31;

/// Digits of an exported amount, before and after the point together: what fits 64 bits in every engine.
pub const DECIMAL_PRECISION: u8 = 18;

/// Digits after the point of every exported amount. ISO 4217 knows currencies of 0 to 4 digits, and 4 hold them all;
/// 2 would round dinars.
pub const DECIMAL_SCALE: u8 = 4;

/// What is asked of the export: a list of days, or the last days that have closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// These days, in every time zone where they have begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_dates: Option<Vec<Date>>,
    /// This many of the last closed days of each time zone; 1, if neither field is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<usize>,
}

/// The days to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Days {
    /// The last so many closed days of each group.
    LastClosed(usize),
    /// These.
    Listed(BTreeSet<Date>),
}

impl ExportRequest {
    /// The days it asks for, or every field that breaks a rule at `now`.
    pub fn check(self, now: Timestamp) -> Result<Days, Invalid> {
        let mut checks = Checks::new();
        let most = format!("1 to {MAX_DAYS}");
        checks.require(
            self.business_dates.is_none() || self.days.is_none(),
            "/days",
            "must not come with business_dates",
        );
        if let Some(days) = self.days {
            checks.require(
                (1..=MAX_DAYS).contains(&days),
                "/days",
                format!("must be {most}"),
            );
        }
        let Some(dates) = self.business_dates else {
            return checks.finish(Days::LastClosed(self.days.unwrap_or(1)));
        };
        checks.require(
            (1..=MAX_DAYS).contains(&dates.len()),
            "/business_dates",
            format!("must hold {most} dates"),
        );
        // The day begins first at UTC+14.
        let latest = TimeZone::UTC
            .to_datetime(now)
            .saturating_add(14.hours())
            .date();
        for (index, date) in dates.iter().enumerate() {
            checks.require(
                *date <= latest,
                format!("/business_dates/{index}"),
                "must not be in the future",
            );
        }
        checks.finish(Days::Listed(dates.into_iter().collect()))
    }
}

/// A location's time zone is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("location {location_id} has the unknown time zone {time_zone}")]
pub struct UnknownTimeZone {
    /// The location.
    pub location_id: LocationId,
    /// What it says.
    pub time_zone: String,
}

/// The locations of one time zone: their days are exported together, one file a day.
#[derive(Debug, Clone)]
pub struct TimeZoneGroup {
    /// The IANA name, such as `Europe/Berlin`.
    pub name: String,
    /// The time zone.
    pub time_zone: TimeZone,
    /// Its locations, by id.
    pub locations: Vec<LocationId>,
    first_close_out: i8,
    last_close_out: i8,
}

impl TimeZoneGroup {
    /// The groups of `locations`, by name; two spellings of a zone's name are one group.
    pub fn of(locations: &[Location]) -> Result<Vec<Self>, UnknownTimeZone> {
        let mut groups: BTreeMap<String, Self> = BTreeMap::new();
        for location in locations {
            let time_zone = location.zone().ok_or_else(|| UnknownTimeZone {
                location_id: location.location_id.clone(),
                time_zone: location.time_zone.clone(),
            })?;
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
        Ok(groups)
    }

    /// The group in a file's name: `Europe-Berlin`.
    pub fn key(&self) -> String {
        self.name.replace('/', "-")
    }

    /// The last day that every location of the group has closed at `now`.
    pub fn last_closed(&self, now: Timestamp) -> Date {
        business_date(now, &self.time_zone, self.last_close_out).saturating_sub(1.day())
    }

    /// Which of `days` are due at `now`, oldest first: never a day that no location of the group has begun.
    pub fn due(&self, days: &Days, now: Timestamp) -> Vec<Date> {
        match days {
            Days::LastClosed(count) => {
                let mut dates: Vec<Date> = self
                    .last_closed(now)
                    .series(-(1.day()))
                    .take(*count)
                    .collect();
                dates.reverse();
                dates
            }
            Days::Listed(dates) => {
                let current = business_date(now, &self.time_zone, self.first_close_out);
                dates
                    .iter()
                    .copied()
                    .filter(|date| *date <= current)
                    .collect()
            }
        }
    }

    /// Which of `days` are due at `now`, with the group's days that were written late, oldest first.
    pub fn due_with_late(
        &self,
        days: &Days,
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

    /// What a clock on the wall of the group's stores shows at `at`, as milliseconds since 1970-01-01 00:00 on it.
    pub fn local_milliseconds(&self, at: Timestamp) -> i64 {
        let offset = i64::from(self.time_zone.to_offset(at).seconds());
        at.as_millisecond() + offset * 1000
    }
}

/// An amount or a sum that an exported number cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount has more digits than an exported number")]
pub struct TooLarge;

/// `money` in the major unit as the unscaled value of a decimal of [`DECIMAL_SCALE`]: 19.99 EUR is 199900.
pub fn unscaled(money: Money) -> Result<i64, TooLarge> {
    let missing = u32::from(DECIMAL_SCALE)
        .checked_sub(money.currency.minor_digits())
        .ok_or(TooLarge)?;
    money
        .amount
        .checked_mul(10_i64.pow(missing))
        .filter(|value| value.unsigned_abs() < 10_u64.pow(u32::from(DECIMAL_PRECISION)))
        .ok_or(TooLarge)
}

/// A line as it is exported.
#[derive(Debug, Clone, Copy)]
pub struct SoldLine<'a> {
    /// The line.
    pub line: &'a Line,
    /// How much of it was sold.
    pub quantity: i64,
    /// What that comes to.
    pub amounts: LineAmounts,
}

/// What `order` sold: what was canceled of a line is left out of it, and a line of which all was canceled altogether. A
/// canceled order, which sold nothing, stands with all that it would have sold: its status says so.
pub fn sold_lines(order: &Order) -> impl Iterator<Item = SoldLine<'_>> {
    let canceled = order.status == OrderStatus::Canceled;
    order
        .lines
        .iter()
        .map(move |line| {
            let quantity = if canceled {
                line.quantity
            } else {
                line.sold_quantity()
            };
            (line, quantity)
        })
        .filter(|(_, quantity)| *quantity > 0)
        .map(|(line, quantity)| SoldLine {
            line,
            quantity,
            amounts: line.amounts_of(quantity),
        })
}

/// What one location sold in one currency on one day, in minor units. Canceled orders are counted and sum to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreTotals {
    /// Where.
    pub location_id: LocationId,
    /// In what.
    pub currency: Currency,
    /// Orders that stand.
    pub orders: u64,
    /// Orders that were canceled.
    pub canceled_orders: u64,
    /// quantity x unit price.
    pub gross: i64,
    /// Taken off.
    pub discount: i64,
    /// Tax, in the net or on top of it as each order says.
    pub tax: i64,
    /// gross - discount.
    pub net: i64,
}

/// Sums the orders of one day.
#[derive(Debug, Clone, Default)]
pub struct DayTotals(BTreeMap<(LocationId, Currency), StoreTotals>);

impl DayTotals {
    /// Adds `order`.
    pub fn add(&mut self, order: &Order) -> Result<(), TooLarge> {
        let totals = self
            .0
            .entry((order.location_id.clone(), order.currency))
            .or_insert_with(|| StoreTotals {
                location_id: order.location_id.clone(),
                currency: order.currency,
                orders: 0,
                canceled_orders: 0,
                gross: 0,
                discount: 0,
                tax: 0,
                net: 0,
            });
        if order.status == OrderStatus::Canceled {
            totals.canceled_orders += 1;
            return Ok(());
        }
        totals.orders += 1;
        let add = |sum: i64, amount: i64| sum.checked_add(amount).ok_or(TooLarge);
        for SoldLine { amounts, .. } in sold_lines(order) {
            totals.gross = add(totals.gross, amounts.gross)?;
            totals.discount = add(totals.discount, amounts.discount)?;
            totals.tax = add(totals.tax, amounts.tax)?;
            totals.net = add(totals.net, amounts.net)?;
        }
        Ok(())
    }

    /// The totals, by location and currency.
    pub fn finish(self) -> Vec<StoreTotals> {
        self.0.into_values().collect()
    }
}

/// One exported file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// What it holds, such as `sales_lines`.
    pub dataset: String,
    /// Where it is in the bucket.
    pub key: String,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// What was exported of one group and day. It is written last: a day without one is not to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this format.
    pub version: u32,
    /// The group's name in keys.
    pub group: String,
    /// The group's IANA time zone.
    pub time_zone: String,
    /// The day.
    pub business_date: Date,
    /// 1, and one more each time the day's files changed.
    pub revision: u64,
    /// Whether the day had closed in every location of the group: an open day is a part of one.
    pub closed: bool,
    /// The files.
    pub files: Vec<ExportedFile>,
    /// What they sum up to, by location and currency.
    pub totals: Vec<StoreTotals>,
}

impl Manifest {
    /// The format's version.
    pub const VERSION: u32 = 1;

    /// This manifest as the successor of `previous`: its revision goes up only where a file changed.
    pub fn after(mut self, previous: Option<&Self>) -> Self {
        self.revision = match previous {
            None => 1,
            Some(previous) if previous.files == self.files => previous.revision,
            Some(previous) => previous.revision + 1,
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::LocationKind;
    use jiff::civil::date;
    use proptest::prelude::*;

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
        TimeZoneGroup::of(&locations).unwrap().remove(0)
    }

    fn at(now: &str) -> Timestamp {
        now.parse().unwrap()
    }

    fn decimal(amount: i64, code: &str) -> Result<i64, TooLarge> {
        unscaled(Money::new(amount, code.parse().unwrap()))
    }

    #[test]
    fn locations_of_one_time_zone_are_one_group_however_they_spell_it() {
        let locations = [
            location("b", "Europe/Berlin", 3),
            location("n", "America/New_York", 0),
            location("a", "europe/berlin", 4),
        ];
        let groups = TimeZoneGroup::of(&locations).unwrap();
        let keys: Vec<String> = groups.iter().map(TimeZoneGroup::key).collect();
        assert_eq!(keys, ["America-New_York", "Europe-Berlin"]);
        let ids: Vec<&str> = groups[1].locations.iter().map(LocationId::as_str).collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn an_unknown_time_zone_names_its_location() {
        let unknown = TimeZoneGroup::of(&[location("moon-1", "Moon/Base", 0)]).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "location moon-1 has the unknown time zone Moon/Base"
        );
    }

    #[test]
    fn yesterday_is_due_once_the_last_store_of_the_group_has_closed_it() {
        let berlin = group("Europe/Berlin", &[0, 4]);
        assert_eq!(
            berlin.due(&Days::LastClosed(1), at("2026-03-02T02:59:59Z")),
            [date(2026, 2, 28)]
        );
        assert_eq!(
            berlin.due(&Days::LastClosed(1), at("2026-03-02T03:00:00Z")),
            [date(2026, 3, 1)]
        );
    }

    #[test]
    fn one_instant_is_another_day_in_another_time_zone() {
        let now = at("2026-03-02T04:00:00Z");
        let due = |zone| group(zone, &[0]).due(&Days::LastClosed(1), now);
        assert_eq!(due("Europe/Berlin"), [date(2026, 3, 1)]);
        assert_eq!(due("America/New_York"), [date(2026, 2, 28)]);
        assert_eq!(due("Asia/Tokyo"), [date(2026, 3, 1)]);
    }

    #[test]
    fn several_closed_days_come_oldest_first() {
        let due =
            group("Europe/Berlin", &[0]).due(&Days::LastClosed(3), at("2026-03-02T04:00:00Z"));
        assert_eq!(
            due,
            [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
        );
    }

    #[test]
    fn a_listed_day_is_due_only_where_it_has_begun() {
        let now = at("2026-03-01T20:00:00Z");
        let listed = Days::Listed([date(2026, 3, 1), date(2026, 3, 2)].into());
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
    fn a_request_is_read_and_every_fault_in_it_is_named() {
        let now = at("2026-03-02T04:00:00Z");
        let asked = |json: &str| {
            serde_json::from_str::<ExportRequest>(json)
                .unwrap()
                .check(now)
        };
        assert_eq!(asked("{}"), Ok(Days::LastClosed(1)));
        assert_eq!(asked(r#"{"days":8}"#), Ok(Days::LastClosed(8)));
        assert_eq!(
            asked(r#"{"business_dates":["2026-03-01","2026-03-01"]}"#),
            Ok(Days::Listed([date(2026, 3, 1)].into()))
        );
        let many = vec!["\"2026-01-01\""; 32].join(",");
        for (json, pointer) in [
            (r#"{"days":0}"#.to_owned(), "/days"),
            (
                r#"{"days":1,"business_dates":["2026-03-01"]}"#.to_owned(),
                "/days",
            ),
            (r#"{"business_dates":[]}"#.to_owned(), "/business_dates"),
            (
                format!(r#"{{"business_dates":[{many}]}}"#),
                "/business_dates",
            ),
            (
                r#"{"business_dates":["2026-03-01","2026-03-04"]}"#.to_owned(),
                "/business_dates/1",
            ),
        ] {
            assert_eq!(
                asked(&json).unwrap_err().errors[0].pointer,
                pointer,
                "{json}"
            );
        }
    }

    #[test]
    fn local_time_follows_the_change_to_winter_time() {
        let berlin = group("Europe/Berlin", &[0]);
        let wall = |now: &str| {
            let shown = Timestamp::from_millisecond(berlin.local_milliseconds(at(now))).unwrap();
            TimeZone::UTC.to_datetime(shown).to_string()
        };
        assert_eq!(wall("2026-10-25T00:30:00Z"), "2026-10-25T02:30:00");
        assert_eq!(wall("2026-10-25T01:30:00Z"), "2026-10-25T02:30:00");
        assert_eq!(wall("2026-03-29T01:00:00.123Z"), "2026-03-29T03:00:00.123");
    }

    #[test]
    fn every_currency_is_exact_in_four_digits() {
        assert_eq!(decimal(1999, "EUR"), Ok(199_900));
        assert_eq!(decimal(-1999, "JPY"), Ok(-19_990_000));
        assert_eq!(decimal(1999, "KWD"), Ok(19_990));
        assert_eq!(decimal(1999, "CLF"), Ok(1999));
    }

    #[test]
    fn an_amount_beyond_eighteen_digits_is_refused_and_never_cut() {
        assert_eq!(
            decimal(99_999_999_999_999, "JPY"),
            Ok(999_999_999_999_990_000)
        );
        assert_eq!(decimal(100_000_000_000_000, "JPY"), Err(TooLarge));
        assert_eq!(decimal(i64::MIN, "CLF"), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_from_its_decimal(
            amount in -crate::money::MAX_AMOUNT..=crate::money::MAX_AMOUNT,
            code in prop::sample::select(vec!["JPY", "EUR", "KWD", "CLF"]),
        ) {
            let currency: Currency = code.parse().unwrap();
            let factor = 10_i64.pow(4 - currency.minor_digits());
            let value = unscaled(Money::new(amount, currency)).unwrap();
            prop_assert_eq!((value / factor, value % factor), (amount, 0));
        }
    }

    fn manifest(sha256: &str, closed: bool) -> Manifest {
        Manifest {
            version: Manifest::VERSION,
            group: "Europe-Berlin".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            business_date: date(2026, 3, 1),
            revision: 0,
            closed,
            files: vec![ExportedFile {
                dataset: "sales_lines".to_owned(),
                key: "sales_lines/business_date=2026-03-01/Europe-Berlin.parquet".to_owned(),
                rows: 0,
                sha256: sha256.to_owned(),
            }],
            totals: Vec::new(),
        }
    }

    #[test]
    fn only_a_changed_file_makes_a_new_revision() {
        let first = manifest("aa", false).after(None);
        assert_eq!(first.revision, 1);
        let closed = manifest("aa", true).after(Some(&first));
        assert_eq!(closed.revision, 1);
        assert_eq!(manifest("bb", true).after(Some(&closed)).revision, 2);
    }
}
