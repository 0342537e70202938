//! What a caller sends to change stock outside an order.

mod effect;
mod moved;
mod sightings;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{DAMAGE, LevelError, LevelKey, MAX_QUANTITY};
use crate::millis;
use crate::told_time;

pub use moved::{may_have_happened_after, moved_after};
pub use sightings::Sightings;

/// The most changes in one request.
pub const MAX_CHANGES: usize = 100;

/// Times are told in whole milliseconds.
const JUST_BEFORE: SignedDuration = SignedDuration::from_millis(1);

/// The body of `POST /v1/stock/changes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockChanges {
    /// What to change, one after another.
    pub changes: Vec<StockChange>,
}

/// Why a person corrects a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentReason {
    /// Broken or spoilt.
    Damage,
    /// Stolen.
    Theft,
    /// Found again.
    Found,
    /// A mistake put right.
    Correction,
    /// None of these.
    Other,
}

impl AdjustmentReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Damage => DAMAGE,
            Self::Theft => "theft",
            Self::Found => "found",
            Self::Correction => "correction",
            Self::Other => "other",
        }
    }
}

/// What goods are fit for, or where they are on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockState {
    /// There, and fit for sale.
    #[default]
    Sellable,
    /// There, and unfit for sale.
    Damaged,
    /// There, and kept back.
    OnHold,
    /// On their way here from another location.
    InTransit,
}

impl StockState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sellable => "sellable",
            // The reason of an adjustment for the same cause: either may leave a level short.
            Self::Damaged => DAMAGE,
            Self::OnHold => "on_hold",
            Self::InTransit => "in_transit",
        }
    }
}

