//! Sales reports: the tally of a range of business dates, grouped.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, Unit, tz::TimeZone};

use super::{Contribution, Figures, RETENTION_DAYS, TallyCell};
use crate::export::TooLarge;
use crate::ids::Sku;
use crate::invalid::{Checks, Invalid};
use crate::money::Currency;

/// The maximum number of business dates of a report.
pub const MAX_REPORT_DAYS: i32 = 92;

/// The business dates of a report, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRange {
    /// The first business date.
    pub from: Date,
    /// The last business date.
    pub to: Date,
}

impl ReportRange {
    /// Creates the range from `from` to `to`.
    ///
    /// # Errors
    /// `to` is before `from`, or the range has more than [`MAX_REPORT_DAYS`] dates.
    pub fn new(from: Date, to: Date) -> Result<Self, Invalid> {
        let days = from
            .until((Unit::Day, to))
            .map_or(i32::MAX, |span| span.get_days().saturating_add(1));
        let mut checks = Checks::new();
        checks.require(days >= 1, "to", format!("must not be before from, {from}"));
        checks.require(
            days <= MAX_REPORT_DAYS,
            "to",
            format!(
                "must be at most {MAX_REPORT_DAYS} business dates from {from}, counting both, got {days}"
            ),
        );
        checks.finish(Self { from, to })
    }

    /// Checks that the contributions of all dates are kept at `now`. Reports by category and SKU need them.
    ///
    /// # Errors
    /// The oldest allowed `from`. It is two days short of [`RETENTION_DAYS`], because a business date may begin a day before
    /// its UTC date.
    pub fn check_lines_are_kept(&self, now: Timestamp) -> Result<(), Invalid> {
        let today = TimeZone::UTC.to_datetime(now).date();
        let oldest = today.saturating_sub((RETENTION_DAYS - 2).days());
        let mut checks = Checks::new();
        checks.require(
            self.from >= oldest,
            "from",
            format!("must not be before {oldest} in reports by category and sku"),
        );
        checks.finish(())
    }
}

/// What the rows of a report stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// An hour of the location's local time, summed over the dates.
    Hour,
    /// A business date.
    Day,
    /// A category of products.
    Category,
    /// A stock keeping unit.
    Sku,
}

/// A text that names no [`Grouping`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be hour, day, category or sku")]
pub struct InvalidGrouping;

impl Grouping {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Category => "category",
            Self::Sku => "sku",
        }
    }

    /// Returns whether the rows are sums of order lines, which have no counts of orders and refunds.
    pub fn is_by_line(self) -> bool {
        matches!(self, Self::Category | Self::Sku)
    }
}

impl FromStr for Grouping {
    type Err = InvalidGrouping;

    fn from_str(text: &str) -> Result<Self, InvalidGrouping> {
        [Self::Hour, Self::Day, Self::Category, Self::Sku]
            .into_iter()
            .find(|grouping| grouping.as_str() == text)
            .ok_or(InvalidGrouping)
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a row stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey {
    /// The hour, 0 to 23.
    Hour(i8),
    /// The business date.
    Day(Date),
    /// The category; none for products without a category and for SKUs that the catalog does not have.
    Category(Option<String>),
    /// The stock keeping unit.
    Sku(Sku),
}

/// A row of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// What it stands for.
    pub key: RowKey,
    /// The name of the product, for a SKU that the catalog has.
    pub name: Option<String>,
    /// The currency.
    pub currency: Currency,
    /// The sums.
    pub figures: Figures,
}

/// The stored totals of one cell. Several may exist for one cell; the totals are their sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourTally {
    /// The cell.
    pub cell: TallyCell,
    /// The sums.
    pub figures: Figures,
    /// When they last changed.
    pub updated_at: Timestamp,
}

/// Sums a report from what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportSums {
    /// The totals of the report by currency.
    pub totals: BTreeMap<Currency, Figures>,
    /// The rows.
    pub rows: BTreeMap<(RowKey, Currency), Figures>,
    /// When the newest part of the report was tallied; none if nothing was sold or refunded.
    pub as_of: Option<Timestamp>,
}

impl ReportSums {
    /// Adds a stored total to the row `key`.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn add_hour(&mut self, key: RowKey, tally: &HourTally) -> Result<(), TooLarge> {
        let currency = tally.cell.currency;
        add(&mut self.totals, currency, &tally.figures)?;
        add(&mut self.rows, (key, currency), &tally.figures)?;
        self.as_of = self.as_of.max(Some(tally.updated_at));
        Ok(())
    }

    /// Adds a contribution that was tallied at `updated_at` to the rows of its SKUs.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn add_contribution(
        &mut self,
        contribution: &Contribution,
        updated_at: Timestamp,
    ) -> Result<(), TooLarge> {
        let currency = contribution.cell.currency;
        add(&mut self.totals, currency, &contribution.figures()?)?;
        for line in &contribution.lines {
            let key = (RowKey::Sku(line.sku.clone()), currency);
            add(&mut self.rows, key, &contribution.line_figures(line))?;
        }
        self.as_of = self.as_of.max(Some(updated_at));
        Ok(())
    }

    /// Adds the sums of another part of the same report.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn merge(&mut self, other: Self) -> Result<(), TooLarge> {
        for (currency, figures) in other.totals {
            add(&mut self.totals, currency, &figures)?;
        }
        for (key, figures) in other.rows {
            add(&mut self.rows, key, &figures)?;
        }
        self.as_of = self.as_of.max(other.as_of);
        Ok(())
    }

    /// Replaces the key of each row by `key`, and sums rows of equal keys.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn regroup(self, key: impl Fn(RowKey) -> RowKey) -> Result<Self, TooLarge> {
        let mut rows = BTreeMap::new();
        for ((old, currency), figures) in self.rows {
            add(&mut rows, (key(old), currency), &figures)?;
        }
        Ok(Self { rows, ..self })
    }
}

fn add<Key: Ord>(
    sums: &mut BTreeMap<Key, Figures>,
    key: Key,
    figures: &Figures,
) -> Result<(), TooLarge> {
    let sum = sums.entry(key).or_default();
    *sum = sum.plus(figures)?;
    Ok(())
}
