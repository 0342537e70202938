//! Handles one audit event: audits the requested locations, reports the findings, returns a summary.

use std::time::Duration;

use jiff::tz::TimeZone;
use lambda_runtime::{Context, Diagnostic};
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::audit_data::{AuditData, AuditRecordStore};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::operations::{OperationsTopic, audit_message};
use stockline_application::ports::orders::OpenOrders;
use stockline_application::stock_audit::StockAudit;
use stockline_application::store_error::StoreError;
use stockline_domain::ids::LocationId;
use stockline_domain::invalid::Invalid;

use crate::request::AuditRequest;
use crate::run::{AuditRun, Summary};

/// The audit function.
pub struct StockAuditor<Stock, Orders, Time, Records, Catalog, Topic> {
    /// Compares levels, movements and open orders.
    pub audit: StockAudit<Stock, Orders, Time>,
    /// Stores the findings.
    pub records: Records,
    /// Lists the locations for an event without a list.
    pub catalog: Catalog,
    /// Publishes the report.
    pub operations: Topic,
}

/// The reasons for which a run does not start or cannot publish its report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The event cannot be parsed.
    #[error("the event must be {{}} or {{\"locations\": [\"store-1\"]}}")]
    Malformed(#[from] serde_json::Error),
    /// A field of the event breaks a rule.
    #[error("invalid event")]
    Invalid(#[from] Invalid),
    /// The catalog or the topic failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuditError> for Diagnostic {
    fn from(error: AuditError) -> Self {
        let error_type = match error {
            AuditError::Malformed(_) | AuditError::Invalid(_) => "InvalidRequest",
            AuditError::Store(_) => "AuditFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error_chain(&error),
        }
    }
}

impl<Stock, Orders, Time, Records, Catalog, Topic>
    StockAuditor<Stock, Orders, Time, Records, Catalog, Topic>
where
    Stock: AuditData,
    Orders: OpenOrders,
    Time: Clock,
    Records: AuditRecordStore,
    Catalog: CatalogStore,
    Topic: OperationsTopic,
{
    /// Audits the locations that `event` requests, within the deadline of `context`.
    ///
    /// # Errors
    /// [`AuditError`] if the event is invalid, the locations cannot be listed or the report cannot be published.
    pub async fn handle(&self, event: Value, context: &Context) -> Result<Summary, AuditError> {
        let now = self.audit.clock.now();
        let remaining_ms = context
            .deadline
            .saturating_sub(now.as_millisecond().unsigned_abs());
        let deadline = Deadline::within(Duration::from_millis(remaining_ms));
        let result = self.run(event, deadline, &context.request_id).await;
        match &result {
            Ok(summary) => {
                tracing::info!(
                    locations = summary.locations,
                    levels = summary.levels,
                    unfinished = summary.unfinished.len(),
                    "audit finished"
                );
                count(Metric::StockDifferences, summary.confirmed);
                count(Metric::StockUndecided, summary.undecided);
                if summary.unfinished.is_empty() {
                    count(Metric::AuditsCompleted, 1);
                }
            }
            Err(error) => tracing::error!(error = %error_chain(error), "audit failed"),
        }
        result
    }

    async fn run(
        &self,
        event: Value,
        deadline: Deadline,
        request_id: &str,
    ) -> Result<Summary, AuditError> {
        let request: AuditRequest = serde_json::from_value(event)?;
        let locations = match request.check()? {
            Some(locations) => locations,
            None => self.all_locations().await?,
        };
        let started_at = self.audit.clock.now();
        let run = AuditRun {
            audit: &self.audit,
            records: &self.records,
            started_at,
            day: TimeZone::UTC.to_datetime(started_at).date(),
            deadline,
        };
        let summary = run.audit_locations(locations).await;
        if let Some(report) = summary.report() {
            let message = audit_message(report, started_at, request_id.to_owned());
            self.operations.publish(&message).await?;
        }
        Ok(summary)
    }

    async fn all_locations(&self) -> Result<Vec<LocationId>, StoreError> {
        let locations = self.catalog.list_locations().await?;
        let mut ids: Vec<LocationId> = locations.into_iter().map(|one| one.location_id).collect();
        ids.sort_unstable();
        Ok(ids)
    }
}

#[cfg(test)]
mod tests;
