//! The manifest of a business date: the switch that makes one revision of its files visible.
//!
//! A file is never replaced. Its key and its rows carry a revision, and readers take only rows of the revision in the manifest,
//! so they see one whole revision whatever other files exist.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::TimeZoneGroup;
use super::totals::{RefundTotals, StoreTotals};

/// A dataset with one file per business date, group and revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayDataset {
    /// One row per sold order line.
    SalesLines,
    /// One row per refunded line.
    RefundLines,
}

impl DayDataset {
    /// All datasets, in the order in which their files are written.
    pub const ALL: [Self; 2] = [Self::SalesLines, Self::RefundLines];

    /// Returns the name: the first part of object keys, and the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::SalesLines => "sales_lines",
            Self::RefundLines => "refund_lines",
        }
    }
}

/// Returns the key of the file of `dataset`. Time zone names have no `.`, so the revision is unambiguous.
pub fn data_key(dataset: DayDataset, date: Date, group: &TimeZoneGroup, revision: u64) -> String {
    let (name, group) = (dataset.name(), group.key());
    format!("{name}/business_date={date}/{group}.r{revision}.parquet")
}

/// Returns the key of the manifest.
pub fn manifest_key(date: Date, group: &TimeZoneGroup) -> String {
    format!("export_manifest/business_date={date}/{}.json", group.key())
}

/// One exported file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// The dataset, such as `sales_lines`.
    pub dataset: String,
    /// The object key in the bucket.
    pub key: String,
    /// The number of rows.
    pub rows: u64,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// The manifest of one group and business date. It is written after the files of its revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the manifest and its files.
    pub version: u32,
    /// The name of the group in object keys.
    pub group: String,
    /// The IANA time zone of the group.
    pub time_zone: String,
    /// The business date.
    pub business_date: Date,
    /// The revision in force, from 1. It rises when the rows change. Revisions of runs that did not finish are left out.
    pub revision: u64,
    /// Whether every location of the group had closed the date. Otherwise the files are partial.
    pub closed: bool,
    /// The SHA-256 of what the rows say, without revision and product labels. Equal digests make no new revision.
    #[serde(default)]
    pub content_sha256: String,
    /// The number of rows in `sales_lines`.
    #[serde(default)]
    pub sales_lines_rows: u64,
    /// The number of rows in `refund_lines`.
    #[serde(default)]
    pub refund_lines_rows: u64,
    /// The files of this revision.
    pub files: Vec<ExportedFile>,
    /// The totals of `sales_lines`, by location and currency.
    pub totals: Vec<StoreTotals>,
    /// The totals of `refund_lines`, by location and currency.
    #[serde(default)]
    pub refund_totals: Vec<RefundTotals>,
}

impl Manifest {
    /// The current version of the format. A manifest of another version is replaced by a new revision.
    pub const VERSION: u32 = 2;

    /// Returns whether the files of this manifest have the rows that `content_sha256` was computed of.
    pub fn has_content(&self, content_sha256: &str) -> bool {
        self.version == Self::VERSION && self.content_sha256 == content_sha256
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    fn berlin() -> TimeZoneGroup {
        let location = serde_json::from_value(json!({
            "location_id": "store-1", "name": "Store", "kind": "store", "time_zone": "Europe/Berlin", "close_out_hour": 0,
        }))
        .unwrap();
        TimeZoneGroup::of(&[location]).0.remove(0)
    }

    #[test]
    fn keys_name_dataset_date_group_and_revision() {
        let day = date(2026, 3, 1);
        let keys = DayDataset::ALL.map(|dataset| data_key(dataset, day, &berlin(), 12));
        assert_eq!(
            keys,
            [
                "sales_lines/business_date=2026-03-01/Europe-Berlin.r12.parquet",
                "refund_lines/business_date=2026-03-01/Europe-Berlin.r12.parquet",
            ]
        );
        assert_eq!(
            manifest_key(day, &berlin()),
            "export_manifest/business_date=2026-03-01/Europe-Berlin.json"
        );
    }

    #[test]
    fn content_is_the_same_only_in_the_same_format() {
        let mut manifest: Manifest = serde_json::from_value(json!({
            "version": Manifest::VERSION, "group": "Europe-Berlin", "time_zone": "Europe/Berlin",
            "business_date": "2026-03-01", "revision": 1, "closed": true, "content_sha256": "aa", "files": [], "totals": [],
        }))
        .unwrap();
        assert!(manifest.has_content("aa"));
        assert!(!manifest.has_content("bb"));
        manifest.version -= 1;
        assert!(!manifest.has_content("aa"));
    }
}
