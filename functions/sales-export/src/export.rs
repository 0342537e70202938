//! Exports the catalog dimensions, then every due day of each time-zone group. A day's manifest is written last.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use stockline_application::error_chain::error_chain;
use stockline_application::paging::Page;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::catalog::PRODUCT_SHARDS;
use stockline_application::ports::export::{
    ExportBucket, ExportFile, FileVersion, PutOutcome, SalesReader, StoredFile,
};
use stockline_application::store_error::StoreError;
use stockline_domain::catalog::Location;
use stockline_domain::export::late::{LateDay, late_write_dates};
use stockline_domain::export::{DayTotals, ExportDays, ExportedFile, Manifest, TimeZoneGroup};
use stockline_domain::ids::LocationId;

use crate::dimensions::{ProductsFile, locations_file};
use crate::error::ExportError;
use crate::location_day::LocationDay;
use crate::sales_lines::SalesLines;

const PARQUET_MEDIA_TYPE: &str = "application/vnd.apache.parquet";

/// Attempts to export a day when other runs write it meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// The stores an export reads and the bucket it writes.
pub struct Export<Sales, Catalog, Bucket> {
    /// Reads orders by location and business date.
    pub sales: Sales,
    /// Reads products and locations.
    pub catalog: Catalog,
    /// Stores the files.
    pub bucket: Bucket,
}

/// One exported day of one time-zone group, as it is returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedDay {
    /// The group's name in keys, such as `Europe-Berlin`.
    pub group: String,
    /// The exported business date.
    pub business_date: Date,
    /// The number of rows in `sales_lines`.
    pub rows: u64,
    /// The current revision of the manifest.
    pub revision: u64,
    /// The key of the `sales_lines` file.
    pub key: String,
}

