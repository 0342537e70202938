//! Applies a requested change to its levels.

use jiff::Timestamp;

use super::on_hand_delta::may_have_occurred_since;
use super::order_receipt::OrderReceipt;
use super::{ChangeRefused, RequestedChange, StockState};
use crate::ids::{MovementId, RequestId};
use crate::level::{Level, LevelDelta, MovementKind, StateDeltas};
use crate::millis;
use crate::replenishment::ReplenishmentOrder;
use crate::reported_time;

/// What the effect of a change depends on, besides its levels.
#[derive(Debug, Clone, Copy)]
pub struct ChangeContext<'a> {
    /// The request. Movement ids are derived from it and from `index`.
    pub request: RequestId,
    /// The position of the change in the request, from 0.
    pub index: usize,
    /// When the request arrived.
    pub now: Timestamp,
    /// The sum of the `on_hand` movements of the first level since [`RequestedChange::depends_on_movements_since`], or 0 if
    /// that is `None`. See [`on_hand_delta_since`](super::on_hand_delta_since).
    pub moved_since: i64,
    /// What is stored under [`RequestedChange::replenishment_order_id`].
    pub replenishment_order: Option<&'a ReplenishmentOrder>,
}

/// A change of stock, with the replenishment order that it receives goods of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledChange {
    /// The levels after the change.
    pub levels: Vec<Level>,
    /// The order before and after the change. `None` if the change names no order.
    pub order: Option<(ReplenishmentOrder, ReplenishmentOrder)>,
}

/// The effect of a requested change on one level.
struct LevelEffect {
    kind: MovementKind,
    on_hand_delta: i64,
    states: StateDeltas,
}

impl RequestedChange {
    /// Returns the time since which the effect of this change depends on the movements of `level`. `None` if it does
    /// not depend on any.
    ///
    /// A count states the quantity on hand just before `counted_at`. Recorded movements that occurred at that time or
    /// later are added to it.
    pub fn depends_on_movements_since(&self, level: &Level) -> Option<Timestamp> {
        let counted_at = self.counted_at()?;
        let last = level.last_change.as_ref()?;
        may_have_occurred_since(last, counted_at).then_some(counted_at)
    }

    /// Applies this change to `levels`: the levels of [`Self::keys`], in the same order.
    ///
    /// # Errors
    /// [`ChangeRefused`] if the first level does not have the expected version, the replenishment order takes no such receipt,
    /// or any level refuses the change.
    pub fn apply(
        &self,
        levels: &[Level],
        context: &ChangeContext<'_>,
    ) -> Result<SettledChange, ChangeRefused> {
        let mut receipt = None;
        if let Some(first) = levels.first() {
            expect_version(self.expected_version(), first)?;
            receipt = self.receive_order(first, context)?;
        }
        let cause = format!("{}#{}", context.request, context.index);
        let occurred_at = reported_time::clamp_to_now(self.occurred_at(), context.now);
        let reference = self.reference().map(str::to_owned);
        let reference = reference.or_else(|| receipt.as_ref().map(OrderReceipt::reference));
        let after = levels.iter().enumerate().map(|(position, level)| {
            let mut effect = self.effect(level, position, context.moved_since)?;
            if let Some(receipt) = &receipt {
                effect.states.incoming_delta = receipt.incoming_delta;
            }
            let mut next = level.after(LevelDelta {
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
                reference: reference.clone(),
                occurred_at,
                recorded_at: context.now,
            })?;
            if matches!(self, Self::Count { .. }) {
                next.counted_at = Some(occurred_at);
            }
            Ok(next)
        });
        Ok(SettledChange {
            levels: after.collect::<Result<_, ChangeRefused>>()?,
            order: receipt.map(|receipt| (receipt.before, receipt.after)),
        })
    }

    fn effect(
        &self,
        level: &Level,
        position: usize,
        moved_since: i64,
    ) -> Result<LevelEffect, ChangeRefused> {
        Ok(match self {
            Self::Count {
                quantity,
                counted_at,
                ..
            } => {
                let counted_at = millis::truncate(*counted_at);
                if let Some(later) = level.counted_at.filter(|last| *last > counted_at) {
                    return Err(ChangeRefused::OutdatedCount { counted_at: later });
                }
                let on_hand = quantity.saturating_add(moved_since);
                if on_hand < 0 {
                    return Err(ChangeRefused::CountContradicted {
                        quantity: *quantity,
                        left: -moved_since,
                    });
                }
                LevelEffect::on_hand(MovementKind::Count, on_hand - level.on_hand)
            }
            Self::Adjustment { delta, state, .. } => LevelEffect {
                kind: MovementKind::Adjustment,
                on_hand_delta: if *state == StockState::InTransit {
                    0
                } else {
                    *delta
                },
                states: in_state(*state, *delta),
            },
            Self::Receipt { quantity, .. } => {
                LevelEffect::on_hand(MovementKind::Receipt, *quantity)
            }
            Self::Transfer { quantity, .. } if position == 0 => {
                LevelEffect::on_hand(MovementKind::TransferOut, -quantity)
            }
            Self::Transfer { quantity, .. } => LevelEffect {
                kind: MovementKind::TransferIn,
                on_hand_delta: 0,
                states: in_state(StockState::InTransit, *quantity),
            },
            Self::Arrival { quantity, .. } => LevelEffect {
                kind: MovementKind::TransferIn,
                on_hand_delta: *quantity,
                states: in_state(StockState::InTransit, -quantity),
            },
            Self::StateChange {
                quantity, from, to, ..
            } => {
                let (removed, added) = (in_state(*from, -quantity), in_state(*to, *quantity));
                LevelEffect {
                    kind: MovementKind::StateChange,
                    on_hand_delta: 0,
                    states: StateDeltas {
                        damaged_delta: removed.damaged_delta + added.damaged_delta,
                        on_hold_delta: removed.on_hold_delta + added.on_hold_delta,
                        ..StateDeltas::default()
                    },
                }
            }
        })
    }

    /// Returns the version that the first level of [`Self::keys`] must have.
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

impl LevelEffect {
    fn on_hand(kind: MovementKind, on_hand_delta: i64) -> Self {
        Self {
            kind,
            on_hand_delta,
            states: StateDeltas::default(),
        }
    }
}

/// Returns the deltas of `quantity` goods in `state`. Sellable goods have none: they are not counted apart from
/// `on_hand`.
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
