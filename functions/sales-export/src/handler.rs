//! One invocation: a request for days becomes a summary of what was exported.

use serde::Serialize;
use serde_json::Value;
use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::export::{ExportBucket, SalesReader};
use stockline_domain::export::ExportRequest;

use crate::error::ExportError;
use crate::export::{Export, Exported};

/// The function.
pub struct SalesExport<S, C, B, K> {
    /// What exports.
    pub export: Export<S, C, B>,
    /// The time.
    pub clock: K,
}

/// What an invocation answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Each group and day, in the order they were exported.
    pub exports: Vec<Exported>,
}

impl<S: SalesReader, C: CatalogStore, B: ExportBucket, K: Clock> SalesExport<S, C, B, K> {
    /// Exports the days that `event` asks for.
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
                tracing::info!(exports = exports.len(), "exported");
                count(Metric::ExportRows, exports.iter().map(|day| day.rows).sum());
                count(Metric::ExportsCompleted, 1);
            }
            Err(error) => tracing::error!(error = %error_chain(error), "the export failed"),
        }
        Ok(Summary { exports: result? })
    }
}

#[cfg(test)]
mod tests;
