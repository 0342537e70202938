//! Stock changes outside an order, as `POST /v1/stock/changes` requests them.
//!
//! A [`RequestedChange`] is what a caller wants. Applied to a level it becomes a
//! [`LevelDelta`](crate::level::LevelDelta), which is recorded as a [`Movement`](crate::level::Movement).

mod effect;
mod observations;
mod on_hand_delta;
mod order_receipt;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, ReplenishmentOrderId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{DAMAGE, LevelError, LevelKey, MAX_QUANTITY};
use crate::millis;
use crate::replenishment::ReceiptRefused;
use crate::reported_time;

pub use effect::{ChangeContext, SettledChange};
pub use observations::MovementObservations;
pub use on_hand_delta::{may_have_occurred_since, on_hand_delta_since};

/// Maximum number of changes in one request.
pub const MAX_CHANGES: usize = 100;

/// The smallest difference between two times. Times have millisecond precision.
const TIME_RESOLUTION: SignedDuration = SignedDuration::from_millis(1);

/// The body of `POST /v1/stock/changes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockChanges {
    /// 1 to 100 changes, applied in this order.
    pub changes: Vec<RequestedChange>,
}

/// Why a person corrects a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentReason {
    /// Broken or spoilt.
    Damage,
    /// Stolen.
    Theft,
    /// Lost goods were found.
    Found,
    /// A recording mistake is corrected.
    Correction,
    /// Any other reason.
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

/// The state of stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockState {
    /// On hand and fit for sale.
    #[default]
    Sellable,
    /// On hand and unfit for sale.
    Damaged,
    /// On hand and held back from sale.
    OnHold,
    /// On the way to this location from another one.
    InTransit,
}

impl StockState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sellable => "sellable",
            // The same reason as an adjustment for damage: both may leave a level short.
            Self::Damaged => DAMAGE,
            Self::OnHold => "on_hold",
            Self::InTransit => "in_transit",
        }
    }
}

