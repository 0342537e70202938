//! One invocation: a request for locations becomes a summary of what was found there.

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
use crate::run::{Run, Summary};

/// The function.
pub struct StockAuditor<B, O, C, R, L, P> {
    /// What looks.
    pub audit: StockAudit<B, O, C>,
    /// Where what is found is kept.
    pub records: R,
    /// Which locations there are.
    pub catalog: L,
    /// Who hears of it.
    pub operations: P,
}

/// Why a run did not begin, or could not tell what it found.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The event is of another shape.
    #[error("the event must be {{}} or {{\"locations\": [\"store-1\"]}}")]
    Malformed(#[from] serde_json::Error),
    /// The event asks for what may not be asked for.
    #[error("the event breaks a rule")]
    Invalid(#[from] Invalid),
    /// A store or the topic did not answer.
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

impl<B, O, C, R, L, P> StockAuditor<B, O, C, R, L, P>
where
    B: AuditData,
    O: OpenOrders,
    C: Clock,
    R: AuditRecordStore,
    L: CatalogStore,
    P: OperationsTopic,
{
    /// Audits the locations that `event` asks for, before `context` ends.
    pub async fn handle(&self, event: Value, context: &Context) -> Result<Summary, AuditError> {
        let now = self.audit.clock.now();
        let ends_in = context
            .deadline
            .saturating_sub(now.as_millisecond().unsigned_abs());
        let deadline = Deadline::within(Duration::from_millis(ends_in));
        let result = self.run(event, deadline, &context.request_id).await;
        match &result {
            Ok(summary) => {
                tracing::info!(
                    locations = summary.locations,
                    levels = summary.levels,
                    unfinished = summary.unfinished.len(),
                    "audited"
                );
                count(Metric::StockDifferences, summary.confirmed);
                count(Metric::StockUndecided, summary.undecided);
                if summary.unfinished.is_empty() {
                    count(Metric::AuditsCompleted, 1);
                }
            }
            Err(error) => tracing::error!(error = %error_chain(error), "the audit failed"),
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
        let at = self.audit.clock.now();
        let run = Run {
            audit: &self.audit,
            records: &self.records,
            at,
            day: TimeZone::UTC.to_datetime(at).date(),
            deadline,
        };
        let summary = run.over(locations).await;
        if let Some(report) = summary.report() {
            let message = audit_message(report, at, request_id.to_owned());
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
