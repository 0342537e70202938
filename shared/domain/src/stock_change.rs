//! What a caller sends to change stock outside an order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, MovementId, RequestId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{DAMAGE, LastChange, Level, LevelError, LevelKey, MAX_QUANTITY, MovementKind};
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
            Self::Damage => DAMAGE,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: &str = "2026-03-01T12:00:00Z";

    fn change(mut change: Value) -> StockChange {
        let fields = change.as_object_mut().unwrap();
        fields.insert("sku".to_owned(), json!("milk"));
        if !fields.contains_key("from_location_id") {
            fields.insert("location_id".to_owned(), json!("store-1"));
        }
        serde_json::from_value(change).unwrap()
    }

    fn level(location: &str, on_hand: i64, allocated: i64) -> Level {
        Level {
            on_hand,
            allocated,
            version: 7,
            ..Level::empty(&LevelKey {
                location_id: location.parse().unwrap(),
                sku: "milk".parse().unwrap(),
            })
        }
    }

    fn apply(change: &StockChange, levels: &[Level]) -> Result<Vec<Level>, ChangeRefused> {
        let request = RequestId::derive("till", "1");
        change.apply(levels, request, 0, NOW.parse().unwrap())
    }

    #[test]
    fn a_count_says_what_is_there_and_the_movement_is_the_difference() {
        let count = change(json!({"kind": "count", "quantity": 4, "counted_at": NOW}));
        let after = apply(&count, &[level("store-1", 10, 0)]).unwrap().remove(0);
        assert_eq!((after.on_hand, after.version), (4, 8));
        assert_eq!(after.counted_at, Some(NOW.parse().unwrap()));
        assert_eq!(after.last_change.unwrap().on_hand_delta, -6);
    }

    #[test]
    fn a_count_made_before_the_last_one_is_refused() {
        let late =
            change(json!({"kind": "count", "quantity": 4, "counted_at": "2026-03-01T11:00:00Z"}));
        let counted = Level {
            counted_at: Some(NOW.parse().unwrap()),
            ..level("store-1", 10, 0)
        };
        let refused = apply(&late, &[counted]).unwrap_err();
        assert!(matches!(refused, ChangeRefused::OutdatedCount { .. }));
    }

    #[test]
    fn a_level_that_moved_on_since_the_caller_read_it_is_left_alone() {
        let stale = change(
            json!({"kind": "adjustment", "delta": 1, "reason": "found", "expected_version": 6}),
        );
        let refused = apply(&stale, &[level("store-1", 10, 0)]);
        assert_eq!(
            refused,
            Err(ChangeRefused::VersionMismatch {
                expected: 6,
                actual: 7
            })
        );
    }

    #[test]
    fn broken_goods_may_leave_a_level_short_and_lost_ones_may_not() {
        let levels = [level("store-1", 5, 4)];
        let broken = change(json!({"kind": "adjustment", "delta": -3, "reason": "damage"}));
        assert!(apply(&broken, &levels).unwrap()[0].is_short());
        let stolen = change(json!({"kind": "adjustment", "delta": -3, "reason": "theft"}));
        let refused = apply(&stolen, &levels);
        assert_eq!(
            refused,
            Err(LevelError::NotAvailable { available: 1 }.into())
        );
    }

    #[test]
    fn a_transfer_takes_here_what_it_brings_there_as_two_movements_of_one_reference() {
        let transfer = change(
            json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2",
            "quantity": 3, "reference": "T-1"}),
        );
        let keys: Vec<_> = transfer
            .keys()
            .into_iter()
            .map(|key| key.location_id)
            .collect();
        assert_eq!(
            keys,
            ["store-1".parse().unwrap(), "store-2".parse().unwrap()]
        );
        let after = apply(&transfer, &[level("store-1", 5, 0), level("store-2", 1, 0)]).unwrap();
        assert_eq!((after[0].on_hand, after[1].on_hand), (2, 4));
        let movements: Vec<_> = after
            .into_iter()
            .filter_map(|level| level.last_change)
            .collect();
        assert_ne!(movements[0].movement_id, movements[1].movement_id);
        assert_eq!(movements[0].reference, movements[1].reference);
    }

    #[test]
    fn a_transfer_of_what_is_promised_is_refused() {
        let transfer = change(
            json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2",
            "quantity": 3}),
        );
        let refused = apply(&transfer, &[level("store-1", 5, 4), level("store-2", 1, 0)]);
        assert_eq!(
            refused,
            Err(LevelError::NotAvailable { available: 1 }.into())
        );
    }

    #[test]
    fn the_same_change_of_the_same_request_is_the_same_movement() {
        let receipt = change(json!({"kind": "receipt", "quantity": 3}));
        let movement = |level: Level| {
            apply(&receipt, &[level]).unwrap()[0]
                .last_change
                .clone()
                .unwrap()
                .movement_id
        };
        assert_eq!(
            movement(level("store-1", 5, 0)),
            movement(level("store-1", 9, 0))
        );
    }

    #[test]
    fn every_broken_field_is_named_at_once() {
        let changes = StockChanges {
            changes: vec![
                change(
                    json!({"kind": "count", "quantity": -1, "counted_at": "2026-03-01T12:06:00Z"}),
                ),
                change(json!({"kind": "adjustment", "delta": 0, "reason": "other"})),
                change(json!({"kind": "receipt", "quantity": 0, "reference": "two words"})),
                change(
                    json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-1",
                    "quantity": 1_000_001}),
                ),
            ],
        };
        let broken = changes.check(NOW.parse().unwrap()).unwrap_err();
        let pointers: Vec<_> = broken
            .errors
            .into_iter()
            .map(|error| error.pointer)
            .collect();
        assert_eq!(
            pointers,
            [
                "/changes/0/quantity",
                "/changes/0/counted_at",
                "/changes/1/delta",
                "/changes/2/quantity",
                "/changes/2/reference",
                "/changes/3/quantity",
                "/changes/3/to_location_id",
            ]
        );
    }

    #[test]
    fn a_request_holds_one_to_a_hundred_changes() {
        let now = NOW.parse().unwrap();
        let receipt = change(json!({"kind": "receipt", "quantity": 1}));
        for (count, taken) in [
            (0, false),
            (1, true),
            (MAX_CHANGES, true),
            (MAX_CHANGES + 1, false),
        ] {
            let changes = StockChanges {
                changes: vec![receipt.clone(); count],
            };
            assert_eq!(changes.check(now).is_ok(), taken, "{count} changes");
        }
    }
}
