//! One run over locations: what was found is kept, counted, and told.

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

/// What a run found, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many locations were audited to their end.
    pub locations: u64,
    /// How many SKUs were looked at, each at one location.
    pub levels: u64,
    /// How many of them have differences that were there at the second look too.
    pub confirmed: u64,
    /// How many moved, or waited for the ledger, as long as the run could wait.
    pub undecided: u64,
    /// The locations that the run had no time for, or could not read.
    pub unfinished: Vec<LocationId>,
    #[serde(skip)]
    told: Vec<ReportedLevel>,
}

/// A run.
pub struct Run<'a, B, O, C, R> {
    /// What looks.
    pub audit: &'a StockAudit<B, O, C>,
    /// Where what is found is kept.
    pub records: &'a R,
    /// When it began.
    pub at: Timestamp,
    /// The day it is kept under, in UTC.
    pub day: Date,
    /// When it must end.
    pub deadline: Deadline,
}

impl<B: AuditData, O: OpenOrders, C: Clock, R: AuditRecordStore> Run<'_, B, O, C, R> {
    /// Audits `locations` one after another. One that cannot be read keeps no other back.
    pub async fn over(&self, locations: Vec<LocationId>) -> Summary {
        let mut summary = Summary {
            locations: 0,
            levels: 0,
            confirmed: 0,
            undecided: 0,
            unfinished: Vec::new(),
            told: Vec::new(),
        };
        for location in locations {
            match self.location(&location, &mut summary).await {
                Ok(true) => summary.locations += 1,
                Ok(false) => summary.unfinished.push(location),
                Err(error) => {
                    tracing::error!(%location, error = %stockline_application::error_chain::error_chain(&error), "the location could not be audited");
                    summary.unfinished.push(location);
                }
            }
        }
        summary
    }

    /// Whether there was time for all of `location`.
    async fn location(
        &self,
        location: &LocationId,
        summary: &mut Summary,
    ) -> Result<bool, StoreError> {
        let held = self.audit.held_at(location).await?;
        let mut after = None;
        loop {
            // A page that begins late is cut off by Lambda, and nobody hears of what the run found until then.
            if self.deadline.remaining() <= 2 * self.audit.patience.until_undecided {
                return Ok(false);
            }
            let page = self.audit.page(location, &held, after).await?;
            self.keep(&page, summary).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.records
            .forget_before(location, self.day, self.at)
            .await?;
        Ok(true)
    }

    async fn keep(&self, page: &AuditPage, summary: &mut Summary) -> Result<(), StoreError> {
        summary.levels += u64::try_from(page.looked_at).unwrap_or_default();
        for finding in &page.findings {
            let record = self.record(finding);
            self.records.keep(self.day, &record).await?;
            tracing::warn!(
                location_id = %record.location_id,
                sku = %record.sku,
                confirmed = record.confirmed,
                differences = %told(finding).join("; "),
                "the books do not add up"
            );
            if !finding.confirmed {
                summary.undecided += 1;
                continue;
            }
            summary.confirmed += 1;
            if summary.told.len() < MAX_REPORTED_LEVELS {
                summary.told.push(ReportedLevel {
                    location_id: record.location_id,
                    sku: record.sku,
                    differences: told(finding),
                });
            }
        }
        Ok(())
    }

    fn record(&self, finding: &Finding) -> AuditRecord {
        AuditRecord {
            location_id: finding.key.location_id.clone(),
            sku: finding.key.sku.clone(),
            run_at: self.at,
            confirmed: finding.confirmed,
            versions: finding.books.versions(),
            differences: finding.verdict.differences.clone(),
        }
    }
}

fn told(finding: &Finding) -> Vec<String> {
    let differences = finding.verdict.differences.iter();
    differences.map(ToString::to_string).collect()
}

impl Summary {
    /// What to tell the people of operations; nothing, where nothing is wrong.
    pub fn report(&self) -> Option<AuditReport> {
        (self.confirmed + self.undecided > 0 || !self.unfinished.is_empty()).then(|| AuditReport {
            locations: self.locations,
            levels: self.levels,
            confirmed: self.confirmed,
            undecided: self.undecided,
            unfinished: self.unfinished.clone(),
            first: self.told.clone(),
        })
    }
}
