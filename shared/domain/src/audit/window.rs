//! Audits a level that changes while its orders are read: the movements made meanwhile are accounted for one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::{LedgerReplay, SkuAuditData, StoredLevel};
use crate::ids::OrderId;
use crate::level::{Movement, MovementKind};

/// The levels of one SKU read at two moments, and the orders read one by one between them.
///
/// An order and the level that it allocates change in one transaction. So an order without a movement between the two moments
/// held at the first what it held when it was read; for an order with movements, its quantity at the first moment is computed
/// from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditWindow {
    /// The levels at the first moment.
    pub before: Vec<StoredLevel>,
    /// The open quantity of the SKU in each order that was read; 0 where the order was not open.
    pub held: BTreeMap<OrderId, i64>,
    /// The levels at the second moment.
    pub after: Vec<StoredLevel>,
}

/// The movements of one level, split at a version of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowMovements {
    /// The replay of the movements up to that version.
    pub replay: LedgerReplay,
    /// The later movements, oldest first.
    pub since: Vec<Movement>,
}

impl WindowMovements {
    /// Adds the next movement to the replay, or to the later movements if it is newer than `version`.
    pub fn add(&mut self, movement: Movement, version: u64) {
        if movement.version <= version {
            self.replay.add(&movement);
        } else {
            self.since.push(movement);
        }
    }

    /// Returns the orders that hold a level according to its movements, and those moved since those versions. `buckets` are
    /// the movements of all buckets of the level.
    pub fn orders(buckets: &[Self]) -> BTreeSet<OrderId> {
        let since = buckets.iter().flat_map(|movements| &movements.since);
        let mut orders: BTreeSet<OrderId> = since.filter_map(Movement::order).collect();
        orders.extend(allocated_by_order(buckets).keys());
        orders
    }
}

/// Sums the allocated quantity of each order over all buckets: one bucket may release what another allocated.
fn allocated_by_order(buckets: &[WindowMovements]) -> BTreeMap<OrderId, i64> {
    let mut sums = BTreeMap::<OrderId, i64>::new();
    let allocated = buckets
        .iter()
        .flat_map(|movements| movements.replay.allocated_by_order());
    for (order, quantity) in allocated {
        let sum = sums.entry(*order).or_default();
        *sum = sum.saturating_add(*quantity);
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// The movements of one order between the two moments.
#[derive(Debug, Clone, Copy, Default)]
struct OrderMovements {
    /// Whether the order was placed between the two moments.
    is_placed: bool,
    allocated_delta: i64,
}

impl AuditWindow {
    /// Returns the audit data of the first moment, and whether its open quantity is known. If it is not, the open quantity is
    /// set to the allocated quantity, so that the orders are not compared.
    ///
    /// `movements` are those of each level, split at its version at the first moment, and read after the second moment.
    pub fn audit_data(&self, movements: Vec<WindowMovements>) -> (SkuAuditData, bool) {
        let open_quantity = self.open_quantity(&movements);
        let mut audit_data = SkuAuditData::of(self.before.clone(), movements);
        if let Some(open_quantity) = open_quantity {
            audit_data.open_quantity = open_quantity;
        }
        (audit_data, open_quantity.is_some())
    }

    /// Returns the open quantity at the first moment, or none where it is not known.
    fn open_quantity(&self, movements: &[WindowMovements]) -> Option<i64> {
        let moved = self.order_movements(movements)?;
        let allocated = allocated_by_order(movements);
        let moved_before = moved.iter().filter(|(_, moved)| !moved.is_placed);
        let mut expected = allocated.keys().chain(moved_before.map(|(id, _)| id));
        if !expected.all(|id| self.held.contains_key(id)) {
            return None;
        }
        let mut open_quantity: i64 = 0;
        for (id, held) in &self.held {
            open_quantity += match moved.get(id) {
                None => *held,
                Some(moved) if moved.is_placed => 0,
                // The order was closed when it was read, so the window has every movement that closed it.
                Some(moved) if *held == 0 && moved.allocated_delta <= 0 => -moved.allocated_delta,
                // The order was partly fulfilled: it may have been read before or after that.
                Some(_) => return None,
            };
        }
        Some(open_quantity)
    }

    /// Returns the movements of each order between the two moments, or none where the movements do not lead from the levels
    /// at the first moment to the levels at the second.
    fn order_movements(
        &self,
        movements: &[WindowMovements],
    ) -> Option<BTreeMap<OrderId, OrderMovements>> {
        let buckets = |levels: &[StoredLevel]| -> Vec<u8> {
            levels.iter().map(|stored| stored.level.bucket).collect()
        };
        if buckets(&self.before) != buckets(&self.after) || movements.len() != self.before.len() {
            return None;
        }
        let mut moved = BTreeMap::<Option<OrderId>, OrderMovements>::new();
        for ((before, after), movements) in self.before.iter().zip(&self.after).zip(movements) {
            let (before, after) = (&before.level, &after.level);
            let mut current = (before.on_hand, before.allocated);
            let mut last = before.last_change.as_ref().map(|change| change.movement_id);
            let since = movements.since.iter();
            for movement in since.filter(|movement| movement.version <= after.version) {
                let change = &movement.change;
                current.0 += change.on_hand_delta;
                current.1 += change.allocated_delta;
                let follows = current == (movement.on_hand, movement.allocated);
                if !follows || change.kind == MovementKind::Repair {
                    return None;
                }
                last = Some(change.movement_id);
                let of_order = moved.entry(movement.order()).or_default();
                of_order.is_placed |= change.kind == MovementKind::Allocation;
                of_order.allocated_delta += change.allocated_delta;
            }
            let is_last = last == after.last_change.as_ref().map(|change| change.movement_id);
            if !is_last || current != (after.on_hand, after.allocated) {
                return None;
            }
        }
        let without_order = moved.remove(&None).unwrap_or_default();
        let of_orders = moved
            .into_iter()
            .filter_map(|(order, moved)| Some((order?, moved)));
        (without_order.allocated_delta == 0).then(|| of_orders.collect())
    }
}

#[cfg(test)]
mod tests;
