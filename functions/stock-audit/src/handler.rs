//! Handles one audit event: decodes it, runs the audit, returns the summary.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic};
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::error_chain::error_chain;
use stockline_application::ports::audit_data::{AuditData, AuditRecordStore};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::operations::OperationsTopic;
use stockline_application::ports::orders::OpenOrders;
use stockline_application::stock_audit::{AuditRun, AuditSummary, NightlyAudit};
use stockline_application::store_error::StoreError;
use stockline_domain::invalid::Invalid;

use crate::request::AuditRequest;

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

/// Audits the locations that `event` requests, within the deadline of `context`. Logs one line when the run is complete; the
/// runtime logs the error of a failed run.
///
/// # Errors
/// [`AuditError`] if the event is invalid, the locations cannot be listed or the report cannot be published.
pub async fn handle<Stock, Orders, Time, Records, Catalog, Topic>(
    audit: &NightlyAudit<Stock, Orders, Time, Records, Catalog, Topic>,
    event: Value,
    context: &Context,
) -> Result<AuditSummary, AuditError>
where
    Stock: AuditData,
    Orders: OpenOrders,
    Time: Clock,
    Records: AuditRecordStore,
    Catalog: CatalogStore,
    Topic: OperationsTopic,
{
    let started = Instant::now();
    let result = match decode(event, context, audit.audit.clock.now()) {
        Ok(run) => audit.run(run).await.map_err(AuditError::from),
        Err(error) => Err(error),
    };
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    if let Ok(summary) = &result {
        let is_complete = summary.unfinished.is_empty();
        tracing::info!(
            outcome = if is_complete {
                "succeeded"
            } else {
                "partly_failed"
            },
            duration_ms,
            locations = summary.locations,
            levels = summary.levels,
            confirmed = summary.confirmed,
            undecided = summary.undecided,
            unfinished = summary.unfinished.len(),
            "audit completed"
        );
    } else {
        tracing::info!(outcome = "failed", duration_ms, "audit completed");
    }
    result
}

/// The run that `event` requests.
fn decode(event: Value, context: &Context, now: Timestamp) -> Result<AuditRun<'_>, AuditError> {
    let request: AuditRequest = serde_json::from_value(event)?;
    let now_ms = now.as_millisecond().unsigned_abs();
    let remaining = Duration::from_millis(context.deadline.saturating_sub(now_ms));
    Ok(AuditRun {
        locations: request.check()?,
        id: &context.request_id,
        deadline: Deadline::within(remaining),
    })
}

#[cfg(test)]
mod tests;
