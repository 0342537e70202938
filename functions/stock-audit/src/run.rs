//! One audit run: audits locations and stores, counts and reports the findings.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use stockline_application::deadline::Deadline;
use stockline_application::ports::audit_data::{AuditData, AuditRecord, AuditRecordStore};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::operations::{AuditReport, MAX_REPORTED_LEVELS, ReportedLevel};
use stockline_application::ports::orders::OpenOrders;
use stockline_application::stock_audit::{AuditPage, Finding, StockAudit};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::LocationId;

/// The result of a run, as it is returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
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
    #[serde(skip)]
    reported: Vec<ReportedLevel>,
}

/// One run of the audit.
pub struct AuditRun<'a, Stock, Orders, Time, Records> {
    /// Compares levels, movements and open orders.
    pub audit: &'a StockAudit<Stock, Orders, Time>,
    /// Stores the findings.
    pub records: &'a Records,
    /// The start of the run.
    pub started_at: Timestamp,
    /// The UTC date under which findings are stored.
    pub day: Date,
    /// The end of the invocation.
    pub deadline: Deadline,
}

impl<Stock: AuditData, Orders: OpenOrders, Time: Clock, Records: AuditRecordStore>
    AuditRun<'_, Stock, Orders, Time, Records>
{
    /// Audits `locations` in order. A location that cannot be read is logged and listed in `unfinished`.
    pub async fn audit_locations(&self, locations: Vec<LocationId>) -> Summary {
        let mut summary = Summary {
            locations: 0,
            levels: 0,
            confirmed: 0,
            undecided: 0,
            unfinished: Vec::new(),
            reported: Vec::new(),
        };
        for location in locations {
            match self.audit_location(&location, &mut summary).await {
                Ok(true) => summary.locations += 1,
                Ok(false) => summary.unfinished.push(location),
                Err(error) => {
                    tracing::error!(%location, error = %stockline_application::error_chain::error_chain(&error), "location audit failed");
                    summary.unfinished.push(location);
                }
            }
        }
        summary
    }

    /// Audits one location; false if the time ran out before its last page.
    async fn audit_location(
        &self,
        location: &LocationId,
        summary: &mut Summary,
    ) -> Result<bool, StoreError> {
        let held = self.audit.held_at(location).await?;
        let mut after = None;
        loop {
            // Lambda would cut off a page that starts too late, and the report of all earlier findings with it.
            if self.deadline.remaining() <= 2 * self.audit.patience.until_undecided {
                return Ok(false);
            }
            let page = self.audit.page(location, &held, after).await?;
            self.store_findings(&page, summary).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.records
            .forget_before(location, self.day, self.started_at)
            .await?;
        Ok(true)
    }

    async fn store_findings(
        &self,
        page: &AuditPage,
        summary: &mut Summary,
    ) -> Result<(), StoreError> {
        summary.levels += u64::try_from(page.looked_at).unwrap_or_default();
        for finding in &page.findings {
            let record = self.record(finding);
            self.records.keep(self.day, &record).await?;
            tracing::warn!(
                location_id = %record.location_id,
                sku = %record.sku,
                confirmed = record.confirmed,
                differences = %texts_of(finding).join("; "),
                "stock audit finding"
            );
            if !finding.confirmed {
                summary.undecided += 1;
                continue;
            }
            summary.confirmed += 1;
            if summary.reported.len() < MAX_REPORTED_LEVELS {
                summary.reported.push(ReportedLevel {
                    location_id: record.location_id,
                    sku: record.sku,
                    differences: texts_of(finding),
                });
            }
        }
        Ok(())
    }

    fn record(&self, finding: &Finding) -> AuditRecord {
        AuditRecord {
            location_id: finding.key.location_id.clone(),
            sku: finding.key.sku.clone(),
            run_at: self.started_at,
            confirmed: finding.confirmed,
            versions: finding.books.versions(),
            differences: finding.verdict.differences.clone(),
        }
    }
}

fn texts_of(finding: &Finding) -> Vec<String> {
    let differences = finding.verdict.differences.iter();
    differences.map(ToString::to_string).collect()
}

impl Summary {
    /// The report for the operations topic; none if every level was audited and is consistent.
    pub fn report(&self) -> Option<AuditReport> {
        (self.confirmed + self.undecided > 0 || !self.unfinished.is_empty()).then(|| AuditReport {
            locations: self.locations,
            levels: self.levels,
            confirmed: self.confirmed,
            undecided: self.undecided,
            unfinished: self.unfinished.clone(),
            first: self.reported.clone(),
        })
    }
}
