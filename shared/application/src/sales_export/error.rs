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
    /// Some parts failed; the others are exported.
    #[error("{} of {of} parts failed ({}); first error: {}", .failed.len(), names(.failed), first(.failed))]
    Partly {
        /// The parts that failed.
        failed: Vec<FailedPart>,
        /// The number of parts that were due.
        of: usize,
    },
}

/// A part of the export that failed: a day, of which the previous revision stays in force, the catalog, or a location that is in
/// no group.
#[derive(Debug)]
pub struct FailedPart {
    /// The manifest of the day, the dataset, or the location.
    pub name: String,
    /// The reason.
    pub error: ExportError,
}

fn names(failed: &[FailedPart]) -> String {
    let names: Vec<&str> = failed.iter().map(|part| part.name.as_str()).collect();
    names.join(", ")
}

fn first(failed: &[FailedPart]) -> String {
    failed
        .first()
        .map_or_else(String::new, |part| error_chain(&part.error))
}
