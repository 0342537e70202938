//! The store of replenishment orders and the queue of requests to order, in memory.

use std::sync::{Arc, Mutex};

use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::replenishment::{
    OrderWriteOutcome, ReorderQueue, ReplenishmentStatus, ReplenishmentStore,
};
use stockline_application::reorder_messages::ReorderMessage;
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{LocationId, ReplenishmentOrderId};
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::replenishment::{ReplenishmentOrder, ReplenishmentState};

use super::shop::{MemoryShop, ShopData};

/// A queue that keeps the requests. A clone is the same queue.
#[derive(Debug, Clone, Default)]
pub struct MemoryReorders(Arc<Mutex<Vec<ReorderMessage>>>);

impl MemoryReorders {
    /// The requests, in order.
    pub fn requested(&self) -> Vec<ReorderMessage> {
        self.0.lock().unwrap().clone()
    }
}

impl ReorderQueue for MemoryReorders {
    async fn request(&self, message: &ReorderMessage) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }
}

impl ShopData {
    /// Writes an order and the cycle of its level.
    pub fn write_replenishment_order(&mut self, order: ReplenishmentOrder) {
        self.replenishment_cycles
            .insert(order.level_key(), order.as_cycle());
        self.replenishment_orders
            .insert(order.replenishment_order_id, order);
    }

    fn add_incoming(&mut self, key: &LevelKey, delta: i64) {
        let before = self.levels[key].clone();
        self.write(Level {
            incoming: before.incoming + delta,
            version: before.version + 1,
            ..before
        });
    }
}

impl ReplenishmentStore for MemoryShop {
    async fn status(
        &self,
        key: &LevelKey,
        _deadline: Deadline,
    ) -> Result<Option<ReplenishmentStatus>, StoreError> {
        let data = self.lock();
        let cycle = data.replenishment_cycles.get(key);
        Ok(data.levels.get(key).map(|level| ReplenishmentStatus {
            level: level.clone(),
            cycle: cycle.cloned().unwrap_or_default(),
        }))
    }

    async fn place(
        &self,
        order: &ReplenishmentOrder,
        _deadline: Deadline,
    ) -> Result<OrderWriteOutcome, StoreError> {
        let key = order.level_key();
        let mut data = self.lock();
        let cycle = data.replenishment_cycles.get(&key);
        let cycle = cycle.cloned().unwrap_or_default();
        let is_next = cycle.open_order.is_none() && order.cycle == cycle.last_cycle + 1;
        let level = data.levels.get(&key);
        let is_current = level.is_some_and(|level| level.incoming == order.reasons.incoming);
        if !is_next || !is_current {
            return Ok(OrderWriteOutcome::Conflict);
        }
        data.add_incoming(&key, order.expected());
        data.write_replenishment_order(order.clone());
        Ok(OrderWriteOutcome::Written)
    }

    async fn incoming(&self, key: &LevelKey) -> Result<i64, StoreError> {
        let data = self.lock();
        Ok(data.levels.get(key).map_or(0, |level| level.incoming))
    }

    async fn close(
        &self,
        before: &ReplenishmentOrder,
        after: &ReplenishmentOrder,
        released: i64,
        _deadline: Deadline,
    ) -> Result<OrderWriteOutcome, StoreError> {
        let mut data = self.lock();
        let stored = data
            .replenishment_orders
            .get(&before.replenishment_order_id);
        let level = data.levels.get(&after.level_key());
        if stored.is_none_or(|stored| stored.version != before.version)
            || level.is_none_or(|level| level.incoming < released)
        {
            return Ok(OrderWriteOutcome::Conflict);
        }
        data.add_incoming(&after.level_key(), -released);
        data.write_replenishment_order(after.clone());
        Ok(OrderWriteOutcome::Written)
    }

    async fn find_order(
        &self,
        id: ReplenishmentOrderId,
    ) -> Result<Option<ReplenishmentOrder>, StoreError> {
        Ok(self.lock().replenishment_orders.get(&id).cloned())
    }

    async fn list_orders(
        &self,
        location: &LocationId,
        state: Option<ReplenishmentState>,
        page: Page,
    ) -> Result<Listing<ReplenishmentOrder>, StoreError> {
        let after = page.after.and_then(|position| position.get("key").cloned());
        let data = self.lock();
        let matching = data.replenishment_orders.values().filter(|order| {
            order.location_id == *location && state.is_none_or(|state| order.state == state)
        });
        let mut keyed: Vec<(String, ReplenishmentOrder)> = matching
            .map(|order| (list_key(order), order.clone()))
            .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
            .collect();
        keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
        let has_more = keyed.len() > usize::from(page.limit);
        keyed.truncate(usize::from(page.limit));
        let last = keyed.last().filter(|_| has_more);
        Ok(Listing {
            next: last.map(|(key, _)| Position::from([("key".to_owned(), key.clone())])),
            items: keyed.into_iter().map(|(_, order)| order).collect(),
        })
    }
}

/// The position of an order in the list of its location.
fn list_key(order: &ReplenishmentOrder) -> String {
    let position = ReplenishmentState::ALL
        .iter()
        .position(|state| *state == order.state)
        .unwrap();
    let (placed_at, id) = (order.placed_at, order.replenishment_order_id);
    format!("{position}{placed_at:.3}{id}")
}
