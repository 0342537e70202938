//! Where orders are kept.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::order::Order;

use crate::cursor::{Listing, Page};
use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
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

/// A SKU of which an order wants more than is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortSku {
    /// The stock keeping unit.
    pub sku: Sku,
    /// What the order wants, all its lines together.
    pub requested: i64,
    /// What may be promised; never below 0 here.
    pub available: i64,
}

/// What became of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancellation {
    /// The order is canceled, now or before, and what it held is released once.
    Canceled(Box<Order>),
    /// Goods have left.
    TooLate,
    /// There is no such order.
    Unknown,
}

/// Places, reads and cancels orders, together with the levels they take from.
pub trait OrderStore: Send + Sync {
    /// Places `order`, whose id stands for its idempotency key, and takes its quantities, all or nothing.
    fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Placement, StoreError>> + Send;

    /// The order, as it is now.
    fn find(&self, id: OrderId) -> impl Future<Output = Result<Option<Order>, StoreError>> + Send;

    /// The orders of one location and business date, in the order they were placed.
    fn list(
        &self,
        location: &LocationId,
        business_date: Date,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// Cancels the order, for the caller's `reason`, and releases what it holds, all or nothing.
    fn cancel(
        &self,
        id: OrderId,
        reason: Option<&str>,
        at: Timestamp,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Cancellation, StoreError>> + Send;
}
