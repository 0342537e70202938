//! Handles one export event and returns a summary of the exported days.

use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::Value;
use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::export::{DatasetEncoder, ExportBucket, SalesReader};
use stockline_application::sales_export::{ExportError, ExportedDay, SalesExport};
use stockline_domain::export::ExportRequest;
use stockline_domain::invalid::Invalid;

/// The export function.
pub struct ExportFunction<Sales, Catalog, Bucket, Encoder, Time> {
    /// Exports the days.
    pub export: SalesExport<Sales, Catalog, Bucket, Encoder>,
    /// Decides which days are closed.
    pub clock: Time,
}

/// The response of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// One entry per group and day, in the order of export.
    pub exports: Vec<ExportedDay>,
}

/// The reasons for which an invocation fails.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event cannot be parsed.
    #[error("the event must be {{}}, {{\"days\": 8}} or {{\"business_dates\": [\"2026-03-01\"]}}")]
    Malformed(#[from] serde_json::Error),
    /// A field of the event breaks a rule.
    #[error("invalid event: {}", field_errors(.0))]
    Invalid(Invalid),
    /// The export failed, or some of its parts.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl<
    Sales: SalesReader,
    Catalog: CatalogStore,
    Bucket: ExportBucket,
    Encoder: DatasetEncoder,
    Time: Clock,
> ExportFunction<Sales, Catalog, Bucket, Encoder, Time>
{
    /// Exports the days that `event` requests.
    ///
    /// # Errors
    /// [`HandlerError`] if the event is invalid or a part failed.
    pub async fn handle(&self, event: Value) -> Result<Summary, HandlerError> {
        let result = self.export(event).await;
        match &result {
            Ok(exports) => {
                tracing::info!(exports = exports.len(), "export finished");
                let rows = exports.iter().map(|day| day.sales_lines + day.refund_lines);
                count(Metric::ExportRows, rows.sum());
                count(Metric::ExportsCompleted, 1);
            }
            Err(error) => error.log(),
        }
        Ok(Summary { exports: result? })
    }

    async fn export(&self, event: Value) -> Result<Vec<ExportedDay>, HandlerError> {
        let now = self.clock.now();
        let request: ExportRequest = serde_json::from_value(event)?;
        let days = request.check(now).map_err(HandlerError::Invalid)?;
        Ok(self.export.run(&days, now).await?)
    }
}

impl HandlerError {
    /// Logs each cause once: the error of each failed part, or the error that ended the run.
    fn log(&self) {
        if let Self::Export(ExportError::Partly { failed, .. }) = self {
            for part in failed {
                let error = error_chain(&part.error);
                tracing::error!(part = part.name, error, "export of a part failed");
            }
        } else {
            tracing::error!(error = %error_chain(self), "export failed");
        }
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        let error_type = match error {
            HandlerError::Malformed(_) | HandlerError::Invalid(_) => "InvalidRequest",
            HandlerError::Export(_) => "ExportFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error_chain(&error),
        }
    }
}

fn field_errors(invalid: &Invalid) -> String {
    let fields: Vec<String> = invalid
        .errors
        .iter()
        .map(|error| format!("{} {}", error.pointer, error.detail))
        .collect();
    fields.join("; ")
}

#[cfg(test)]
mod tests;
