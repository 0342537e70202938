//! The JSON form of a level.

use jiff::Timestamp;
use serde::Serialize;
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, ReorderPolicy};
use stockline_domain::millis;

/// A level with its derived fields `available` and `short`, without `last_change`, which only the ledger needs.
#[derive(Debug, Serialize)]
pub struct LevelView {
    location_id: LocationId,
    sku: Sku,
    on_hand: i64,
    allocated: i64,
    damaged: i64,
    on_hold: i64,
    in_transit: i64,
    available: i64,
    incoming: i64,
    version: u64,
    short: bool,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    counted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<ReorderPolicy>,
}

impl From<Level> for LevelView {
    fn from(level: Level) -> Self {
        Self {
            available: level.available(),
            short: level.is_short(),
            location_id: level.location_id,
            sku: level.sku,
            on_hand: level.on_hand,
            allocated: level.allocated,
            damaged: level.damaged,
            on_hold: level.on_hold,
            in_transit: level.in_transit,
            incoming: level.incoming,
            version: level.version,
            counted_at: level.counted_at,
            policy: level.policy,
        }
    }
}
