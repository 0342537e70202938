//! Milk as it goes on, for the stories of its books.

use jiff::Timestamp;

use super::StoredLevel;
use crate::ids::{MovementId, OrderId};
use crate::level::{LastChange, Level, LevelKey, Movement, MovementKind, StateDeltas};

/// A level after each of its movements.
pub struct Milk {
    pub level: Level,
    pub movements: Vec<Movement>,
}

pub fn order(key: &str) -> OrderId {
    OrderId::derive("till", key)
}

impl Milk {
    /// Ten received.
    pub fn ten() -> Self {
        let level = Level::empty(&LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        });
        let movements = Vec::new();
        Self { level, movements }.and(MovementKind::Receipt, 10, 0)
    }

    /// After this, which no order did.
    pub fn and(self, kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) -> Self {
        self.moves(kind, on_hand_delta, allocated_delta, None)
    }

    /// After `order` was promised so much of it.
    pub fn promised(self, order: OrderId, quantity: i64) -> Self {
        self.moves(MovementKind::Allocation, 0, quantity, Some(order))
    }

    /// After `order` gave so much of it back.
    pub fn released(self, order: OrderId, quantity: i64) -> Self {
        self.moves(MovementKind::Release, 0, -quantity, Some(order))
    }

    /// After so much of it left with `order`.
    pub fn left(self, order: OrderId, quantity: i64) -> Self {
        self.moves(MovementKind::Fulfilment, -quantity, -quantity, Some(order))
    }

    fn moves(
        mut self,
        kind: MovementKind,
        on_hand_delta: i64,
        allocated_delta: i64,
        order: Option<OrderId>,
    ) -> Self {
        let before = &self.level;
        let cause = format!("cause {}", before.version);
        let after = before.after(LastChange {
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

    /// The level as it is now.
    pub fn stored(&self) -> StoredLevel {
        StoredLevel {
            level: self.level.clone(),
            available: Some(self.level.available()),
        }
    }
}
