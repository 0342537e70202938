//! Stores of orders. An order and the levels it changes are written in one transaction.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::{FulfilmentId, LocationId, OrderId, RefundId, Sku};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{Cancellation, Fulfilment, KeyedDelta, Order, Refund};

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::paging::{Listing, Page, Position};
use crate::store_error::StoreError;

/// The outcome of placing an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceOutcome {
    /// The order is written, together with every level it allocates or sells from.
    Placed,
    /// The same request placed the order before. This is its current state.
    Replayed(Box<Order>),
    /// Another request used the same idempotency key.
    KeyReused,
    /// Nothing changed: these SKUs are short.
    Short(Vec<ShortSku>),
    /// Nothing changed: the location does not stock these SKUs.
    NotStocked(Vec<Sku>),
}

/// A SKU of which less is available than requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortSku {
    /// The stock keeping unit.
    pub sku: Sku,
    /// The requested quantity, summed over the order's lines.
    pub requested: i64,
    /// The quantity available for this step; reported as 0 where the level is negative.
    pub available: i64,
}

/// An order as one read found it, with its attached records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOrder {
    /// The order.
    pub order: Order,
    /// The fingerprint of the request that placed it.
    pub request: Fingerprint,
    /// The version of the stored order. An update is conditional on it.
    pub revision: u64,
    /// The refunds, oldest first, each with the fingerprint of its request.
    pub refunds: Vec<(Refund, Fingerprint)>,
    /// The fulfilments, oldest first, each with the fingerprint of its request.
    pub fulfilments: Vec<(Fulfilment, Fingerprint)>,
    /// The cancellation, with the fingerprint of its request.
    pub cancellation: Option<(Cancellation, Fingerprint)>,
}

impl StoredOrder {
    /// Finds a refund and the fingerprint of its request.
    pub fn refund(&self, id: RefundId) -> Option<&(Refund, Fingerprint)> {
        self.refunds
            .iter()
            .find(|(refund, _)| refund.refund_id == id)
    }

    /// Finds a fulfilment and the fingerprint of its request.
    pub fn fulfilment(&self, id: FulfilmentId) -> Option<&(Fulfilment, Fingerprint)> {
        self.fulfilments
            .iter()
            .find(|(fulfilment, _)| fulfilment.fulfilment_id == id)
    }
}

/// A step of an order's life. All of it is written in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderUpdate {
    /// The order after the step.
    pub after: Order,
    /// The record to attach to the order.
    pub record: Option<AttachedRecord>,
    /// The changes of levels.
    pub changes: Vec<KeyedDelta>,
    /// When the request arrived.
    pub at: Timestamp,
}

/// The record of one step of an order, with the fingerprint of its request. It makes the step idempotent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachedRecord {
    /// A refund.
    Refund(Refund, Fingerprint),
    /// A fulfilment.
    Fulfilment(Fulfilment, Fingerprint),
    /// A cancellation.
    Cancellation(Cancellation, Fingerprint),
}

/// Identifies an [`AttachedRecord`] of which an order may have many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachedRecordId {
    /// A refund.
    Refund(RefundId),
    /// A fulfilment.
    Fulfilment(FulfilmentId),
}

/// The outcome of an [`OrderUpdate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// All of it is written.
    Written,
    /// Nothing changed: the order was written since it was read.
    Conflict,
    /// Nothing changed: these SKUs are short.
    Short(Vec<ShortSku>),
}

/// Places, reads and updates orders, together with the levels they change.
pub trait OrderStore: Send + Sync {
    /// Writes `order` and takes its quantities from stock, all or nothing. The order's id is derived from the idempotency key.
    fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        deadline: Deadline,
    ) -> impl Future<Output = Result<PlaceOutcome, StoreError>> + Send;

    /// Reads the order, strongly consistent.
    fn find(
        &self,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<StoredOrder>, StoreError>> + Send;

    /// Lists the orders of one location and business date, oldest first.
    fn list(
        &self,
        location: &LocationId,
        business_date: Date,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// Whether the order still equals `known` and has no record `record`, read in one transaction.
    fn is_unchanged(
        &self,
        known: &StoredOrder,
        record: AttachedRecordId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes `update` if the order still equals `before`. Returned goods create their level if there is none.
    fn update(
        &self,
        before: &StoredOrder,
        update: &OrderUpdate,
        deadline: Deadline,
    ) -> impl Future<Output = Result<UpdateOutcome, StoreError>> + Send;
}

/// Reads open orders: those with a quantity still to fulfil.
pub trait OpenOrders: Send + Sync {
    /// Lists the open orders of `location`, newest first, in pages of the store's choice. Eventually consistent.
    fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<OpenOrder>, StoreError>> + Send;

    /// Those of the orders `ids` that are open, in any order. Strongly consistent.
    fn open_among(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<OpenOrder>, StoreError>> + Send;
}

/// Lists orders to ship: those with a quantity still to fulfil.
pub trait OrdersToShip: Send + Sync {
    /// Lists the orders of `location` that have an open quantity, oldest first.
    ///
    /// An order may be missing for a moment after it was placed, but one that has nothing open any more is never listed. So a
    /// page can have fewer orders than its limit, or none, although another page follows.
    fn to_ship_at(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;
}
