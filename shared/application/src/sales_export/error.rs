//! Errors of an export. A failed export can be run again safely.

use stockline_domain::export::{NotReconciled, TooLarge, UnknownTimeZone};
use stockline_domain::ids::{OrderId, RefundId};

use crate::error_chain::error_chain;
use crate::ports::export::EncodeError;
use crate::store_error::StoreError;

/// The reasons for which an export fails.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A location's time zone is unknown, so its business dates cannot be computed.
    #[error(transparent)]
    UnknownTimeZone(#[from] UnknownTimeZone),
    /// A row cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A total exceeds 64 bits.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The previous manifest cannot be parsed, so the next revision is unknown.
    #[error("the manifest {key} cannot be read")]
    Manifest {
        /// The key of the manifest.
        key: String,
        /// The parse error.
        source: serde_json::Error,
    },
    /// A refund has no order, so its row would be incomplete.
    #[error("order {order_id} of refund {refund_id} does not exist")]
    OrderMissing {
        /// The refund.
        refund_id: RefundId,
        /// Its order.
        order_id: OrderId,
    },
    /// The rows do not sum to what was read.
    #[error(transparent)]
    NotReconciled(#[from] NotReconciled),
    /// Some days failed; the others are exported.
    #[error("{} of {of} days failed ({}); first error: {}", .failed.len(), keys(.failed), first(.failed))]
    Partly {
        /// The days that failed, in the order of export.
        failed: Vec<FailedDay>,
        /// The number of days that were due.
        of: usize,
    },
}

/// A day that could not be exported. Its previous revision stays in force.
#[derive(Debug)]
pub struct FailedDay {
    /// The key of the manifest that was not written.
    pub manifest: String,
    /// The reason.
    pub error: ExportError,
}

fn keys(failed: &[FailedDay]) -> String {
    let keys: Vec<&str> = failed.iter().map(|day| day.manifest.as_str()).collect();
    keys.join(", ")
}

fn first(failed: &[FailedDay]) -> String {
    failed
        .first()
        .map_or_else(String::new, |day| error_chain(&day.error))
}
