//! Where orders are kept, and how they go on.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::{FulfilmentId, LocationId, OrderId, RefundId, Sku};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{Cancellation, Fulfilment, LevelChange, Order, Refund};

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::paging::{Listing, Page, Position};
use crate::store_error::StoreError;

/// What became of a placed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// It is placed, and every level it takes from has changed with it.
    Placed,
    /// The same request had placed it before; this is the order as it is now.
    Replayed(Box<Order>),
    /// Another request had used the same idempotency key.
    KeyReused,
    /// Nothing changed: these SKUs are short.
    Short(Vec<ShortSku>),
    /// Nothing changed: the location has no level of these SKUs.
    NotStocked(Vec<Sku>),
}

/// A SKU of which an order wants more than is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortSku {
    /// The stock keeping unit.
    pub sku: Sku,
    /// What the order wants, all its lines together.
    pub requested: i64,
    /// What may be promised, or what may leave; never below 0 here.
    pub available: i64,
}

/// An order as one read found it, with all that was written of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrder {
    /// The order, as it is now.
    pub order: Order,
    /// The request that placed it.
    pub request: Fingerprint,
    /// The store's number of this state of it: what is written next replaces this state and no other.
    pub revision: u64,
    /// Its refunds, oldest first, each with the request that made it.
    pub refunds: Vec<(Refund, Fingerprint)>,
    /// Its fulfilments, oldest first, each with the request that made it.
    pub fulfilments: Vec<(Fulfilment, Fingerprint)>,
    /// How it was canceled, with the request that did it.
    pub cancellation: Option<(Cancellation, Fingerprint)>,
}

impl KnownOrder {
    /// The refund `id` and the request that made it.
    pub fn refund(&self, id: RefundId) -> Option<&(Refund, Fingerprint)> {
        self.refunds
            .iter()
            .find(|(refund, _)| refund.refund_id == id)
    }

    /// The fulfilment `id` and the request that made it.
    pub fn fulfilment(&self, id: FulfilmentId) -> Option<&(Fulfilment, Fingerprint)> {
        self.fulfilments
            .iter()
            .find(|(fulfilment, _)| fulfilment.fulfilment_id == id)
    }
}

/// What is written when an order goes on: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The order afterwards.
    pub after: Order,
    /// What is kept beside it.
    pub record: Option<Record>,
    /// The levels it changes.
    pub changes: Vec<LevelChange>,
    /// When it is written.
    pub at: Timestamp,
}

/// What is kept beside an order of something that was done to it once, and the request that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A refund.
    Refund(Refund, Fingerprint),
    /// A fulfilment.
    Fulfilment(Fulfilment, Fingerprint),
    /// Its cancellation.
    Cancellation(Cancellation, Fingerprint),
}

/// Which of the things that are done to an order once, and are kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordId {
    /// A refund.
    Refund(RefundId),
    /// A fulfilment.
    Fulfilment(FulfilmentId),
}

/// What became of an [`Advance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advanced {
    /// All of it is written.
    Done,
    /// Nothing changed: another write of the order came first.
    Overtaken,
    /// Nothing changed: these SKUs are short.
    Short(Vec<ShortSku>),
}

/// Places, reads and advances orders, together with the levels they change.
pub trait OrderStore: Send + Sync {
    /// Places `order`, whose id stands for its idempotency key, and takes its quantities, all or nothing.
    fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Placement, StoreError>> + Send;

    /// The order, as it is now.
    fn find(
        &self,
        id: OrderId,
    ) -> impl Future<Output = Result<Option<KnownOrder>, StoreError>> + Send;

    /// The orders of one location and business date, in the order they were placed.
    fn list(
        &self,
        location: &LocationId,
        business_date: Date,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// Whether the order is as `known` has it, and `record` not kept beside it, at a moment at which nobody writes either.
    fn is_settled(
        &self,
        known: &KnownOrder,
        record: RecordId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes `advance` over the order as it is in `before`. Goods that come in where there is no level make it.
    fn advance(
        &self,
        before: &KnownOrder,
        advance: &Advance,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Advanced, StoreError>> + Send;
}

/// Reads the orders of which something is still to leave.
pub trait OpenOrders: Send + Sync {
    /// A page of the open orders of `location`, those placed last first, as many as the store reads at once.
    ///
    /// What was placed or closed a moment ago may not show yet.
    fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<OpenOrder>, StoreError>> + Send;

    /// Those of the orders `ids` that are open now, in any order.
    fn still_open(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<OpenOrder>, StoreError>> + Send;
}
