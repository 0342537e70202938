//! Why an export failed. Running it again is always safe.

use arrow_schema::ArrowError;
use lambda_runtime::Diagnostic;
use parquet::errors::ParquetError;
use stockline_application::error_chain::error_chain;
use stockline_application::store_error::StoreError;
use stockline_domain::export::{TooLarge, UnknownTimeZone};
use stockline_domain::invalid::Invalid;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The event is of another shape.
    #[error("the event must be {{}}, {{\"days\": 8}} or {{\"business_dates\": [\"2026-03-01\"]}}")]
    Malformed(#[from] serde_json::Error),
    /// The event asks for what may not be asked for.
    #[error("the event breaks a rule: {}", every_field(.0))]
    Invalid(Invalid),
    /// A store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A location's day cannot be told.
    #[error(transparent)]
    UnknownTimeZone(#[from] UnknownTimeZone),
    /// An amount does not fit; it is refused, not cut.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A file could not be made.
    #[error("a Parquet file could not be made")]
    Parquet(#[from] ParquetError),
    /// Rows could not be made.
    #[error("rows could not be made")]
    Arrow(#[from] ArrowError),
    /// What the last export left cannot be read, so the next revision is not known.
    #[error("the manifest {key} cannot be read")]
    Manifest {
        /// Where it is.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Some days failed; the others are exported.
    #[error("{} of {of} days failed, {}: {}", .failed.len(), .failed.join(", "), error_chain(.first.as_ref()))]
    Partly {
        /// The manifests that were not written.
        failed: Vec<String>,
        /// How many were due.
        of: usize,
        /// Why the first of them failed.
        first: Box<ExportError>,
    },
}

fn every_field(invalid: &Invalid) -> String {
    let fields: Vec<String> = invalid
        .errors
        .iter()
        .map(|error| format!("{} {}", error.pointer, error.detail))
        .collect();
    fields.join("; ")
}

impl From<ExportError> for Diagnostic {
    fn from(error: ExportError) -> Self {
        let error_type = match error {
            ExportError::Malformed(_) | ExportError::Invalid(_) => "InvalidRequest",
            _ => "ExportFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error_chain(&error),
        }
    }
}
