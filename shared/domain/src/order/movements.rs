//! What an order does to levels.

use jiff::Timestamp;

use super::Order;
use crate::ids::{LocationId, MovementId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::{LastChange, LevelKey, MovementKind, StateDeltas};
use crate::millis;
use crate::told_time::{self, CLOCK_TOLERANCE};

/// How much of a SKU moves at one location, all lines together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuQuantity {
    /// The stock keeping unit.
    pub sku: Sku,
    /// The sum over the lines.
    pub quantity: i64,
}

/// One change of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelChange {
    /// Which level.
    pub key: LevelKey,
    /// What is done to it.
    pub change: LastChange,
}

/// Quantities per SKU, those of one SKU merged, in the order of their first: a transaction may name an item only once.
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

/// What moves at one location, why, and when.
pub(super) struct Movement<'a> {
    /// What it is derived from: the order, or what was done to it.
    pub cause: String,
    pub kind: MovementKind,
    pub location_id: &'a LocationId,
    pub order: &'a Order,
    pub reason: Option<String>,
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
}

impl Movement<'_> {
    /// The change this makes to the level of `entry`.
    pub fn of(&self, entry: &SkuQuantity) -> LastChange {
        let quantity = entry.quantity;
        let (on_hand_delta, allocated_delta) = match self.kind {
            MovementKind::Sale => (-quantity, 0),
            MovementKind::Release => (0, -quantity),
            MovementKind::Fulfilment => (-quantity, -quantity),
            MovementKind::Return => (quantity, 0),
            _ => (0, quantity),
        };
        LastChange {
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

    /// The changes of the levels of `entries`.
    pub fn all(&self, entries: &[SkuQuantity]) -> Vec<LevelChange> {
        entries
            .iter()
            .map(|entry| LevelChange {
                key: LevelKey {
                    location_id: self.location_id.clone(),
                    sku: entry.sku.clone(),
                },
                change: self.of(entry),
            })
            .collect()
    }
}

impl Order {
    /// When its goods left the shelf, or were promised.
    fn taken_at(&self) -> Timestamp {
        // By a till's clock that is ahead, goods would leave a shelf after somebody counted what they had left.
        millis::cut(self.sold_at.min(self.placed_at))
    }

    /// That what is told at `now` to have left, or come back, may have done so at `occurred_at`.
    pub(super) fn check_occurred_at(
        &self,
        occurred_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        if let Some(time) = occurred_at {
            told_time::check(time, now, "/occurred_at", &mut checks);
            checks.require(
                time >= self
                    .taken_at()
                    .saturating_sub(CLOCK_TOLERANCE)
                    .unwrap_or(time),
                "/occurred_at",
                "must not be before the goods were ordered",
            );
        }
        checks.finish(())
    }

    /// When that happened which is told at `now`. By a clock that is behind, a count made before the goods were ordered
    /// would have seen them leave or come back.
    pub(super) fn occurred(&self, told: Option<Timestamp>, now: Timestamp) -> Timestamp {
        told_time::taken(told, now).max(self.taken_at())
    }

    /// Quantities per SKU as they were ordered.
    pub fn quantities(&self) -> Vec<SkuQuantity> {
        merged(self.lines.iter().map(|line| (&line.sku, line.quantity)))
    }

    /// Quantities per SKU that are still to leave.
    pub fn open_quantities(&self) -> Vec<SkuQuantity> {
        merged(
            self.lines
                .iter()
                .map(|line| (&line.sku, line.open_quantity())),
        )
    }

    /// The changes that placing this order makes.
    pub fn takes(&self) -> Vec<LevelChange> {
        self.placing().all(&self.quantities())
    }

    /// The change that placing this order makes to the level of `entry`.
    pub fn placing_change(&self, entry: &SkuQuantity) -> LastChange {
        self.placing().of(entry)
    }

    /// The changes that canceling what is open of this order at `at`, for the caller's `reason`, makes.
    pub fn releases(&self, reason: Option<&str>, at: Timestamp) -> Vec<LevelChange> {
        self.releasing(reason, at).all(&self.open_quantities())
    }

    /// The change that canceling this order at `at`, for the caller's `reason`, makes to the level of `entry`.
    pub fn releasing_change(
        &self,
        entry: &SkuQuantity,
        reason: Option<&str>,
        at: Timestamp,
    ) -> LastChange {
        self.releasing(reason, at).of(entry)
    }

    fn placing(&self) -> Movement<'_> {
        Movement {
            cause: self.order_id.to_string(),
            kind: self.channel.placing(),
            location_id: &self.location_id,
            order: self,
            reason: None,
            occurred_at: self.taken_at(),
            recorded_at: self.placed_at,
        }
    }

    fn releasing(&self, reason: Option<&str>, at: Timestamp) -> Movement<'_> {
        Movement {
            cause: self.order_id.to_string(),
            kind: MovementKind::Release,
            location_id: &self.location_id,
            order: self,
            reason: reason.map(str::to_owned),
            occurred_at: at,
            recorded_at: at,
        }
    }
}
