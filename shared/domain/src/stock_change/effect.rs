//! What a change of stock does to its levels.

use jiff::Timestamp;

use super::moved::may_have_happened_after;
use super::{ChangeRefused, StockChange, StockState};
use crate::ids::{MovementId, RequestId};
use crate::level::{LastChange, Level, MovementKind, StateDeltas};
use crate::millis;
use crate::told_time;

/// What a change does to one level.
struct Effect {
    kind: MovementKind,
    on_hand_delta: i64,
    states: StateDeltas,
}

impl StockChange {
    /// From when on the movements of `level` decide what this change does; none where they do not matter.
    ///
    /// A count states what was there just before `counted_at`: what moved then or later, and is known already, comes on top.
    pub fn depends_on_movements_after(&self, level: &Level) -> Option<Timestamp> {
        let counted_at = self.counted_at()?;
        let last = level.last_change.as_ref()?;
        may_have_happened_after(last, counted_at).then_some(counted_at)
    }

    /// The levels after this change, given the levels of [`Self::keys`] in the same order, and by how much `on_hand` of
    /// the first moved after [`Self::depends_on_movements_after`] (0 where that is none).
    ///
    /// # Errors
    /// [`ChangeRefused`] when a rule forbids it; nothing then changes anywhere.
    pub fn apply(
        &self,
        levels: &[Level],
        moved_since: i64,
        request: RequestId,
        index: usize,
        now: Timestamp,
    ) -> Result<Vec<Level>, ChangeRefused> {
        let cause = format!("{request}#{index}");
        let occurred_at = told_time::taken(self.occurred_at(), now);
        levels
            .iter()
            .enumerate()
            .map(|(place, level)| {
                if place == 0 {
                    expect_version(self.expected_version(), level)?;
                }
                let effect = self.effect(level, place, moved_since)?;
                let mut next = level.after(LastChange {
                    movement_id: MovementId::derive(
                        &cause,
                        effect.kind.as_str(),
                        &level.location_id,
                        &level.sku,
                    ),
                    kind: effect.kind,
                    on_hand_delta: effect.on_hand_delta,
                    allocated_delta: 0,
                    states: effect.states,
                    reason: self.reason(),
                    reference: self.reference().map(str::to_owned),
                    occurred_at,
                    recorded_at: now,
                })?;
                if matches!(self, Self::Count { .. }) {
                    next.counted_at = Some(occurred_at);
                }
                Ok(next)
            })
            .collect()
    }

    fn effect(
        &self,
        level: &Level,
        place: usize,
        moved_since: i64,
    ) -> Result<Effect, ChangeRefused> {
        Ok(match self {
            Self::Count {
                quantity,
                counted_at,
                ..
            } => {
                let counted_at = millis::cut(*counted_at);
                if let Some(later) = level.counted_at.filter(|last| *last > counted_at) {
                    return Err(ChangeRefused::OutdatedCount { counted_at: later });
                }
                let there = quantity.saturating_add(moved_since);
                if there < 0 {
                    return Err(ChangeRefused::CountContradicted {
                        quantity: *quantity,
                        left: -moved_since,
                    });
                }
                Effect::of_goods(MovementKind::Count, there - level.on_hand)
            }
            Self::Adjustment { delta, state, .. } => Effect {
                kind: MovementKind::Adjustment,
                on_hand_delta: if *state == StockState::InTransit {
                    0
                } else {
                    *delta
                },
                states: in_state(*state, *delta),
            },
            Self::Receipt { quantity, .. } => Effect::of_goods(MovementKind::Receipt, *quantity),
            Self::Transfer { quantity, .. } if place == 0 => {
                Effect::of_goods(MovementKind::TransferOut, -quantity)
            }
            Self::Transfer { quantity, .. } => Effect {
                kind: MovementKind::TransferIn,
                on_hand_delta: 0,
                states: in_state(StockState::InTransit, *quantity),
            },
            Self::Arrival { quantity, .. } => Effect {
                kind: MovementKind::TransferIn,
                on_hand_delta: *quantity,
                states: in_state(StockState::InTransit, -quantity),
            },
            Self::StateChange {
                quantity, from, to, ..
            } => {
                let (left, joined) = (in_state(*from, -quantity), in_state(*to, *quantity));
                Effect {
                    kind: MovementKind::StateChange,
                    on_hand_delta: 0,
                    states: StateDeltas {
                        damaged_delta: left.damaged_delta + joined.damaged_delta,
                        on_hold_delta: left.on_hold_delta + joined.on_hold_delta,
                        ..StateDeltas::default()
                    },
                }
            }
        })
    }

    /// The version that the first of [`Self::keys`] must have.
    pub(super) fn expected_version(&self) -> Option<u64> {
        match self {
            Self::Count {
                expected_version, ..
            }
            | Self::Adjustment {
                expected_version, ..
            }
            | Self::Receipt {
                expected_version, ..
            }
            | Self::Transfer {
                expected_version, ..
            }
            | Self::Arrival {
                expected_version, ..
            }
            | Self::StateChange {
                expected_version, ..
            } => *expected_version,
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Adjustment { reason, .. } => Some(reason.as_str().to_owned()),
            Self::StateChange { to, .. } => Some(to.as_str().to_owned()),
            _ => None,
        }
    }
}

impl Effect {
    fn of_goods(kind: MovementKind, on_hand_delta: i64) -> Self {
        Self {
            kind,
            on_hand_delta,
            states: StateDeltas::default(),
        }
    }
}

fn in_state(state: StockState, quantity: i64) -> StateDeltas {
    let mut states = StateDeltas::default();
    match state {
        StockState::Sellable => {}
        StockState::Damaged => states.damaged_delta = quantity,
        StockState::OnHold => states.on_hold_delta = quantity,
        StockState::InTransit => states.in_transit_delta = quantity,
    }
    states
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
