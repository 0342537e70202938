//! What a caller sends to change stock outside an order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, MovementId, RequestId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{LastChange, Level, LevelError, LevelKey, MAX_QUANTITY, MovementKind};
use crate::place_order::CLOCK_TOLERANCE;

/// The most changes in one request.
pub const MAX_CHANGES: usize = 100;

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
            Self::Damage => "damage",
            Self::Theft => "theft",
            Self::Found => "found",
            Self::Correction => "correction",
            Self::Other => "other",
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
    },
    /// Goods went from one location to another.
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
    /// The level cannot be changed so.
    #[error(transparent)]
    Level(#[from] LevelError),
}

impl StockChanges {
    /// The changes, or every field that breaks a rule at `now`.
    pub fn check(self, now: Timestamp) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        checks.require(
            (1..=MAX_CHANGES).contains(&self.changes.len()),
            "/changes",
            format!("must hold 1 to {MAX_CHANGES} changes"),
        );
        for (index, change) in self.changes.iter().enumerate() {
            change.check(&format!("/changes/{index}"), now, &mut checks);
        }
        checks.finish(self)
    }
}

impl StockChange {
    fn check(&self, at: &str, now: Timestamp, checks: &mut Checks) {
        let mut within = |field: &str, value: i64, least: i64| {
            checks.require(
                (least..=MAX_QUANTITY).contains(&value),
                format!("{at}/{field}"),
                format!("must be {least} to {MAX_QUANTITY}"),
            );
        };
        match self {
            Self::Count {
                quantity,
                counted_at,
                ..
            } => {
                within("quantity", *quantity, 0);
                checks.require(
                    *counted_at <= now.saturating_add(CLOCK_TOLERANCE).unwrap_or(now),
                    format!("{at}/counted_at"),
                    "must not be more than 5 minutes ahead",
                );
            }
            Self::Adjustment { delta, .. } => {
                within("delta", *delta, -MAX_QUANTITY);
                checks.require(*delta != 0, format!("{at}/delta"), "must not be 0");
            }
            Self::Receipt {
                quantity,
                reference,
                ..
            } => {
                within("quantity", *quantity, 1);
                check_reference(reference.as_deref(), at, checks);
            }
            Self::Transfer {
                from_location_id,
                to_location_id,
                quantity,
                reference,
                ..
            } => {
                within("quantity", *quantity, 1);
                checks.require(
                    from_location_id != to_location_id,
                    format!("{at}/to_location_id"),
                    "must not be where the goods come from",
                );
                check_reference(reference.as_deref(), at, checks);
            }
        }
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
            } => vec![key(location_id, sku)],
            Self::Transfer {
                from_location_id,
                to_location_id,
                sku,
                ..
            } => vec![key(from_location_id, sku), key(to_location_id, sku)],
        }
    }

    /// The levels after this change, given the levels of [`Self::keys`] in the same order.
    ///
    /// # Errors
    /// [`ChangeRefused`] when a rule forbids it; nothing then changes anywhere.
    pub fn apply(
        &self,
        levels: &[Level],
        request: RequestId,
        index: usize,
        now: Timestamp,
    ) -> Result<Vec<Level>, ChangeRefused> {
        let cause = format!("{request}#{index}");
        levels
            .iter()
            .enumerate()
            .map(|(place, level)| {
                let (kind, on_hand_delta) = self.effect(level, place)?;
                let mut next = level.after(LastChange {
                    movement_id: MovementId::derive(
                        &cause,
                        kind.as_str(),
                        &level.location_id,
                        &level.sku,
                    ),
                    kind,
                    on_hand_delta,
                    allocated_delta: 0,
                    reason: self.reason(),
                    reference: self.reference(),
                    occurred_at: self.occurred_at().unwrap_or(now),
                    recorded_at: now,
                })?;
                if let Self::Count { counted_at, .. } = self {
                    next.counted_at = Some(*counted_at);
                }
                Ok(next)
            })
            .collect()
    }

    fn effect(&self, level: &Level, place: usize) -> Result<(MovementKind, i64), ChangeRefused> {
        match self {
            Self::Count {
                quantity,
                counted_at,
                expected_version,
                ..
            } => {
                expect_version(*expected_version, level)?;
                if let Some(later) = level.counted_at.filter(|last| last > counted_at) {
                    return Err(ChangeRefused::OutdatedCount { counted_at: later });
                }
                Ok((MovementKind::Count, quantity - level.on_hand))
            }
            Self::Adjustment {
                delta,
                expected_version,
                ..
            } => {
                expect_version(*expected_version, level)?;
                Ok((MovementKind::Adjustment, *delta))
            }
            Self::Receipt { quantity, .. } => Ok((MovementKind::Receipt, *quantity)),
            Self::Transfer { quantity, .. } if place == 0 => {
                Ok((MovementKind::TransferOut, -quantity))
            }
            Self::Transfer { quantity, .. } => Ok((MovementKind::TransferIn, *quantity)),
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Adjustment { reason, .. } => Some(reason.as_str().to_owned()),
            _ => None,
        }
    }

    fn reference(&self) -> Option<String> {
        match self {
            Self::Receipt { reference, .. } | Self::Transfer { reference, .. } => reference.clone(),
            _ => None,
        }
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        match self {
            Self::Count { counted_at, .. } => Some(*counted_at),
            _ => None,
        }
    }
}

fn expect_version(expected: Option<u64>, level: &Level) -> Result<(), ChangeRefused> {
    match expected {
        Some(expected) if expected != level.version => Err(ChangeRefused::VersionMismatch {
            expected,
            actual: level.version,
        }),
        _ => Ok(()),
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
