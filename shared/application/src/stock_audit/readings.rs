//! Reads levels, movements and orders for an observation.

use std::collections::{BTreeMap, BTreeSet};

use stockline_domain::audit::{StoredLevel, WindowMovements};
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::open_order::OpenOrder;

use super::StockAudit;
use crate::deadline::Deadline;
use crate::ports::audit_data::AuditData;
use crate::ports::clock::Clock;
use crate::ports::orders::OpenOrders;
use crate::store_error::StoreError;

/// The attempts to read all buckets of a split level as one snapshot.
const MAX_SNAPSHOT_READS: u32 = 6;

/// All buckets of a level, as they were read.
#[derive(Debug, Clone)]
pub(super) struct LevelReading {
    pub levels: Vec<StoredLevel>,
    /// Whether all buckets had these versions at one point in time.
    pub is_snapshot: bool,
}

impl LevelReading {
    /// The versions of the buckets.
    pub fn versions(&self) -> Vec<u64> {
        versions(&self.levels)
    }
}

fn versions(levels: &[StoredLevel]) -> Vec<u64> {
    levels.iter().map(|stored| stored.level.version).collect()
}

/// Orders that were read by their ids, strongly consistent.
#[derive(Debug, Default)]
pub(super) struct OrdersRead {
    ids: Vec<OrderId>,
    /// Those of the orders that were open.
    open: Vec<OpenOrder>,
}

impl OrdersRead {
    /// The open quantity of `sku` in each order that was read; 0 for an order that was not open.
    pub fn held_quantities(&self, sku: &Sku) -> BTreeMap<OrderId, i64> {
        let mut held: BTreeMap<OrderId, i64> = self.ids.iter().map(|id| (*id, 0)).collect();
        held.extend(
            self.open
                .iter()
                .map(|order| (order.order_id, order.quantity_of(sku))),
        );
        held
    }
}

impl<Stock: AuditData, Orders: OpenOrders, Time: Clock> StockAudit<Stock, Orders, Time> {
    /// Reads the orders `in_movements` and the open orders of `location` that hold any of `skus`, each by its id.
    pub(super) async fn read_orders(
        &self,
        location: &LocationId,
        skus: &BTreeSet<&Sku>,
        in_movements: BTreeSet<OrderId>,
    ) -> Result<OrdersRead, StoreError> {
        let deadline = Deadline::within(self.timing.decision_timeout);
        let (mut ids, mut after) = (in_movements, None);
        loop {
            let page = self.orders.open_at(location, after).await?;
            let holds_any = |order: &&OpenOrder| {
                let mut lines = order.lines.iter();
                lines.any(|line| skus.contains(&line.sku))
            };
            let holding = page.items.iter().filter(holds_any);
            ids.extend(holding.map(|order| order.order_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let ids: Vec<OrderId> = ids.into_iter().collect();
        let open = self.orders.open_among(&ids, deadline).await?;
        Ok(OrdersRead { ids, open })
    }

    /// Reads all buckets of a level. A split level is read again until two reads in a row agree, at most
    /// [`MAX_SNAPSHOT_READS`] times.
    pub(super) async fn read_level(&self, key: &LevelKey) -> Result<LevelReading, StoreError> {
        let mut levels = self.stock.levels(key).await?;
        let mut is_snapshot = levels.len() <= 1;
        for _ in 1..MAX_SNAPSHOT_READS {
            if is_snapshot {
                break;
            }
            let again = self.stock.levels(key).await?;
            is_snapshot = versions(&again) == versions(&levels);
            levels = again;
        }
        Ok(LevelReading {
            levels,
            is_snapshot,
        })
    }

    /// Reads the movements of each bucket, split at the bucket's version in `reading`.
    pub(super) async fn movements_around(
        &self,
        reading: &LevelReading,
    ) -> Result<Vec<WindowMovements>, StoreError> {
        let mut buckets = Vec::with_capacity(reading.levels.len());
        for stored in &reading.levels {
            let mut movements = WindowMovements::default();
            let version = stored.level.version;
            self.each_movement(&stored.level, |movement| movements.add(movement, version))
                .await?;
            buckets.push(movements);
        }
        Ok(buckets)
    }

    /// Passes each movement of a bucket to `handle`, oldest first.
    pub(super) async fn each_movement(
        &self,
        bucket: &Level,
        mut handle: impl FnMut(Movement) + Send,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.stock.ledger_page(bucket, after).await?;
            page.items.into_iter().for_each(&mut handle);
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
