//! The export of sales: the catalog, then every due day of each time-zone group, each as a new revision if its rows changed.

mod catalog;
mod content_digest;
mod day;
mod day_rows;
mod error;
mod files;
mod location_day;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use stockline_domain::export::late::{LateDay, late_write_dates};
use stockline_domain::export::{ExportDays, TimeZoneGroup, manifest_key};

use self::day::DueDay;
pub use self::error::{ExportError, FailedPart};
use crate::ports::catalog::CatalogStore;
use crate::ports::export::{DatasetEncoder, ExportBucket, SalesReader};

/// The export and what it reads and writes.
#[derive(Debug, Clone)]
pub struct SalesExport<Sales, Catalog, Bucket, Encoder> {
    /// Reads orders and refunds by location and business date.
    pub sales: Sales,
    /// Reads products and locations.
    pub catalog: Catalog,
    /// Stores the files.
    pub bucket: Bucket,
    /// Encodes the rows.
    pub encoder: Encoder,
}

/// One exported day of one time-zone group, as it is returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedDay {
    /// The group's name in keys, such as `Europe-Berlin`.
    pub group: String,
    /// The exported business date.
    pub business_date: Date,
    /// The revision in force.
    pub revision: u64,
    /// The number of rows in `sales_lines`.
    pub sales_lines: u64,
    /// The number of rows in `refund_lines`.
    pub refund_lines: u64,
    /// The key of the manifest.
    pub manifest: String,
}

impl<Sales: SalesReader, Catalog: CatalogStore, Bucket: ExportBucket, Encoder: DatasetEncoder>
    SalesExport<Sales, Catalog, Bucket, Encoder>
{
    /// Exports the `days` that are due at `now`. A request for the last closed days includes older days with late writes.
    ///
    /// # Errors
    /// [`ExportError::Partly`] if some parts failed; all others are exported first.
    pub async fn run(
        &self,
        days: &ExportDays,
        now: Timestamp,
    ) -> Result<Vec<ExportedDay>, ExportError> {
        let mut locations = self.catalog.list_locations().await?;
        locations.sort_by(|a, b| a.location_id.cmp(&b.location_id));
        let (groups, unknown) = TimeZoneGroup::of(&locations);
        let (mut exported, mut failed) = (Vec::new(), Vec::new());
        // The catalog is one part, and each location outside the groups is one.
        let mut of = 1 + unknown.len();
        failed.extend(unknown.into_iter().map(|error| FailedPart {
            name: format!("location {}", error.location_id),
            error: error.into(),
        }));
        let (labels, catalog) = self.export_catalog(&locations).await?;
        failed.extend(catalog.err().map(|error| FailedPart {
            name: "dim_products and dim_locations".to_owned(),
            error,
        }));
        let late = self.late_days(days, now).await?;
        for group in &groups {
            for date in group.due_with_late(days, &late, now) {
                let day = DueDay {
                    group,
                    date,
                    labels: &labels,
                    now,
                };
                of += 1;
                match self.export_day(&day).await {
                    Ok(day) => exported.push(day),
                    Err(error) => failed.push(FailedPart {
                        name: manifest_key(date, group),
                        error,
                    }),
                }
            }
        }
        if failed.is_empty() {
            Ok(exported)
        } else {
            Err(ExportError::Partly { failed, of })
        }
    }

    /// The days with late writes; none for a list of business dates.
    async fn late_days(
        &self,
        days: &ExportDays,
        now: Timestamp,
    ) -> Result<BTreeSet<LateDay>, ExportError> {
        let mut late = BTreeSet::new();
        if let ExportDays::LastClosed(count) = days {
            for day in late_write_dates(*count, now) {
                late.extend(self.sales.written_late(day).await?);
            }
        }
        Ok(late)
    }
}
