//! Tells the people of operations what only they can put right.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{LocationId, ReportId, Sku};

use crate::message::Envelope;
use crate::store_error::StoreError;
use crate::trace::Cause;

/// So many levels are named in one report; the records have them all.
pub const TOLD: usize = 10;

/// What a report's envelope says it is.
pub const STOCK_AUDIT: &str = "stock.audit";

/// The version of a report's data.
pub const STOCK_AUDIT_VERSION: u32 = 1;

/// What one run of the audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// How many locations were audited to their end.
    pub locations: u64,
    /// How many SKUs were looked at, each at one location.
    pub levels: u64,
    /// How many of them do not add up.
    pub confirmed: u64,
    /// How many moved, or waited for the ledger, as long as the run could wait.
    pub undecided: u64,
    /// The locations that the run did not come to the end of.
    pub unfinished: Vec<LocationId>,
    /// The first that do not add up, at most [`TOLD`].
    pub first: Vec<LevelFound>,
}

/// A level that does not add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelFound {
    /// Where.
    pub location_id: LocationId,
    /// Of what.
    pub sku: Sku,
    /// What contradicts itself, each in words.
    pub differences: Vec<String>,
}

/// A report as it travels.
pub type AuditMessage = Envelope<AuditReport>;

/// `report` of the run that began at `at`, ready to be sent.
pub fn audit_message(report: AuditReport, at: Timestamp, correlation_id: String) -> AuditMessage {
    Envelope {
        type_: STOCK_AUDIT.to_owned(),
        version: STOCK_AUDIT_VERSION,
        id: ReportId::derive(STOCK_AUDIT, &correlation_id).as_uuid(),
        occurred_at: at,
        correlation_id,
        traceparent: Cause::current().traceparent().cloned(),
        data: report,
    }
}

/// Tells the people of operations.
pub trait Operations: Send + Sync {
    /// Sends `message`.
    fn tell(&self, message: &AuditMessage) -> impl Future<Output = Result<(), StoreError>> + Send;
}
