//! The message that asks for an order of a level that is due without a new alert.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{AlertId, LocationId, Sku};
use stockline_domain::level::{Level, LevelKey};

use crate::message::{Envelope, UnreadableMessage};
use crate::trace::Cause;

/// The message type of [`ReorderDue`].
pub const REORDER_DUE: &str = "stock.reorder_due";

/// The version of the message.
pub const REORDER_DUE_VERSION: u32 = 1;

/// The message that carries [`ReorderDue`].
pub type ReorderMessage = Envelope<ReorderDue>;

/// A level that needs an order and has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReorderDue {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The version of the level that is due.
    pub level_version: u64,
}

impl ReorderDue {
    /// The level.
    pub fn level_key(&self) -> LevelKey {
        LevelKey {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
        }
    }
}

/// Returns the message for `level`, which became due at `occurred_at`. Every message for one version has the same id.
///
/// `fallback_id` is its correlation id if the request that changed the level is not known.
pub fn reorder_message(
    level: &Level,
    occurred_at: Timestamp,
    fallback_id: String,
) -> ReorderMessage {
    let cause = Cause::current();
    let id = AlertId::derive(&level.location_id, &level.sku, level.version, "reorder_due");
    Envelope {
        type_: REORDER_DUE.to_owned(),
        version: REORDER_DUE_VERSION,
        id: id.as_uuid(),
        occurred_at,
        correlation_id: cause.correlation_id().map_or(fallback_id, str::to_owned),
        traceparent: cause.traceparent().cloned(),
        data: ReorderDue {
            location_id: level.location_id.clone(),
            sku: level.sku.clone(),
            level_version: level.version,
        },
    }
}

/// Parses the message.
///
/// # Errors
/// It is malformed, or of another type or version.
pub fn read_reorder(text: &str) -> Result<ReorderMessage, UnreadableMessage> {
    Envelope::read(text, REORDER_DUE, REORDER_DUE_VERSION)
}
