//! A level with its movements, built change by change for the audit tests.

use jiff::Timestamp;

use super::StoredLevel;
use crate::ids::{MovementId, OrderId};
use crate::level::{Level, LevelDelta, LevelKey, Movement, MovementKind, StateDeltas};

/// A level of SKU `milk` at `store-1` and the movements that led to it.
pub struct LevelFixture {
    pub level: Level,
    pub movements: Vec<Movement>,
}

pub fn order(key: &str) -> OrderId {
    OrderId::derive("till", key)
}

impl LevelFixture {
    /// A level at version 1: a receipt of 10.
    pub fn with_ten_received() -> Self {
        let level = Level::empty(&LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        });
        let movements = Vec::new();
        Self { level, movements }.change(MovementKind::Receipt, 10, 0)
    }

    /// Adds a change that refers to no order.
    pub fn change(self, kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> Self {
        self.apply(kind, on_hand_delta, allocated_delta, None)
    }

    pub fn allocate(self, order: OrderId, quantity: i64) -> Self {
        self.apply(MovementKind::Allocation, 0, quantity, Some(order))
    }

    pub fn release(self, order: OrderId, quantity: i64) -> Self {
        self.apply(MovementKind::Release, 0, -quantity, Some(order))
    }

    pub fn fulfil(self, order: OrderId, quantity: i64) -> Self {
        self.apply(MovementKind::Fulfilment, -quantity, -quantity, Some(order))
    }

    fn apply(
        mut self,
        kind: MovementKind,
        on_hand_delta: i64,
        allocated_delta: i64,
        order: Option<OrderId>,
    ) -> Self {
        let before = &self.level;
        let cause = format!("cause {}", before.version);
        let after = before.after(LevelDelta {
            movement_id: MovementId::derive(
                &cause,
                kind.as_str(),
                &before.location_id,
                &before.sku,
            ),
            kind,
            on_hand_delta,
            allocated_delta,
            states: StateDeltas::default(),
            reason: None,
            reference: order.map(|order| order.to_string()),
            occurred_at: Timestamp::UNIX_EPOCH,
            recorded_at: Timestamp::UNIX_EPOCH,
        });
        let after = after.unwrap();
        self.movements.extend(after.movement_since(Some(before)));
        self.level = after;
        self
    }

    pub fn stored(&self) -> StoredLevel {
        StoredLevel {
            level: self.level.clone(),
            available: Some(self.level.available()),
        }
    }
}
