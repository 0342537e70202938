//! Exports one day of one group: reads it, writes the files of a new revision, then switches the manifest to it.
//!
//! The manifest is read before the first order and replaced on the condition that it is still the same, so a revision does not
//! give way to one that was read before it. The reads are eventually consistent: an order of the last moments may be missing in
//! the later revision, and the next nightly run adds it. A run that stops anywhere leaves files that no manifest names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::export::{
    DayDataset, DayTotals, ExportedFile, Manifest, TimeZoneGroup, data_key, manifest_key,
};
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::{Order, Refund};

use super::catalog::ProductLabels;
use super::content_digest::ContentDigest;
use super::day_rows::{DayRows, FinishedDay};
use super::files::{DataFile, PARQUET};
use super::location_day::LocationDay;
use super::{ExportError, ExportedDay, SalesExport};
use crate::ports::catalog::CatalogStore;
use crate::ports::export::{
    DatasetEncoder, DayEncoder, ExportBucket, ExportFile, PutOutcome, SalesReader,
};
use crate::store_error::StoreError;

/// Attempts to export a day when other runs export it meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// The day to export, and what the run knows.
pub(super) struct DueDay<'a> {
    pub group: &'a TimeZoneGroup,
    pub date: Date,
    pub labels: &'a ProductLabels,
    pub now: Timestamp,
}

/// The outcome of one attempt.
enum Attempt {
    Exported(ExportedDay),
    /// Another run switched the manifest since this run read it.
    Conflict,
    /// Files of this revision exist with other rows.
    RevisionTaken(u64),
}

impl<Sales: SalesReader, Catalog: CatalogStore, Bucket: ExportBucket, Encoder: DatasetEncoder>
    SalesExport<Sales, Catalog, Bucket, Encoder>
{
    /// Exports one day; reads it again if another run exported it meanwhile.
    pub(super) async fn export_day(&self, day: &DueDay<'_>) -> Result<ExportedDay, ExportError> {
        let mut first_free = 1;
        for _ in 0..MAX_ATTEMPTS {
            match self.try_export_day(day, first_free).await? {
                Attempt::Exported(exported) => return Ok(exported),
                Attempt::Conflict => {}
                Attempt::RevisionTaken(taken) => {
                    first_free = self.free_revision(day.group, day.date, taken).await?;
                }
            }
        }
        Err(StoreError::Busy.into())
    }

    async fn try_export_day(
        &self,
        day: &DueDay<'_>,
        first_free: u64,
    ) -> Result<Attempt, ExportError> {
        let key = manifest_key(day.date, day.group);
        let current = self.read_manifest(&key).await?;
        let (current, version) = current.map(|found| (found.content, found.version)).unzip();
        let next = current.as_ref().map_or(1, |current| current.revision + 1);
        let revision = next.max(first_free);
        let finished = self.read_day(day, revision).await?;
        let closed = day.date <= day.group.last_closed(day.now);
        // A run that read the clock before the close may end after another run has exported the closed day.
        let closed = closed || current.as_ref().is_some_and(|current| current.closed);
        let current = current.and_then(|current| current.manifest);
        let manifest = match &current {
            Some(current) if current.has_content(&finished.content_sha256) => Manifest {
                closed,
                ..current.clone()
            },
            _ => match self.store_day(day, revision, finished).await? {
                Some(manifest) => Manifest { closed, ..manifest },
                None => return Ok(Attempt::RevisionTaken(revision)),
            },
        };
        if current.as_ref() != Some(&manifest)
            && self.put_manifest(&key, &manifest, version.as_ref()).await? == PutOutcome::Conflict
        {
            return Ok(Attempt::Conflict);
        }
        Ok(Attempt::Exported(ExportedDay {
            group: manifest.group,
            business_date: manifest.business_date,
            revision: manifest.revision,
            sales_lines: manifest.sales_lines_rows,
            refund_lines: manifest.refund_lines_rows,
            manifest: key,
        }))
    }

    /// Stores the files of `revision`, and returns their manifest; none if the revision is taken.
    async fn store_day(
        &self,
        day: &DueDay<'_>,
        revision: u64,
        finished: FinishedDay,
    ) -> Result<Option<Manifest>, ExportError> {
        let (sales_lines_rows, refund_lines_rows) =
            (finished.sales_lines.rows, finished.refund_lines.rows);
        let mut files = Vec::new();
        for (dataset, encoded) in [
            (DayDataset::SalesLines, finished.sales_lines),
            (DayDataset::RefundLines, finished.refund_lines),
        ] {
            let key = data_key(dataset, day.date, day.group, revision);
            let file = ExportFile::new(key.clone(), PARQUET, encoded.bytes);
            files.push(ExportedFile {
                dataset: dataset.name().to_owned(),
                key,
                rows: encoded.rows,
                sha256: file.sha256.clone(),
            });
            if self.store_data_file(file).await? == DataFile::RevisionTaken {
                return Ok(None);
            }
        }
        Ok(Some(Manifest {
            version: Manifest::VERSION,
            group: day.group.key(),
            time_zone: day.group.name.clone(),
            business_date: day.date,
            revision,
            closed: false,
            content_sha256: finished.content_sha256,
            sales_lines_rows,
            refund_lines_rows,
            files,
            totals: finished.totals,
            refund_totals: finished.refund_totals,
        }))
    }

    async fn read_day(&self, day: &DueDay<'_>, revision: u64) -> Result<FinishedDay, ExportError> {
        let mut rows = DayRows {
            group: day.group,
            labels: day.labels,
            revision,
            files: self.encoder.day()?,
            row_totals: DayTotals::default(),
            read_totals: DayTotals::default(),
            digest: ContentDigest::default(),
        };
        for location in &day.group.locations {
            self.read_sales(location, day.date, &mut rows).await?;
        }
        for location in &day.group.locations {
            self.read_refunds(location, day.date, &mut rows).await?;
        }
        rows.finish()
    }

    async fn read_sales<Files: DayEncoder>(
        &self,
        location: &LocationId,
        date: Date,
        rows: &mut DayRows<'_, Files>,
    ) -> Result<(), ExportError> {
        let mut day = LocationDay::default();
        let mut after = None;
        loop {
            let page = self.sales.page(location, date, after).await?;
            for order in &page.items {
                rows.read_totals.add_order(order)?;
                day.push(order);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        day.sort();
        rows.add_sales(location, &day)
    }

    async fn read_refunds<Files: DayEncoder>(
        &self,
        location: &LocationId,
        date: Date,
        rows: &mut DayRows<'_, Files>,
    ) -> Result<(), ExportError> {
        let mut after = None;
        loop {
            let page = self.sales.refunds_page(location, date, after).await?;
            let orders = self.orders_of(&page.items).await?;
            for refund in &page.items {
                let order =
                    orders
                        .get(&refund.order_id)
                        .ok_or_else(|| ExportError::OrderMissing {
                            refund_id: refund.refund_id,
                            order_id: refund.order_id,
                        })?;
                rows.add_refund(refund, order)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn orders_of(&self, refunds: &[Refund]) -> Result<BTreeMap<OrderId, Order>, StoreError> {
        let ids: BTreeSet<OrderId> = refunds.iter().map(|refund| refund.order_id).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let orders = self.sales.find_orders(&ids).await?.into_iter();
        Ok(orders.map(|order| (order.order_id, order)).collect())
    }
}
