//! Handles one export event and returns a summary of the exported days.

use serde::Serialize;
use serde_json::Value;
use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::export::{ExportBucket, SalesReader};
use stockline_domain::export::ExportRequest;

use crate::error::ExportError;
use crate::export::{Export, ExportedDay};

/// The export function.
pub struct SalesExport<Sales, Catalog, Bucket, Time> {
    /// Exports the days.
    pub export: Export<Sales, Catalog, Bucket>,
    /// Decides which days are closed.
    pub clock: Time,
}

/// The response of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// One entry per group and day, in the order of export.
    pub exports: Vec<ExportedDay>,
}

impl<Sales: SalesReader, Catalog: CatalogStore, Bucket: ExportBucket, Time: Clock>
    SalesExport<Sales, Catalog, Bucket, Time>
{
    /// Exports the days that `event` requests.
    ///
    /// # Errors
    /// [`ExportError`] if the event is invalid or a day failed.
    pub async fn handle(&self, event: Value) -> Result<Summary, ExportError> {
        let now = self.clock.now();
        let result = async {
            let request: ExportRequest = serde_json::from_value(event)?;
            let days = request.check(now).map_err(ExportError::Invalid)?;
            self.export.run(&days, now).await
        }
        .await;
        match &result {
            Ok(exports) => {
                tracing::info!(exports = exports.len(), "export finished");
                count(Metric::ExportRows, exports.iter().map(|day| day.rows).sum());
                count(Metric::ExportsCompleted, 1);
            }
            Err(error) => tracing::error!(error = %error_chain(error), "export failed"),
        }
        Ok(Summary { exports: result? })
    }
}

#[cfg(test)]
mod tests;
