//! Rules of the sales export: which business dates are due, amounts as decimals, totals of a day, and revisions.

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

/// The maximum number of days in one request.
pub const MAX_DAYS: usize = 31;

/// Precision of an exported amount: the number of decimal digits that fit a 64-bit integer in every query engine.
pub const DECIMAL_PRECISION: u8 = 18;

/// Scale of every exported amount: digits after the decimal point. ISO 4217 has currencies of 0 to 4 digits, so a scale of 2
/// would round some of them.
pub const DECIMAL_SCALE: u8 = 4;

/// A request to export a list of business dates or the last closed ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// The business dates to export, in every time zone where they have begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_dates: Option<Vec<Date>>,
    /// The number of last closed business dates to export in each time zone; 1 if neither field is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<usize>,
}

/// The business dates to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportDays {
    /// This number of last closed dates of each time zone group.
    LastClosed(usize),
    /// These dates.
    Listed(BTreeSet<Date>),
}

impl ExportRequest {
    /// Checks the request at `now` and returns the dates to export.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn check(self, now: Timestamp) -> Result<ExportDays, Invalid> {
        let mut checks = Checks::new();
        let range = format!("1 to {MAX_DAYS}");
        checks.require(
            self.business_dates.is_none() || self.days.is_none(),
            "/days",
            "must be absent when business_dates is given",
        );
        if let Some(days) = self.days {
            checks.require(
                (1..=MAX_DAYS).contains(&days),
                "/days",
                format!("must be {range}"),
            );
        }
        let Some(dates) = self.business_dates else {
            return checks.finish(ExportDays::LastClosed(self.days.unwrap_or(1)));
        };
        checks.require(
            (1..=MAX_DAYS).contains(&dates.len()),
            "/business_dates",
            format!("must hold {range} dates"),
        );
        // A date begins first at UTC+14.
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
        checks.finish(ExportDays::Listed(dates.into_iter().collect()))
    }
}

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
    /// Groups `locations` by time zone, sorted by its name. Two spellings of one name form one group.
    ///
    /// # Errors
    /// The first location with an unknown time zone.
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

/// An amount or a sum exceeds [`DECIMAL_PRECISION`] or 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount has more than 18 digits, the precision of an exported decimal")]
pub struct TooLarge;

/// Converts `money` to the unscaled value of a decimal of [`DECIMAL_SCALE`] in the major unit: 19.99 EUR is 199900.
///
/// # Errors
/// The value has more than [`DECIMAL_PRECISION`] digits.
pub fn unscaled(money: Money) -> Result<i64, TooLarge> {
    let extra_digits = u32::from(DECIMAL_SCALE)
        .checked_sub(money.currency.minor_digits())
        .ok_or(TooLarge)?;
    money
        .amount
        .checked_mul(10_i64.pow(extra_digits))
        .filter(|value| value.unsigned_abs() < 10_u64.pow(u32::from(DECIMAL_PRECISION)))
        .ok_or(TooLarge)
}

/// An order line as it is exported.
#[derive(Debug, Clone, Copy)]
pub struct SoldLine<'a> {
    /// The line.
    pub line: &'a Line,
    /// The quantity sold.
    pub quantity: i64,
    /// The amounts of that quantity.
    pub amounts: LineAmounts,
}

/// Returns the lines that `order` sold, without canceled quantities and without lines that were canceled completely.
///
/// A canceled order is exported with its ordered quantities, marked by its status.
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

/// The sales of one location in one currency on one business date, in minor units. Canceled orders are counted but not summed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreTotals {
    /// The location.
    pub location_id: LocationId,
    /// The currency.
    pub currency: Currency,
    /// The number of orders that were not canceled.
    pub orders: u64,
    /// The number of canceled orders.
    pub canceled_orders: u64,
    /// Quantity times unit price.
    pub gross: i64,
    /// Discounts.
    pub discount: i64,
    /// Tax, included in `net` or added to it as each order states.
    pub tax: i64,
    /// `gross` - `discount`.
    pub net: i64,
}

/// Sums the orders of one business date.
#[derive(Debug, Clone, Default)]
pub struct DayTotals(BTreeMap<(LocationId, Currency), StoreTotals>);

impl DayTotals {
    /// Adds `order`.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
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

    /// Returns the totals, sorted by location and currency.
    pub fn finish(self) -> Vec<StoreTotals> {
        self.0.into_values().collect()
    }
}

/// One exported file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// The data set, such as `sales_lines`.
    pub dataset: String,
    /// The object key in the bucket.
    pub key: String,
    /// The number of rows.
    pub rows: u64,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// The manifest of one group and business date. It is written after the files, so files without a manifest are incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the manifest format.
    pub version: u32,
    /// The name of the group in object keys.
    pub group: String,
    /// The IANA time zone of the group.
    pub time_zone: String,
    /// The business date.
    pub business_date: Date,
    /// 1 at first, and one more each time a file changed.
    pub revision: u64,
    /// Whether every location of the group had closed the date. Otherwise the files are partial.
    pub closed: bool,
    /// The files.
    pub files: Vec<ExportedFile>,
    /// The totals of the files, by location and currency.
    pub totals: Vec<StoreTotals>,
}

impl Manifest {
    /// The current version of the format.
    pub const VERSION: u32 = 1;

    /// Returns this manifest as the successor of `previous`. The revision is raised only if a file changed.
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
    fn spellings_of_one_time_zone_form_one_group() {
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
    fn unknown_time_zone_error_names_the_location() {
        let unknown = TimeZoneGroup::of(&[location("moon-1", "Moon/Base", 0)]).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "location moon-1 has the unknown time zone Moon/Base"
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
    fn request_check_accepts_valid_and_reports_invalid_fields() {
        let now = at("2026-03-02T04:00:00Z");
        let check = |json: &str| {
            serde_json::from_str::<ExportRequest>(json)
                .unwrap()
                .check(now)
        };
        assert_eq!(check("{}"), Ok(ExportDays::LastClosed(1)));
        assert_eq!(check(r#"{"days":8}"#), Ok(ExportDays::LastClosed(8)));
        assert_eq!(
            check(r#"{"business_dates":["2026-03-01","2026-03-01"]}"#),
            Ok(ExportDays::Listed([date(2026, 3, 1)].into()))
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
                check(&json).unwrap_err().errors[0].pointer,
                pointer,
                "{json}"
            );
        }
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

    #[test]
    fn every_currency_is_exact_at_scale_4() {
        assert_eq!(decimal(1999, "EUR"), Ok(199_900));
        assert_eq!(decimal(-1999, "JPY"), Ok(-19_990_000));
        assert_eq!(decimal(1999, "KWD"), Ok(19_990));
        assert_eq!(decimal(1999, "CLF"), Ok(1999));
    }

    #[test]
    fn amount_above_18_digits_is_rejected() {
        assert_eq!(
            decimal(99_999_999_999_999, "JPY"),
            Ok(999_999_999_999_990_000)
        );
        assert_eq!(decimal(100_000_000_000_000, "JPY"), Err(TooLarge));
        assert_eq!(decimal(i64::MIN, "CLF"), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn amount_is_recovered_from_its_decimal(
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
    fn revision_is_raised_only_by_a_changed_file() {
        let first = manifest("aa", false).after(None);
        assert_eq!(first.revision, 1);
        let closed = manifest("aa", true).after(Some(&first));
        assert_eq!(closed.revision, 1);
        assert_eq!(manifest("bb", true).after(Some(&closed)).revision, 2);
    }
}
