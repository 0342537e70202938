//! Errors of an export. A failed export can be run again safely.

use arrow_schema::ArrowError;
use lambda_runtime::Diagnostic;
use parquet::errors::ParquetError;
use stockline_application::error_chain::error_chain;
use stockline_application::store_error::StoreError;
use stockline_domain::export::{TooLarge, UnknownTimeZone};
use stockline_domain::invalid::Invalid;

/// The reasons for which an export fails.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The event cannot be parsed.
    #[error("the event must be {{}}, {{\"days\": 8}} or {{\"business_dates\": [\"2026-03-01\"]}}")]
    Malformed(#[from] serde_json::Error),
    /// A field of the event breaks a rule.
    #[error("invalid event: {}", field_errors(.0))]
    Invalid(Invalid),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A location's time zone is unknown, so its business dates cannot be computed.
    #[error(transparent)]
    UnknownTimeZone(#[from] UnknownTimeZone),
    /// An amount exceeds DECIMAL(18,4). It is never truncated.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A Parquet file could not be encoded.
    #[error("Parquet encoding failed")]
    Parquet(#[from] ParquetError),
    /// An Arrow record batch could not be built.
    #[error("building an Arrow record batch failed")]
    Arrow(#[from] ArrowError),
    /// The previous manifest cannot be parsed, so the next revision is unknown.
    #[error("the manifest {key} cannot be read")]
    Manifest {
        /// The key of the manifest.
        key: String,
        /// The parse error.
        source: serde_json::Error,
    },
    /// Some days failed; the others are exported.
    #[error("{} of {of} days failed ({}); first error: {}", .failed.len(), .failed.join(", "), error_chain(.first.as_ref()))]
    Partly {
        /// The keys of the manifests that were not written.
        failed: Vec<String>,
        /// The number of days that were due.
        of: usize,
        /// The error of the first failed day.
        first: Box<ExportError>,
    },
}

fn field_errors(invalid: &Invalid) -> String {
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