/// One change of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum StockChange {
    /// What is there, seen at `counted_at`.
    Count {
        /// Where.
        location_id: LocationId,
        /// Of what.
        sku: Sku,
        /// How much is there, 0 to 1,000,000.
        quantity: i64,
        /// When it was seen.
        counted_at: Timestamp,
        /// Refuse unless the level still has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// A correction, up or down.
    Adjustment {
        /// Where.
        location_id: LocationId,
        /// Of what.
        sku: Sku,
        /// By how much, not 0.
        delta: i64,
        /// Why.
        reason: AdjustmentReason,
        /// Of which goods; of those fit for sale, if absent.
        #[serde(default)]
        state: StockState,
        /// When it happened; now, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Refuse unless the level still has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods came in.
    Receipt {
        /// Where.
        location_id: LocationId,
        /// Of what.
        sku: Sku,
        /// How much.
        quantity: i64,
        /// The delivery note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// When it happened; now, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Refuse unless the level still has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods left for another location; they are in transit until they arrive there.
    Transfer {
        /// Where from.
        from_location_id: LocationId,
        /// Where to.
        to_location_id: LocationId,
        /// Of what.
        sku: Sku,
        /// How much.
        quantity: i64,
        /// The transfer note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// When it happened; now, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Refuse unless the level that the goods leave still has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods in transit arrived, all of them or a part.
    Arrival {
        /// Where.
        location_id: LocationId,
        /// Of what.
        sku: Sku,
        /// How much.
        quantity: i64,
        /// The transfer note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// When it happened; now, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Refuse unless the level still has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods became fit or unfit for sale where they are.
    StateChange {
        /// Where.
        location_id: LocationId,
        /// Of what.
        sku: Sku,
        /// How much.
        quantity: i64,
        /// What they were.
        from: StockState,
        /// What they are now.
        to: StockState,
        /// Refuse unless the level still has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
}

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    /// The level moved on since the caller read it.
    #[error("the level is at version {actual}, not {expected}")]
    VersionMismatch {
        /// What the caller expected.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// A later count is known.
    #[error("a count made later, at {counted_at}, is known")]
    OutdatedCount {
        /// When the later count was made.
        counted_at: Timestamp,
    },
    /// More has left since the count than it found.
    #[error("{quantity} were counted, but {left} have left since")]
    CountContradicted {
        /// What was counted.
        quantity: i64,
        /// What has left since.
        left: i64,
    },
    /// The level cannot be changed so.
    #[error(transparent)]
    Level(#[from] LevelError),
}

impl StockChanges {
    /// Whether the changes meet the rules at `now`; every field that breaks one, if not.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        checks.require(
            (1..=MAX_CHANGES).contains(&self.changes.len()),
            "/changes",
            format!("must hold 1 to {MAX_CHANGES} changes"),
        );
        for (index, change) in self.changes.iter().enumerate() {
            change.check(&format!("/changes/{index}"), now, &mut checks);
        }
        checks.finish(())
    }

    /// The changes of a request that first came at `came_at`: what they say of time is as of then, however often the request
    /// is sent. What happened at no time that is told happened then, and a clock that was ahead counts as then: before a count
    /// that comes after it in the request, of which the same holds.
    pub fn as_of(&self, came_at: Timestamp) -> Vec<StockChange> {
        let changes = self.changes.iter().cloned();
        let mut changes: Vec<_> = changes.map(|change| change.told_at(came_at)).collect();
        let mut counted_then = BTreeSet::new();
        for change in changes.iter_mut().rev() {
            if let StockChange::Count { counted_at, .. } = change {
                if *counted_at == came_at {
                    counted_then.extend(change.keys());
                }
            } else if change.keys().iter().any(|key| counted_then.contains(key))
                && let Some(time) = change.occurred_at_mut()
                && *time == Some(came_at)
            {
                *time = came_at.saturating_sub(JUST_BEFORE).ok();
            }
        }
        changes
    }
}

impl StockChange {
    fn told_at(mut self, came_at: Timestamp) -> Self {
        match &mut self {
            Self::Count { counted_at, .. } => {
                *counted_at = told_time::taken(Some(*counted_at), came_at);
            }
            _ => {
                if let Some(occurred_at) = self.occurred_at_mut() {
                    *occurred_at = Some(told_time::taken(*occurred_at, came_at));
                }
            }
        }
        self
    }

    /// When it happened, as it is told; none of a count, nor of what moves no goods, so that no count can have seen it.
    fn occurred_at_mut(&mut self) -> Option<&mut Option<Timestamp>> {
        match self {
            Self::Adjustment { occurred_at, .. }
            | Self::Receipt { occurred_at, .. }
            | Self::Arrival { occurred_at, .. }
            | Self::Transfer { occurred_at, .. } => Some(occurred_at),
            Self::Count { .. } | Self::StateChange { .. } => None,
        }
    }

    fn check(&self, at: &str, now: Timestamp, checks: &mut Checks) {
        let mut within = |field: &str, value: i64, least: i64| {
            checks.require(
                (least..=MAX_QUANTITY).contains(&value),
                format!("{at}/{field}"),
                format!("must be {least} to {MAX_QUANTITY}"),
            );
        };
        match self {
            Self::Count { quantity, .. } => within("quantity", *quantity, 0),
            Self::Adjustment { delta, .. } => {
                within("delta", *delta, -MAX_QUANTITY);
                checks.require(*delta != 0, format!("{at}/delta"), "must not be 0");
            }
            Self::Receipt { quantity, .. }
            | Self::Arrival { quantity, .. }
            | Self::Transfer { quantity, .. }
            | Self::StateChange { quantity, .. } => within("quantity", *quantity, 1),
        }
        match self {
            Self::Transfer {
                from_location_id,
                to_location_id,
                ..
            } => checks.require(
                from_location_id != to_location_id,
                format!("{at}/to_location_id"),
                "must not be where the goods come from",
            ),
            Self::StateChange { from, to, .. } => {
                for (field, state) in [("from", from), ("to", to)] {
                    checks.require(
                        *state != StockState::InTransit,
                        format!("{at}/{field}"),
                        "must be sellable, damaged or on_hold: goods arrive by an arrival",
                    );
                }
                checks.require(from != to, format!("{at}/to"), "must be another state");
            }
            _ => {}
        }
        check_reference(self.reference(), at, checks);
        self.check_time(at, now, checks);
    }

    fn check_time(&self, at: &str, now: Timestamp, checks: &mut Checks) {
        let (field, time) = match self {
            Self::Count { counted_at, .. } => ("counted_at", Some(*counted_at)),
            _ => ("occurred_at", self.occurred_at()),
        };
        let Some(time) = time else { return };
        told_time::check(time, now, &format!("{at}/{field}"), checks);
    }

    /// Whether it is the same change whatever else happens to its levels: no count, and asked of no version.
    pub fn is_relative(&self) -> bool {
        !matches!(self, Self::Count { .. }) && self.expected_version().is_none()
    }

    fn reference(&self) -> Option<&str> {
        match self {
            Self::Receipt { reference, .. }
            | Self::Arrival { reference, .. }
            | Self::Transfer { reference, .. } => reference.as_deref(),
            Self::Count { .. } | Self::Adjustment { .. } | Self::StateChange { .. } => None,
        }
    }

    fn counted_at(&self) -> Option<Timestamp> {
        match self {
            Self::Count { counted_at, .. } => Some(millis::cut(*counted_at)),
            _ => None,
        }
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        let told = match self {
            Self::Count { counted_at, .. } => Some(*counted_at),
            Self::Adjustment { occurred_at, .. }
            | Self::Receipt { occurred_at, .. }
            | Self::Arrival { occurred_at, .. }
            | Self::Transfer { occurred_at, .. } => *occurred_at,
            Self::StateChange { .. } => None,
        };
        told.map(millis::cut)
    }

    /// The levels it changes: one, or for a transfer two, the source first.
    pub fn keys(&self) -> Vec<LevelKey> {
        let key = |location_id: &LocationId, sku: &Sku| LevelKey {
            location_id: location_id.clone(),
            sku: sku.clone(),
        };
        match self {
            Self::Count {
                location_id, sku, ..
            }
            | Self::Adjustment {
                location_id, sku, ..
            }
            | Self::Receipt {
                location_id, sku, ..
            }
            | Self::Arrival {
                location_id, sku, ..
            }
            | Self::StateChange {
                location_id, sku, ..
            } => vec![key(location_id, sku)],
            Self::Transfer {
                from_location_id,
                to_location_id,
                sku,
                ..
            } => vec![key(from_location_id, sku), key(to_location_id, sku)],
        }
    }
}

fn check_reference(reference: Option<&str>, at: &str, checks: &mut Checks) {
    if let Some(reference) = reference {
        checks.require(
            (1..=64).contains(&reference.len())
                && reference.bytes().all(|byte| byte.is_ascii_graphic()),
            format!("{at}/reference"),
            "must be 1 to 64 visible ASCII characters",
        );
    }
}

#[cfg(test)]
mod tests;