impl<Sales: SalesReader, Catalog: CatalogStore, Bucket: ExportBucket>
    Export<Sales, Catalog, Bucket>
{
    /// Exports the `days` that are due at `now`. A request for the last closed days includes older days with late writes.
    ///
    /// # Errors
    /// [`ExportError::Partly`] if some days failed; all others are exported first.
    pub async fn run(
        &self,
        days: &ExportDays,
        now: Timestamp,
    ) -> Result<Vec<ExportedDay>, ExportError> {
        let mut locations = self.catalog.list_locations().await?;
        locations.sort_by(|a, b| a.location_id.cmp(&b.location_id));
        let groups = TimeZoneGroup::of(&locations)?;
        self.export_dimensions(&locations).await?;
        let late = self.late_days(days, now).await?;
        let (mut exported, mut failed, mut first_error) = (Vec::new(), Vec::new(), None);
        for group in &groups {
            for date in group.due_with_late(days, &late, now) {
                match self.export_day(group, date, now).await {
                    Ok(day) => exported.push(day),
                    Err(error) => {
                        let key = manifest_key(group, date);
                        tracing::error!(key, error = %error_chain(&error), "day export failed");
                        failed.push(key);
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        match first_error {
            None => Ok(exported),
            Some(first) => Err(ExportError::Partly {
                of: exported.len() + failed.len(),
                failed,
                first: Box::new(first),
            }),
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

    async fn export_dimensions(&self, locations: &[Location]) -> Result<(), ExportError> {
        let mut products = ProductsFile::new()?;
        for shard in 0..PRODUCT_SHARDS {
            let mut after = None;
            loop {
                let page = self
                    .catalog
                    .list_products(shard, Page { limit: 100, after })
                    .await?;
                products.add(&page.items)?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        for (dataset, file) in [
            ("dim_products", products.finish()?),
            ("dim_locations", locations_file(locations)?),
        ] {
            let file = ExportFile::new(
                format!("{dataset}/{dataset}.parquet"),
                PARQUET_MEDIA_TYPE,
                file.bytes,
            );
            let existing = self.bucket.sha256(&file.key).await?;
            // A conflict needs no retry: the other run wrote the same catalog, read at almost the same time.
            let (PutOutcome::Written | PutOutcome::Conflict) =
                self.put_if_changed(file, existing.as_ref()).await?;
        }
        Ok(())
    }

    /// Exports one day; starts again if another run writes it meanwhile.
    async fn export_day(
        &self,
        group: &TimeZoneGroup,
        date: Date,
        now: Timestamp,
    ) -> Result<ExportedDay, ExportError> {
        for _ in 0..MAX_ATTEMPTS {
            if let Some(exported) = self.try_export_day(group, date, now).await? {
                return Ok(exported);
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Exports one day; none if another run wrote the file or the manifest since this run read their versions.
    ///
    /// The versions are read before the first order, so a file is never replaced by one with older orders.
    async fn try_export_day(
        &self,
        group: &TimeZoneGroup,
        date: Date,
        now: Timestamp,
    ) -> Result<Option<ExportedDay>, ExportError> {
        let key = format!("sales_lines/business_date={date}/{}.parquet", group.key());
        let existing = self.bucket.sha256(&key).await?;
        let previous = self.read_manifest(group, date).await?;
        let mut sales_lines = SalesLines::new()?;
        let mut totals = DayTotals::default();
        for location in &group.locations {
            let day = self.read_location_day(location, date, &mut totals).await?;
            sales_lines.add(group, location, &day)?;
        }
        let file = sales_lines.finish()?;
        let rows = file.rows;
        let file = ExportFile::new(key.clone(), PARQUET_MEDIA_TYPE, file.bytes);
        let manifest = Manifest {
            version: Manifest::VERSION,
            group: group.key(),
            time_zone: group.name.clone(),
            business_date: date,
            revision: 0,
            closed: date <= group.last_closed(now),
            files: vec![ExportedFile {
                dataset: "sales_lines".to_owned(),
                key: key.clone(),
                rows,
                sha256: file.sha256.clone(),
            }],
            totals: totals.finish(),
        };
        let (previous, version) = previous.map(|found| (found.content, found.version)).unzip();
        let manifest = manifest.after(previous.as_ref());
        if self.put_if_changed(file, existing.as_ref()).await? == PutOutcome::Conflict {
            return Ok(None);
        }
        if previous.as_ref() != Some(&manifest)
            && self
                .put_manifest(group, &manifest, version.as_ref())
                .await?
                == PutOutcome::Conflict
        {
            return Ok(None);
        }
        Ok(Some(ExportedDay {
            group: group.key(),
            business_date: date,
            rows,
            revision: manifest.revision,
            key,
        }))
    }

    async fn read_location_day(
        &self,
        location: &LocationId,
        date: Date,
        totals: &mut DayTotals,
    ) -> Result<LocationDay, ExportError> {
        let mut day = LocationDay::default();
        let mut after = None;
        loop {
            let page = self.sales.page(location, date, after).await?;
            for order in &page.items {
                totals.add(order)?;
                day.push(order);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        day.sort();
        Ok(day)
    }

    /// Replaces the `existing` file, unless it has the same bytes.
    async fn put_if_changed(
        &self,
        file: ExportFile,
        existing: Option<&StoredFile<String>>,
    ) -> Result<PutOutcome, ExportError> {
        if existing.is_some_and(|existing| existing.content == file.sha256) {
            return Ok(PutOutcome::Written);
        }
        Ok(self
            .bucket
            .put(file, existing.map(|existing| &existing.version))
            .await?)
    }

    async fn read_manifest(
        &self,
        group: &TimeZoneGroup,
        date: Date,
    ) -> Result<Option<StoredFile<Manifest>>, ExportError> {
        let key = manifest_key(group, date);
        let Some(found) = self.bucket.get(&key).await? else {
            return Ok(None);
        };
        let content = serde_json::from_slice(&found.content)
            .map_err(|source| ExportError::Manifest { key, source })?;
        Ok(Some(StoredFile {
            content,
            version: found.version,
        }))
    }

    /// Writes the manifest as one line of JSON, which Athena's JSON SerDe requires.
    async fn put_manifest(
        &self,
        group: &TimeZoneGroup,
        manifest: &Manifest,
        expected: Option<&FileVersion>,
    ) -> Result<PutOutcome, ExportError> {
        let key = manifest_key(group, manifest.business_date);
        let mut bytes = serde_json::to_vec(manifest).map_err(|source| ExportError::Manifest {
            key: key.clone(),
            source,
        })?;
        bytes.push(b'\n');
        let file = ExportFile::new(key, "application/json", bytes);
        Ok(self.bucket.put(file, expected).await?)
    }
}

fn manifest_key(group: &TimeZoneGroup, date: Date) -> String {
    format!("export_manifest/business_date={date}/{}.json", group.key())
}
