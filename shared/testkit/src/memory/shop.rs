//! The data that the in-memory stores share, so that an order and its levels change together, as in a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::stock_changes::ChangeResult;
use stockline_domain::export::late::{LateDay, late_write_date};
use stockline_domain::ids::{LocationId, OrderId, ReplenishmentOrderId, RequestId};
use stockline_domain::level::{Level, LevelKey, Movement, ReorderPolicy};
use stockline_domain::order::{Cancellation, Fulfilment, Order, Refund};
use stockline_domain::replenishment::{ReplenishmentCycle, ReplenishmentOrder};

/// Orders, levels and movements, in memory. A clone is the same shop.
#[derive(Debug, Clone, Default)]
pub struct MemoryShop(Arc<Mutex<ShopData>>);

/// The data of a shop.
#[derive(Debug, Default)]
pub struct ShopData {
    /// The orders, each with the request that placed it.
    pub orders: BTreeMap<OrderId, (Order, Fingerprint)>,
    /// The refunds, oldest first, each with its request.
    pub refunds: Vec<(Refund, Fingerprint)>,
    /// The fulfilments by hand, oldest first, each with its request.
    pub fulfilments: Vec<(Fulfilment, Fingerprint)>,
    /// The cancellations, each with its request.
    pub cancellations: BTreeMap<OrderId, (Cancellation, Fingerprint)>,
    /// The stock requests: the fingerprint and the first arrival of each.
    pub requests: BTreeMap<RequestId, (String, Timestamp)>,
    /// The recorded results of the changes of a request, by the change's index.
    pub settled: BTreeMap<RequestId, BTreeMap<usize, ChangeResult>>,
    /// The levels.
    pub levels: BTreeMap<LevelKey, Level>,
    /// The replenishment orders.
    pub replenishment_orders: BTreeMap<ReplenishmentOrderId, ReplenishmentOrder>,
    /// The last replenishment cycle of each level that had one.
    pub replenishment_cycles: BTreeMap<LevelKey, ReplenishmentCycle>,
    /// The movements, oldest first, as the stream would deliver them.
    pub movements: Vec<Movement>,
    /// Per UTC day, the business days whose orders were written late on that day.
    pub written_late: BTreeMap<Date, BTreeSet<LateDay>>,
    /// The stored `available` of levels where a fault makes it differ from the computed one. `None` is a missing attribute.
    pub available_overrides: BTreeMap<LevelKey, Option<i64>>,
}

impl MemoryShop {
    /// A shop with `(sku, on_hand)` levels at `location`.
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
            shop.lock().levels.insert(key, level);
        }
        shop
    }

    /// Locks the data for one reader or writer.
    pub fn lock(&self) -> MutexGuard<'_, ShopData> {
        self.0.lock().unwrap()
    }

    /// The quantities on hand and allocated of `sku` at `location`; 0 if there is no level.
    pub fn level(&self, location: &str, sku: &str) -> (i64, i64) {
        let key = LevelKey {
            location_id: location.parse().unwrap(),
            sku: sku.parse().unwrap(),
        };
        self.lock()
            .levels
            .get(&key)
            .map_or((0, 0), |level| (level.on_hand, level.allocated))
    }
}

impl ShopData {
    /// Writes an order that `request` placed. `at` is the time of this write.
    pub fn write_order(&mut self, order: Order, request: Fingerprint, at: Timestamp) {
        self.mark_late(&order.location_id, order.business_date, at);
        self.orders.insert(order.order_id, (order, request));
    }

    /// Writes a refund that `request` made.
    pub fn write_refund(&mut self, refund: Refund, request: Fingerprint) {
        self.mark_late(
            &refund.location_id,
            refund.business_date,
            refund.refunded_at,
        );
        self.refunds.push((refund, request));
    }

    fn mark_late(&mut self, location: &LocationId, business_date: Date, at: Timestamp) {
        if let Some(day) = late_write_date(business_date, at) {
            self.written_late.entry(day).or_default().insert(LateDay {
                location_id: location.clone(),
                business_date,
            });
        }
    }

    /// Replaces a level and records its movement, as the table and the stream would.
    pub fn write(&mut self, next: Level) {
        let before = self.levels.get(&next.key());
        self.movements.extend(next.movement_since(before));
        self.available_overrides.remove(&next.key());
        self.levels.insert(next.key(), next);
    }

    /// Sets the policy of a level and returns it. This is no movement.
    pub fn write_policy(&mut self, before: Level, policy: &ReorderPolicy) -> Level {
        let after = Level {
            version: before.version + 1,
            policy: Some(policy.clone()),
            ..before
        };
        self.write(after.clone());
        after
    }

    /// The recorded result of change `index` of a request.
    pub fn settled_change(&self, request: RequestId, index: usize) -> Option<ChangeResult> {
        self.settled.get(&request)?.get(&index).cloned()
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
