//! Handles one scheduled event: sweeps every zone once.

use std::time::Instant;

use lambda_runtime::Diagnostic;
use stockline_application::error_chain::error_chain;
use stockline_application::lease_sweep::{LeaseSweeper, SweepResult};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::tasks::{ControllerStore, TaskQueue, TaskStore};
use stockline_application::store_error::StoreError;

/// Why a sweep failed. The next sweep covers what this one missed.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The zones could not be listed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Zones could not be swept completely. The log has the error of each.
    #[error("{0} zones could not be swept")]
    FailedZones(u32),
}

impl From<SweepError> for Diagnostic {
    fn from(error: SweepError) -> Self {
        Self {
            error_type: "SweepFailed".to_owned(),
            error_message: error_chain(&error),
        }
    }
}

/// Sweeps every zone once. Logs one line when the sweep is complete; the runtime logs the error of a failed sweep.
pub async fn handle<Tasks, Catalog, Queue, Time>(
    sweeper: &LeaseSweeper<Tasks, Catalog, Queue, Time>,
) -> Result<SweepResult, SweepError>
where
    Tasks: TaskStore + ControllerStore,
    Catalog: CatalogStore,
    Queue: TaskQueue,
    Time: Clock,
{
    let started = Instant::now();
    let result = sweeper.sweep().await;
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    let Ok(swept) = result else {
        tracing::info!(outcome = "failed", duration_ms, "sweep completed");
        return Ok(result?);
    };
    let SweepResult {
        queued,
        canceled,
        dead_lettered,
        failed_zones,
    } = swept;
    tracing::info!(
        outcome = if failed_zones == 0 {
            "succeeded"
        } else {
            "partly_failed"
        },
        duration_ms,
        queued,
        canceled,
        dead_lettered,
        failed_zones,
        "sweep completed"
    );
    match failed_zones {
        0 => Ok(swept),
        zones => Err(SweepError::FailedZones(zones)),
    }
}

#[cfg(test)]
mod tests;
