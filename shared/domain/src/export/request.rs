//! A request to export, and the business dates it asks for.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::invalid::{Checks, Invalid};

/// The maximum number of days in one request.
pub const MAX_DAYS: usize = 31;

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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn request_check_accepts_valid_and_reports_invalid_fields() {
        let now = "2026-03-02T04:00:00Z".parse().unwrap();
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
}