/// One change of stock, as a caller requests it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestedChange {
    /// The quantity on hand was counted.
    Count {
        /// The location whose level changes.
        location_id: LocationId,
        /// The SKU.
        sku: Sku,
        /// The counted quantity, 0 to 1,000,000.
        quantity: i64,
        /// When it was counted. Of two counts of a level, the later one stands.
        counted_at: Timestamp,
        /// Compare-and-set: the change is refused unless the level has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// A correction by a signed quantity.
    Adjustment {
        /// The location whose level changes.
        location_id: LocationId,
        /// The SKU.
        sku: Sku,
        /// The correction, -1,000,000 to 1,000,000 and not 0.
        delta: i64,
        /// Why the level is corrected.
        reason: AdjustmentReason,
        /// The state of the goods. Default `sellable`.
        #[serde(default)]
        state: StockState,
        /// When it happened. Defaults to the time the request was received.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Compare-and-set: the change is refused unless the level has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods were received.
    Receipt {
        /// The location whose level changes.
        location_id: LocationId,
        /// The SKU.
        sku: Sku,
        /// The quantity, 1 to 1,000,000.
        quantity: i64,
        /// The delivery note, 1 to 64 visible ASCII characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// The replenishment order that the goods belong to. It expects less by them, and is received once nothing is
        /// missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replenishment_order_id: Option<ReplenishmentOrderId>,
        /// When it happened. Defaults to the time the request was received.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Compare-and-set: the change is refused unless the level has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods left for another location. They are in transit there until an [`Self::Arrival`].
    Transfer {
        /// The location that the goods leave.
        from_location_id: LocationId,
        /// The location that the goods are sent to.
        to_location_id: LocationId,
        /// The SKU.
        sku: Sku,
        /// The quantity, 1 to 1,000,000.
        quantity: i64,
        /// The transfer note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// When it happened. Defaults to the time the request was received.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Compare-and-set: the change is refused unless the level that the goods leave has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods in transit arrived, completely or in part.
    Arrival {
        /// The location whose level changes.
        location_id: LocationId,
        /// The SKU.
        sku: Sku,
        /// The quantity, 1 to 1,000,000.
        quantity: i64,
        /// The transfer note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// The replenishment order that the transfer answers, as for [`Self::Receipt`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replenishment_order_id: Option<ReplenishmentOrderId>,
        /// When it happened. Defaults to the time the request was received.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurred_at: Option<Timestamp>,
        /// Compare-and-set: the change is refused unless the level has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
    /// Goods on hand became fit or unfit for sale.
    StateChange {
        /// The location whose level changes.
        location_id: LocationId,
        /// The SKU.
        sku: Sku,
        /// The quantity, 1 to 1,000,000.
        quantity: i64,
        /// Their state before, not `in_transit`.
        from: StockState,
        /// Their state after, not `in_transit`.
        to: StockState,
        /// Compare-and-set: the change is refused unless the level has this version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_version: Option<u64>,
    },
}

/// The reason why a requested change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ChangeRefused {
    /// The level does not have the version that the caller expects.
    #[error("the level is at version {actual}, not {expected}")]
    VersionMismatch {
        /// The version the caller expects.
        expected: u64,
        /// The level's version.
        actual: u64,
    },
    /// The level has a later count.
    #[error("a later count, made at {counted_at}, is recorded")]
    OutdatedCount {
        /// When the later count was made.
        counted_at: Timestamp,
    },
    /// More left after the count than it found.
    #[error("the count found {quantity}, but {left} have left since")]
    CountContradicted {
        /// The counted quantity.
        quantity: i64,
        /// The quantity that left after the count.
        left: i64,
    },
    /// The level refuses the change.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// The replenishment order takes no such receipt.
    #[error(transparent)]
    ReplenishmentOrder(#[from] ReceiptRefused),
}

impl StockChanges {
    /// Checks all fields of a request received at `now`.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        checks.require(
            (1..=MAX_CHANGES).contains(&self.changes.len()),
            "/changes",
            format!(
                "must hold 1 to {MAX_CHANGES} changes, got {}",
                self.changes.len()
            ),
        );
        for (index, change) in self.changes.iter().enumerate() {
            change.check(&format!("/changes/{index}"), now, &mut checks);
        }
        checks.finish(())
    }

    /// Returns whether any change writes stock off, which needs
    /// [`Action::WriteOffStock`](crate::caller::Action::WriteOffStock).
    pub fn has_write_off(&self) -> bool {
        self.changes.iter().any(RequestedChange::is_write_off)
    }

    /// Returns the changes with their times resolved against `received_at`, the time the request was first received. A
    /// replay of the request resolves to the same times.
    ///
    /// A missing time becomes `received_at`, and so does one that is ahead of it (a fast clock). A change that is
    /// followed by a count of the same level in the request happened before that count: if both resolve to
    /// `received_at`, the change is dated one millisecond earlier.
    pub fn resolve_times(&self, received_at: Timestamp) -> Vec<RequestedChange> {
        let changes = self.changes.iter().cloned();
        let mut changes: Vec<_> = changes
            .map(|change| change.with_resolved_times(received_at))
            .collect();
        let mut counted_on_receipt = BTreeSet::new();
        for change in changes.iter_mut().rev() {
            if let RequestedChange::Count { counted_at, .. } = change {
                if *counted_at == received_at {
                    counted_on_receipt.extend(change.keys());
                }
            } else if change
                .keys()
                .iter()
                .any(|key| counted_on_receipt.contains(key))
                && let Some(time) = change.occurred_at_mut()
                && *time == Some(received_at)
            {
                *time = received_at.saturating_sub(TIME_RESOLUTION).ok();
            }
        }
        changes
    }
}

impl RequestedChange {
    /// Returns whether the change removes stock without a counted quantity, a sale or a document. A change of state is none:
    /// damaged goods stay on hand until they are adjusted.
    fn is_write_off(&self) -> bool {
        match self {
            Self::Adjustment { delta, reason, .. } => {
                *delta < 0 || *reason == AdjustmentReason::Damage
            }
            Self::Count { .. }
            | Self::Receipt { .. }
            | Self::Transfer { .. }
            | Self::Arrival { .. }
            | Self::StateChange { .. } => false,
        }
    }

    fn with_resolved_times(mut self, received_at: Timestamp) -> Self {
        match &mut self {
            Self::Count { counted_at, .. } => {
                *counted_at = reported_time::clamp_to_now(Some(*counted_at), received_at);
            }
            _ => {
                if let Some(occurred_at) = self.occurred_at_mut() {
                    *occurred_at = Some(reported_time::clamp_to_now(*occurred_at, received_at));
                }
            }
        }
        self
    }

    /// Returns the reported `occurred_at`. `None` for a count, which has `counted_at`, and for a change of state, which
    /// leaves `on_hand` unchanged, so its order relative to a count does not matter.
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
        let mut check_range = |field: &str, value: i64, minimum: i64| {
            checks.require(
                (minimum..=MAX_QUANTITY).contains(&value),
                format!("{at}/{field}"),
                format!("must be {minimum} to {MAX_QUANTITY}, got {value}"),
            );
        };
        match self {
            Self::Count { quantity, .. } => check_range("quantity", *quantity, 0),
            Self::Adjustment { delta, .. } => {
                check_range("delta", *delta, -MAX_QUANTITY);
                checks.require(*delta != 0, format!("{at}/delta"), "must not be 0");
            }
            Self::Receipt { quantity, .. }
            | Self::Arrival { quantity, .. }
            | Self::Transfer { quantity, .. }
            | Self::StateChange { quantity, .. } => check_range("quantity", *quantity, 1),
        }
        match self {
            Self::Transfer {
                from_location_id,
                to_location_id,
                ..
            } => checks.require(
                from_location_id != to_location_id,
                format!("{at}/to_location_id"),
                "must differ from from_location_id",
            ),
            Self::StateChange { from, to, .. } => {
                for (field, state) in [("from", from), ("to", to)] {
                    checks.require(
                        *state != StockState::InTransit,
                        format!("{at}/{field}"),
                        "must be sellable, damaged or on_hold: send an arrival for goods in transit",
                    );
                }
                checks.require(from != to, format!("{at}/to"), "must differ from from");
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
        reported_time::check(time, now, &format!("{at}/{field}"), checks);
    }

    /// Returns whether the delta of the change is independent of the level's quantities and version: it is no count and
    /// has no `expected_version`.
    pub fn is_relative(&self) -> bool {
        !matches!(self, Self::Count { .. }) && self.expected_version().is_none()
    }

    /// Returns the replenishment order that the change receives goods of.
    pub fn replenishment_order_id(&self) -> Option<ReplenishmentOrderId> {
        match self {
            Self::Receipt {
                replenishment_order_id,
                ..
            }
            | Self::Arrival {
                replenishment_order_id,
                ..
            } => *replenishment_order_id,
            _ => None,
        }
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
            Self::Count { counted_at, .. } => Some(millis::truncate(*counted_at)),
            _ => None,
        }
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        let reported = match self {
            Self::Count { counted_at, .. } => Some(*counted_at),
            Self::Adjustment { occurred_at, .. }
            | Self::Receipt { occurred_at, .. }
            | Self::Arrival { occurred_at, .. }
            | Self::Transfer { occurred_at, .. } => *occurred_at,
            Self::StateChange { .. } => None,
        };
        reported.map(millis::truncate)
    }

    /// Returns the levels that the change affects: one, or two for a transfer with the source first.
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
