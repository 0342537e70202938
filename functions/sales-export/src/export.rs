//! The export: the catalog's dimensions, then each due day of each time-zone group, its manifest last.

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
use stockline_domain::export::late::{LateDay, written_on};
use stockline_domain::export::{DayTotals, Days, ExportedFile, Manifest, TimeZoneGroup};
use stockline_domain::ids::LocationId;

use crate::dimensions::{Products, locations_file};
use crate::error::ExportError;
use crate::location_day::LocationDay;
use crate::sales_lines::SalesLines;

const PARQUET: &str = "application/vnd.apache.parquet";

/// How often a day is exported anew because another run wrote it meanwhile.
const TRIES: usize = 5;

/// Reads orders and the catalog, writes files.
pub struct Export<S, C, B> {
    /// The orders.
    pub sales: S,
    /// Products and locations.
    pub catalog: C,
    /// Where files go.
    pub bucket: B,
}

/// One exported day of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The group's name in keys.
    pub group: String,
    /// The day.
    pub business_date: Date,
    /// Rows of its sales lines.
    pub rows: u64,
    /// The revision that holds now.
    pub revision: u64,
    /// Where its sales lines are.
    pub key: String,
}

impl<S: SalesReader, C: CatalogStore, B: ExportBucket> Export<S, C, B> {
    /// Exports `days` as they are due at `now`; with the last closed days go those of orders that were written late since.
    ///
    /// # Errors
    /// A day that fails does not keep the others from being exported; it is named in the end.
    pub async fn run(&self, days: &Days, now: Timestamp) -> Result<Vec<Exported>, ExportError> {
        let mut locations = self.catalog.list_locations().await?;
        locations.sort_by(|a, b| a.location_id.cmp(&b.location_id));
        let groups = TimeZoneGroup::of(&locations)?;
        self.dimensions(&locations).await?;
        let late = self.written_late(days, now).await?;
        let (mut exported, mut failed, mut first) = (Vec::new(), Vec::new(), None);
        for group in &groups {
            for date in group.due_with_late(days, &late, now) {
                match self.day(group, date, now).await {
                    Ok(day) => exported.push(day),
                    Err(error) => {
                        let key = manifest_key(group, date);
                        tracing::error!(key, error = %error_chain(&error), "a day could not be exported");
                        failed.push(key);
                        first.get_or_insert(error);
                    }
                }
            }
        }
        match first {
            None => Ok(exported),
            Some(first) => Err(ExportError::Partly {
                of: exported.len() + failed.len(),
                failed,
                first: Box::new(first),
            }),
        }
    }

    async fn written_late(
        &self,
        days: &Days,
        now: Timestamp,
    ) -> Result<BTreeSet<LateDay>, ExportError> {
        let mut late = BTreeSet::new();
        if let Days::LastClosed(count) = days {
            for day in written_on(*count, now) {
                late.extend(self.sales.written_late(day).await?);
            }
        }
        Ok(late)
    }

    async fn dimensions(&self, locations: &[Location]) -> Result<(), ExportError> {
        let mut products = Products::new()?;
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
            let file = ExportFile::new(format!("{dataset}/{dataset}.parquet"), PARQUET, file.bytes);
            let there = self.bucket.sha256(&file.key).await?;
            // A run that overtakes this one has read the same catalog a moment ago.
            let (PutOutcome::Written | PutOutcome::Conflict) =
                self.put(file, there.as_ref()).await?;
        }
        Ok(())
    }

    /// Exports one day, anew if another run writes it meanwhile.
    async fn day(
        &self,
        group: &TimeZoneGroup,
        date: Date,
        now: Timestamp,
    ) -> Result<Exported, ExportError> {
        for _ in 0..TRIES {
            if let Some(exported) = self.try_day(group, date, now).await? {
                return Ok(exported);
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Exports one day; nothing if another run has written the file or the manifest since this one looked at them, before
    /// it read the first order. So what is written is never older than what it replaces.
    async fn try_day(
        &self,
        group: &TimeZoneGroup,
        date: Date,
        now: Timestamp,
    ) -> Result<Option<Exported>, ExportError> {
        let key = format!("sales_lines/business_date={date}/{}.parquet", group.key());
        let there = self.bucket.sha256(&key).await?;
        let previous = self.manifest(group, date).await?;
        let mut sales_lines = SalesLines::new()?;
        let mut totals = DayTotals::default();
        for location in &group.locations {
            let day = self.location_day(location, date, &mut totals).await?;
            sales_lines.add(group, location, &day)?;
        }
        let file = sales_lines.finish()?;
        let rows = file.rows;
        let file = ExportFile::new(key.clone(), PARQUET, file.bytes);
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
        if self.put(file, there.as_ref()).await? == PutOutcome::Conflict {
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
        Ok(Some(Exported {
            group: group.key(),
            business_date: date,
            rows,
            revision: manifest.revision,
            key,
        }))
    }

    async fn location_day(
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

    /// Writes the file over the one that was `there`, unless that has the same bytes.
    async fn put(
        &self,
        file: ExportFile,
        there: Option<&StoredFile<String>>,
    ) -> Result<PutOutcome, ExportError> {
        if there.is_some_and(|there| there.content == file.sha256) {
            return Ok(PutOutcome::Written);
        }
        Ok(self
            .bucket
            .put(file, there.map(|there| &there.version))
            .await?)
    }

    async fn manifest(
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

    /// One line of JSON, as Athena's JSON reader wants it.
    async fn put_manifest(
        &self,
        group: &TimeZoneGroup,
        manifest: &Manifest,
        over: Option<&FileVersion>,
    ) -> Result<PutOutcome, ExportError> {
        let key = manifest_key(group, manifest.business_date);
        let mut bytes = serde_json::to_vec(manifest).map_err(|source| ExportError::Manifest {
            key: key.clone(),
            source,
        })?;
        bytes.push(b'\n');
        let file = ExportFile::new(key, "application/json", bytes);
        Ok(self.bucket.put(file, over).await?)
    }
}

fn manifest_key(group: &TimeZoneGroup, date: Date) -> String {
    format!("export_manifest/business_date={date}/{}.json", group.key())
}
