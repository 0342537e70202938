//! Reports the sales of a location from the tally.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::try_join_all;
use jiff::Timestamp;
use stockline_domain::catalog::Product;
use stockline_domain::export::{ProductLabel, TooLarge};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::invalid::Invalid;
use stockline_domain::money::Currency;
use stockline_domain::tally::{Figures, Grouping, ReportRange, ReportRow, ReportSums, RowKey};

use crate::deadline::Deadline;
use crate::location_cache::LocationCache;
use crate::ports::catalog::{CatalogStore, ProductReader};
use crate::ports::clock::Clock;
use crate::ports::sales_tally::{TALLY_BUCKETS, TallyReader};
use crate::store_error::StoreError;

/// The maximum number of orders and refunds that a report by category or SKU reads: about 30 MB of items.
pub const MAX_CONTRIBUTIONS: usize = 50_000;

/// The maximum number of rows. Lambda returns at most 6 MB, and a row has about 450 bytes.
pub const MAX_ROWS: usize = 10_000;

/// Which report to make.
#[derive(Debug, Clone)]
pub struct ReportRequest {
    /// The location.
    pub location_id: LocationId,
    /// The business dates.
    pub range: ReportRange,
    /// What a row stands for.
    pub by: Grouping,
    /// When the response is due.
    pub deadline: Deadline,
}

/// A sales report. Rows are sorted by what they stand for, then by currency; there are no rows of nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesReport {
    /// The location.
    pub location_id: LocationId,
    /// The business dates.
    pub range: ReportRange,
    /// What a row stands for.
    pub by: Grouping,
    /// When the newest sale, cancellation or refund of the report was tallied; none if there is none.
    pub as_of: Option<Timestamp>,
    /// The totals by currency.
    pub totals: Vec<(Currency, Figures)>,
    /// The rows.
    pub rows: Vec<ReportRow>,
}

/// A report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The range is not available.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The range has more than [`MAX_CONTRIBUTIONS`] orders and refunds.
    #[error("the range has more than {MAX_CONTRIBUTIONS} orders and refunds")]
    TooManyOrders,
    /// The report has more than [`MAX_ROWS`] rows.
    #[error("the report has more than {MAX_ROWS} rows")]
    TooManyRows,
    /// A sum exceeds 64 bits.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Makes sales reports.
#[derive(Debug)]
pub struct SalesReports<Tally, Catalog, Time> {
    /// The tally.
    pub tally: Tally,
    /// Reads names and categories of products.
    pub products: Catalog,
    /// Tells which locations exist.
    pub locations: LocationCache<Catalog, Time>,
    /// The current time.
    pub clock: Time,
}

impl<Tally: TallyReader, Catalog: CatalogStore + ProductReader, Time: Clock>
    SalesReports<Tally, Catalog, Time>
{
    /// Makes a report. Returns `None` if the location does not exist.
    pub async fn report(&self, request: ReportRequest) -> Result<Option<SalesReport>, ReportError> {
        if request.by.is_by_line() {
            request.range.check_lines_are_kept(self.clock.now())?;
        }
        if self.locations.find(&request.location_id).await?.is_none() {
            return Ok(None);
        }
        let mut labels = HashMap::new();
        let sums = match request.by {
            Grouping::Hour | Grouping::Day => self.sum_hours(&request).await?,
            Grouping::Sku | Grouping::Category => {
                let sums = self.sum_lines(&request).await?;
                let skus: BTreeSet<Sku> =
                    sums.rows.keys().filter_map(|(key, _)| sku(key)).collect();
                let skus: Vec<Sku> = skus.into_iter().collect();
                let products = self.products.find_products(&skus, request.deadline);
                labels = products.await?.into_iter().map(label).collect();
                match request.by {
                    Grouping::Category => sums.regroup(|key| by_category(key, &labels))?,
                    _ => sums,
                }
            }
        };
        if sums.rows.len() > MAX_ROWS {
            return Err(ReportError::TooManyRows);
        }
        let rows = sums.rows.into_iter().map(|((key, currency), figures)| {
            let label = sku(&key).and_then(|sku| labels.get(&sku));
            ReportRow {
                name: label.map(|label| label.name.clone()),
                key,
                currency,
                figures,
            }
        });
        Ok(Some(SalesReport {
            location_id: request.location_id,
            range: request.range,
            by: request.by,
            as_of: sums.as_of,
            totals: sums.totals.into_iter().collect(),
            rows: rows.collect(),
        }))
    }

    async fn sum_hours(&self, request: &ReportRequest) -> Result<ReportSums, ReportError> {
        let mut sums = ReportSums::default();
        let hours = self.tally.hours(&request.location_id, request.range);
        for tally in hours.await? {
            let key = match request.by {
                Grouping::Hour => RowKey::Hour(tally.cell.hour),
                _ => RowKey::Day(tally.cell.business_date),
            };
            sums.add_hour(key, &tally)?;
        }
        Ok(sums)
    }

    /// Sums the contributions by SKU. The buckets are read concurrently.
    async fn sum_lines(&self, request: &ReportRequest) -> Result<ReportSums, ReportError> {
        let read = AtomicUsize::new(0);
        let buckets = (0..TALLY_BUCKETS).map(|bucket| self.sum_bucket(request, bucket, &read));
        let mut sums = ReportSums::default();
        for bucket in try_join_all(buckets).await? {
            sums.merge(bucket)?;
        }
        Ok(sums)
    }

    /// Sums the contributions of one bucket. `read` counts those of all buckets.
    async fn sum_bucket(
        &self,
        request: &ReportRequest,
        bucket: u8,
        read: &AtomicUsize,
    ) -> Result<ReportSums, ReportError> {
        let mut sums = ReportSums::default();
        let mut after = None;
        loop {
            let (location, range) = (&request.location_id, request.range);
            let page = self.tally.contributions(location, range, bucket, after);
            let page = page.await?;
            let read_before = read.fetch_add(page.items.len(), Ordering::Relaxed);
            if read_before + page.items.len() > MAX_CONTRIBUTIONS {
                return Err(ReportError::TooManyOrders);
            }
            for tallied in page.items {
                sums.add_contribution(&tallied.contribution, tallied.updated_at)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(sums);
            }
        }
    }
}

fn label(product: Product) -> (Sku, ProductLabel) {
    let label = ProductLabel {
        name: product.name,
        category: product.category,
    };
    (product.sku, label)
}

fn sku(key: &RowKey) -> Option<Sku> {
    match key {
        RowKey::Sku(sku) => Some(sku.clone()),
        _ => None,
    }
}

fn by_category(key: RowKey, labels: &HashMap<Sku, ProductLabel>) -> RowKey {
    match key {
        RowKey::Sku(sku) => {
            RowKey::Category(labels.get(&sku).and_then(|label| label.category.clone()))
        }
        other => other,
    }
}
