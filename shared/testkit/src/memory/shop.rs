//! What the in-memory stores share: an order and the levels it takes from change together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_application::fingerprint::Fingerprint;
use stockline_domain::export::late::{LateDay, late_write_date};
use stockline_domain::ids::{OrderId, RequestId};
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::order::{Cancellation, Fulfilment, Order, Refund};

/// Orders, levels and movements, in memory. A clone is the same shop.
#[derive(Debug, Clone, Default)]
pub struct MemoryShop(Arc<Mutex<Shelves>>);

/// What a shop holds.
#[derive(Debug, Default)]
pub struct Shelves {
    /// Each order with the request that placed it.
    pub orders: BTreeMap<OrderId, (Order, Fingerprint)>,
    /// Each refund, in the order they were made, with the request that made it.
    pub refunds: Vec<(Refund, Fingerprint)>,
    /// Each fulfilment by hand, in the order they were made, with the request that made it.
    pub fulfilments: Vec<(Fulfilment, Fingerprint)>,
    /// How orders were canceled, with the request that did it.
    pub cancellations: BTreeMap<OrderId, (Cancellation, Fingerprint)>,
    /// Each stock request: its fingerprint, and when it first came.
    pub requests: BTreeMap<RequestId, (String, Timestamp)>,
    /// The levels that each applied change of a request led to.
    pub applied: BTreeMap<RequestId, BTreeMap<usize, Vec<Level>>>,
    /// Each level.
    pub levels: BTreeMap<LevelKey, Level>,
    /// Each movement, in the order it was made; what the stream would have told.
    pub movements: Vec<Movement>,
    /// Per day in UTC, the days of the orders that were written late on it.
    pub written_late: BTreeMap<Date, BTreeSet<LateDay>>,
    /// What is stored as available of a level by mistake, where it is not what follows.
    pub wrongly_available: BTreeMap<LevelKey, Option<i64>>,
}

impl MemoryShop {
    /// With `on_hand` of each SKU at `location`.
    pub fn stocked(location: &str, stock: &[(&str, i64)]) -> Self {
        let shop = Self::default();
        for (sku, on_hand) in stock {
            let key = LevelKey {
                location_id: location.parse().unwrap(),
                sku: sku.parse().unwrap(),
            };
            let level = Level {
                on_hand: *on_hand,
                version: 1,
                ..Level::empty(&key)
            };
            shop.open().levels.insert(key, level);
        }
        shop
    }

    /// What it holds, for one reader or writer at a time.
    pub fn open(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap()
    }

    /// The level of `sku` at `location`: on hand and allocated.
    pub fn level(&self, location: &str, sku: &str) -> (i64, i64) {
        let key = LevelKey {
            location_id: location.parse().unwrap(),
            sku: sku.parse().unwrap(),
        };
        self.open()
            .levels
            .get(&key)
            .map_or((0, 0), |level| (level.on_hand, level.allocated))
    }
}

impl Shelves {
    /// Writes an order at `at`, which `request` placed.
    pub fn write_order(&mut self, order: Order, request: Fingerprint, at: Timestamp) {
        if let Some(day) = late_write_date(order.business_date, at) {
            self.written_late.entry(day).or_default().insert(LateDay {
                location_id: order.location_id.clone(),
                business_date: order.business_date,
            });
        }
        self.orders.insert(order.order_id, (order, request));
    }

    /// Replaces a level and notes the movement, as table and stream would.
    pub fn write(&mut self, next: Level) {
        let before = self.levels.get(&next.key());
        self.movements.extend(next.movement_since(before));
        self.wrongly_available.remove(&next.key());
        self.levels.insert(next.key(), next);
    }

    /// The movements of a level, newest first.
    pub fn movements_of(&self, key: &LevelKey) -> Vec<Movement> {
        let mut movements: Vec<Movement> = self
            .movements
            .iter()
            .filter(|movement| movement.location_id == key.location_id && movement.sku == key.sku)
            .cloned()
            .collect();
        movements.sort_by_key(|movement| std::cmp::Reverse(movement.version));
        movements
    }
}
