//! One run of the audit over many locations: stores, counts and reports the findings.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use stockline_domain::ids::LocationId;

use super::{AuditPage, Finding, StockAudit};
use crate::deadline::Deadline;
use crate::error_chain::error_chain;
use crate::metrics::{Metric, count};
use crate::ports::audit_data::{AuditData, AuditRecord, AuditRecordStore};
use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::ports::operations::{
    AuditReport, MAX_REPORTED_LEVELS, OperationsTopic, ReportedLevel, audit_message,
};
use crate::ports::orders::OpenOrders;
use crate::store_error::StoreError;

/// Audits locations and reports what it finds.
#[derive(Debug)]
pub struct NightlyAudit<Stock, Orders, Time, Records, Catalog, Topic> {
    /// Compares levels, movements and open orders.
    pub audit: StockAudit<Stock, Orders, Time>,
    /// Stores the findings.
    pub records: Records,
    /// Lists the locations of a run that names none.
    pub catalog: Catalog,
    /// Publishes the report.
    pub operations: Topic,
}

/// One run.
#[derive(Debug)]
pub struct AuditRun<'a> {
    /// The locations to audit; `None` for all locations of the catalog.
    pub locations: Option<Vec<LocationId>>,
    /// The id of the run, which becomes the correlation id of its report.
    pub id: &'a str,
    /// The end of the run. A location that cannot be audited before it stays unfinished.
    pub deadline: Deadline,
}

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditSummary {
    /// The number of locations that were audited completely.
    pub locations: u64,
    /// The number of audited pairs of SKU and location.
    pub levels: u64,
    /// How many of them have confirmed differences.
    pub confirmed: u64,
    /// How many could not be decided in time: they kept changing, or the ledger was behind.
    pub undecided: u64,
    /// The locations that were not audited completely: the time ran out, or a read failed.
    pub unfinished: Vec<LocationId>,
    /// The first levels with confirmed differences, at most [`MAX_REPORTED_LEVELS`].
    #[serde(skip)]
    pub first: Vec<ReportedLevel>,
}

impl AuditSummary {
    /// The report for the operations topic; `None` if every level was audited and has no difference.
    fn report(&self) -> Option<AuditReport> {
        let is_worth_reporting = self.confirmed + self.undecided > 0 || !self.unfinished.is_empty();
        is_worth_reporting.then(|| AuditReport {
            locations: self.locations,
            levels: self.levels,
            confirmed: self.confirmed,
            undecided: self.undecided,
            unfinished: self.unfinished.clone(),
            first: self.first.clone(),
        })
    }
}

/// When a run began, and when it must end.
#[derive(Debug, Clone, Copy)]
struct RunTime {
    started_at: Timestamp,
    /// The UTC date of `started_at`, under which findings are stored.
    day: Date,
    deadline: Deadline,
}

impl<Stock, Orders, Time, Records, Catalog, Topic>
    NightlyAudit<Stock, Orders, Time, Records, Catalog, Topic>
where
    Stock: AuditData,
    Orders: OpenOrders,
    Time: Clock,
    Records: AuditRecordStore,
    Catalog: CatalogStore,
    Topic: OperationsTopic,
{
    /// Audits the locations of `run` one after the other, and publishes one report if there is anything to report.
    ///
    /// A location that cannot be read is logged and listed in `unfinished`.
    ///
    /// # Errors
    /// [`StoreError`] if the locations cannot be listed or the report cannot be published.
    pub async fn run(&self, run: AuditRun<'_>) -> Result<AuditSummary, StoreError> {
        let locations = match run.locations {
            Some(locations) => locations,
            None => self.all_locations().await?,
        };
        let started_at = self.audit.clock.now();
        let time = RunTime {
            started_at,
            day: TimeZone::UTC.to_datetime(started_at).date(),
            deadline: run.deadline,
        };
        let mut summary = AuditSummary::default();
        for location in locations {
            match self.audit_location(&location, time, &mut summary).await {
                Ok(true) => summary.locations += 1,
                Ok(false) => summary.unfinished.push(location),
                Err(error) => {
                    tracing::error!(%location, error = %error_chain(&error), "location audit failed");
                    summary.unfinished.push(location);
                }
            }
        }
        count(Metric::StockDifferences, summary.confirmed);
        count(Metric::StockUndecided, summary.undecided);
        if let Some(report) = summary.report() {
            let message = audit_message(report, started_at, run.id.to_owned());
            self.operations.publish(&message).await?;
        }
        if summary.unfinished.is_empty() {
            count(Metric::AuditsCompleted, 1);
        }
        Ok(summary)
    }

    async fn all_locations(&self) -> Result<Vec<LocationId>, StoreError> {
        let locations = self.catalog.list_locations().await?;
        let mut ids: Vec<LocationId> = locations
            .into_iter()
            .map(|location| location.location_id)
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Audits one location. Returns false if the time does not suffice for all its pages.
    async fn audit_location(
        &self,
        location: &LocationId,
        time: RunTime,
        summary: &mut AuditSummary,
    ) -> Result<bool, StoreError> {
        let open = self.audit.open_quantities(location).await?;
        let mut after = None;
        loop {
            // A page that is cut off by the end of the invocation would lose the report of all earlier findings.
            if time.deadline.remaining() <= 2 * self.audit.timing.decision_timeout {
                return Ok(false);
            }
            let page = self.audit.audit_page(location, &open, after).await?;
            self.store_findings(&page, time, summary).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.records
            .forget_before(location, time.day, time.started_at)
            .await?;
        Ok(true)
    }

    async fn store_findings(
        &self,
        page: &AuditPage,
        time: RunTime,
        summary: &mut AuditSummary,
    ) -> Result<(), StoreError> {
        summary.levels += u64::try_from(page.audited).unwrap_or_default();
        for finding in &page.findings {
            let record = finding.record(time.started_at);
            self.records.keep(time.day, &record).await?;
            let differences = finding.difference_texts();
            tracing::warn!(
                location_id = %record.location_id,
                sku = %record.sku,
                confirmed = record.confirmed,
                differences = %differences.join("; "),
                "stock audit finding"
            );
            if !finding.confirmed {
                summary.undecided += 1;
                continue;
            }
            summary.confirmed += 1;
            if summary.first.len() < MAX_REPORTED_LEVELS {
                summary.first.push(ReportedLevel {
                    location_id: record.location_id,
                    sku: record.sku,
                    differences,
                });
            }
        }
        Ok(())
    }
}

impl Finding {
    fn record(&self, run_at: Timestamp) -> AuditRecord {
        AuditRecord {
            location_id: self.key.location_id.clone(),
            sku: self.key.sku.clone(),
            run_at,
            confirmed: self.confirmed,
            versions: self.data.versions(),
            differences: self.result.differences.clone(),
        }
    }

    /// Each difference as a sentence.
    fn difference_texts(&self) -> Vec<String> {
        let differences = self.result.differences.iter();
        differences.map(ToString::to_string).collect()
    }
}
