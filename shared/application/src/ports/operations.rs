//! Notifications to the operations team.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{LocationId, ReportId, Sku};

use crate::message::Envelope;
use crate::store_error::StoreError;
use crate::trace::Cause;

/// The most levels that one report names. The audit records have all of them.
pub const MAX_REPORTED_LEVELS: usize = 10;

/// The message type of an audit report.
pub const STOCK_AUDIT: &str = "stock.audit";

/// The version of an audit report.
pub const STOCK_AUDIT_VERSION: u32 = 1;

/// The result of one audit run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// The number of locations that were audited completely.
    pub locations: u64,
    /// The number of levels that were audited.
    pub levels: u64,
    /// The number of levels with confirmed differences.
    pub confirmed: u64,
    /// The number of levels that changed, or lacked movements, for as long as the run could wait.
    pub undecided: u64,
    /// The locations that were not audited completely.
    pub unfinished: Vec<LocationId>,
    /// The first levels with confirmed differences, at most [`MAX_REPORTED_LEVELS`].
    pub first: Vec<ReportedLevel>,
}

/// A level with confirmed differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedLevel {
    /// The location.
    pub location_id: LocationId,
    /// The SKU.
    pub sku: Sku,
    /// The differences, each as a sentence.
    pub differences: Vec<String>,
}

/// The message that carries an audit report.
pub type AuditMessage = Envelope<AuditReport>;

/// Wraps the report of the run that began at `at` in its envelope.
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

/// The topic that the operations team subscribes to.
pub trait OperationsTopic: Send + Sync {
    /// Publishes `message`.
    fn publish(
        &self,
        message: &AuditMessage,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
