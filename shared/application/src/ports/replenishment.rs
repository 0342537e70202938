//! The store of replenishment orders, with the levels that expect their goods.

use std::future::Future;

use stockline_domain::ids::{LocationId, ReplenishmentOrderId};
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::replenishment::{ReplenishmentCycle, ReplenishmentOrder, ReplenishmentState};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::reorder_messages::ReorderMessage;
use crate::store_error::StoreError;

/// What the decision to order is made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplenishmentStatus {
    /// The level, summed over its buckets.
    pub level: Level,
    /// The last cycle of the level.
    pub cycle: ReplenishmentCycle,
}

/// The outcome of writing an order with its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderWriteOutcome {
    /// The order, its cycle and the level's `incoming` are written.
    Written,
    /// Nothing changed: the order, its cycle or the level's `incoming` is not as it was read. An earlier attempt of the same
    /// write may be the reason.
    Conflict,
}

/// Places, reads and cancels replenishment orders. Their receipts are changes of stock: see
/// [`apply_change`](crate::stock_change::apply_change).
pub trait ReplenishmentStore: Send + Sync {
    /// Reads a level and its last cycle, strongly consistent. The cycle is read first, so an order that is placed between the
    /// two reads is in the level's `incoming`. `None` if the level does not exist.
    fn status(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Option<ReplenishmentStatus>, StoreError>> + Send;

    /// Writes a new order and raises `incoming` of its level by what it expects, both or neither.
    ///
    /// Writes nothing if the level has an open order, if the order's cycle does not follow the last one, or if `incoming` is
    /// not the one that the order's reasons state.
    fn place(
        &self,
        order: &ReplenishmentOrder,
        deadline: Deadline,
    ) -> impl Future<Output = Result<OrderWriteOutcome, StoreError>> + Send;

    /// Reads `incoming` of a level, strongly consistent. 0 if the level does not exist.
    fn incoming(&self, key: &LevelKey) -> impl Future<Output = Result<i64, StoreError>> + Send;

    /// Replaces an open order by a closed one that has the next version, and lowers `incoming` of its level by `released`, both
    /// or neither.
    ///
    /// Writes nothing if the order does not have the version of `before`, or if less than `released` is incoming.
    fn close(
        &self,
        before: &ReplenishmentOrder,
        after: &ReplenishmentOrder,
        released: i64,
        deadline: Deadline,
    ) -> impl Future<Output = Result<OrderWriteOutcome, StoreError>> + Send;

    /// Reads an order, strongly consistent.
    fn find_order(
        &self,
        id: ReplenishmentOrderId,
    ) -> impl Future<Output = Result<Option<ReplenishmentOrder>, StoreError>> + Send;

    /// Lists the orders of a location: those in `state`, or all of them by state, in the order of
    /// [`ReplenishmentState::ALL`]. Orders of one state are listed oldest first. A write may be missing from the list for a
    /// moment.
    fn list_orders(
        &self,
        location: &LocationId,
        state: Option<ReplenishmentState>,
        page: Page,
    ) -> impl Future<Output = Result<Listing<ReplenishmentOrder>, StoreError>> + Send;
}

/// The queue of requests to order for a level.
pub trait ReorderQueue: Send + Sync {
    /// Sends a request. Requests that are sent or delivered twice place one order.
    fn request(
        &self,
        message: &ReorderMessage,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
