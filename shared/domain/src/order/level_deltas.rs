//! The deltas that an order and the actions on it apply to levels.

use jiff::Timestamp;

use super::Order;
use crate::ids::{LocationId, MovementId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{LevelDelta, LevelKey, MovementKind, StateDeltas};
use crate::millis;
use crate::reported_time::{self, CLOCK_TOLERANCE};

/// The quantity of one SKU, summed over lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuQuantity {
    /// The stock keeping unit.
    pub sku: Sku,
    /// The sum over the lines.
    pub quantity: i64,
}

/// A delta and the level that it applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedDelta {
    /// The level.
    pub key: LevelKey,
    /// The delta.
    pub change: LevelDelta,
}

/// Sums `quantities` by SKU, because a transaction may contain an item only once. Keeps the order in which the SKUs
/// first appear, and skips quantities of 0.
pub(super) fn merged<'a>(quantities: impl Iterator<Item = (&'a Sku, i64)>) -> Vec<SkuQuantity> {
    let mut merged: Vec<SkuQuantity> = Vec::new();
    for (sku, quantity) in quantities.filter(|(_, quantity)| *quantity > 0) {
        match merged.iter_mut().find(|entry| entry.sku == *sku) {
            Some(entry) => entry.quantity += quantity,
            None => merged.push(SkuQuantity {
                sku: sku.clone(),
                quantity,
            }),
        }
    }
    merged
}

/// The fields that the deltas of one cause at one location have in common.
pub(super) struct DeltaTemplate<'a> {
    /// The id that movement ids are derived from: of the order, fulfilment or refund.
    pub cause: String,
    pub kind: MovementKind,
    pub location_id: &'a LocationId,
    pub order: &'a Order,
    pub reason: Option<String>,
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
}

impl DeltaTemplate<'_> {
    /// Returns the delta for the level of `entry`.
    pub fn delta_for(&self, entry: &SkuQuantity) -> LevelDelta {
        let quantity = entry.quantity;
        let (on_hand_delta, allocated_delta) = match self.kind {
            MovementKind::Sale => (-quantity, 0),
            MovementKind::Release => (0, -quantity),
            MovementKind::Fulfilment => (-quantity, -quantity),
            MovementKind::Return => (quantity, 0),
            _ => (0, quantity),
        };
        LevelDelta {
            movement_id: MovementId::derive(
                &self.cause,
                self.kind.as_str(),
                self.location_id,
                &entry.sku,
            ),
            kind: self.kind,
            on_hand_delta,
            allocated_delta,
            states: StateDeltas::default(),
            reason: self.reason.clone(),
            reference: Some(self.order.order_id.to_string()),
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
        }
    }

    /// Returns the deltas for the levels of `entries`.
    pub fn deltas_for(&self, entries: &[SkuQuantity]) -> Vec<KeyedDelta> {
        entries
            .iter()
            .map(|entry| KeyedDelta {
                key: LevelKey {
                    location_id: self.location_id.clone(),
                    sku: entry.sku.clone(),
                },
                change: self.delta_for(entry),
            })
            .collect()
    }
}

impl Order {
    /// Returns when the goods left the shelf or were allocated.
    fn effective_sold_at(&self) -> Timestamp {
        // A till's fast clock could date the sale after a count that already includes it: the goods would be subtracted
        // twice.
        millis::truncate(self.sold_at.min(self.placed_at))
    }

    /// Checks the `occurred_at` of a fulfilment or refund received at `now`: at most 7 days ago, and not before the
    /// order, with a tolerance of [`CLOCK_TOLERANCE`].
    pub(super) fn check_occurred_at(
        &self,
        occurred_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        if let Some(time) = occurred_at {
            reported_time::check(time, now, "/occurred_at", &mut checks);
            checks.require(
                time >= self
                    .effective_sold_at()
                    .saturating_sub(CLOCK_TOLERANCE)
                    .unwrap_or(time),
                "/occurred_at",
                "must not be before the goods were ordered",
            );
        }
        checks.finish(())
    }

    /// Returns when a fulfilment or refund received at `now` occurred, not before the order. A caller's slow clock
    /// would otherwise date it before a count that was made before the order, as if that count already included it.
    pub(super) fn occurred_at(&self, reported: Option<Timestamp>, now: Timestamp) -> Timestamp {
        reported_time::clamp_to_now(reported, now).max(self.effective_sold_at())
    }

    /// Returns the ordered quantities by SKU.
    pub(crate) fn quantities(&self) -> Vec<SkuQuantity> {
        merged(self.lines.iter().map(|line| (&line.sku, line.quantity)))
    }

    /// Returns the open quantities by SKU.
    fn open_quantities(&self) -> Vec<SkuQuantity> {
        merged(
            self.lines
                .iter()
                .map(|line| (&line.sku, line.open_quantity())),
        )
    }

    /// Returns the deltas of placing this order.
    pub fn placement_deltas(&self) -> Vec<KeyedDelta> {
        let placement = DeltaTemplate {
            cause: self.order_id.to_string(),
            kind: self.channel.placement_kind(),
            location_id: &self.location_id,
            order: self,
            reason: None,
            occurred_at: self.effective_sold_at(),
            recorded_at: self.placed_at,
        };
        placement.deltas_for(&self.quantities())
    }

    /// Returns the deltas of canceling this order at `at`, which release its open quantities. `reason` is the caller's.
    pub fn release_deltas(&self, reason: Option<&str>, at: Timestamp) -> Vec<KeyedDelta> {
        let release = DeltaTemplate {
            cause: self.order_id.to_string(),
            kind: MovementKind::Release,
            location_id: &self.location_id,
            order: self,
            reason: reason.map(str::to_owned),
            occurred_at: at,
            recorded_at: at,
        };
        release.deltas_for(&self.open_quantities())
    }
}
