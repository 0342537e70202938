//! What is kept beside an order: its refunds and fulfilments as items; and in it: how it was canceled.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{CancellationId, FulfilmentId, LocationId, OrderId, RefundId, Sku};
use stockline_domain::money::{Currency, Money};
use stockline_domain::order::{Cancellation, FulfilledLine, Fulfilment, Refund, RefundedLine};

use crate::keys;
use stockline_application::fingerprint::Fingerprint;

/// A refund as it is stored, with what the index of a location's days sorts it by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundRecord {
    refund_id: RefundId,
    order_id: OrderId,
    location_id: LocationId,
    business_date: Date,
    refunded_at: Timestamp,
    reason: String,
    currency: Currency,
    lines: Vec<RefundedLineRecord>,
    total: i64,
    tax: i64,
    fingerprint: Fingerprint,
    location_key: String,
    placed_key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RefundedLineRecord {
    /// The line of the order.
    l: u16,
    /// The stock keeping unit.
    s: Sku,
    /// Quantity.
    q: i64,
    /// Amount.
    a: i64,
    /// Tax.
    t: i64,
    /// Whether it went back to stock.
    b: bool,
}

/// A fulfilment as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FulfilmentRecord {
    fulfilment_id: FulfilmentId,
    order_id: OrderId,
    fulfilled_at: Timestamp,
    lines: Vec<FulfilledLineRecord>,
    fingerprint: Fingerprint,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FulfilledLineRecord {
    /// The line of the order.
    l: u16,
    /// The stock keeping unit.
    s: Sku,
    /// Quantity.
    q: i64,
}

/// A cancellation as it is stored, in short: it lies in the order's own item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancellationRecord {
    /// Its id.
    i: CancellationId,
    /// The request.
    f: Fingerprint,
    /// By line, what had come back by then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    r: Vec<(u16, i64)>,
}

impl CancellationRecord {
    /// `cancellation` as `request` made it.
    pub fn new(cancellation: &Cancellation, request: &Fingerprint) -> Self {
        Self {
            i: cancellation.cancellation_id,
            f: request.clone(),
            r: cancellation.returned.clone(),
        }
    }

    /// The cancellation of `order_id`, and the request that made it.
    pub fn into_parts(self, order_id: OrderId) -> (Cancellation, Fingerprint) {
        let cancellation = Cancellation {
            cancellation_id: self.i,
            order_id,
            returned: self.r,
        };
        (cancellation, self.f)
    }
}

impl RefundRecord {
    /// `refund` as `request` made it.
    pub fn new(refund: &Refund, request: &Fingerprint) -> Self {
        let lines = refund.lines.iter().map(|line| RefundedLineRecord {
            l: line.line,
            s: line.sku.clone(),
            q: line.quantity,
            a: line.amount.amount,
            t: line.tax.amount,
            b: line.restock,
        });
        Self {
            refund_id: refund.refund_id,
            order_id: refund.order_id,
            location_id: refund.location_id.clone(),
            business_date: refund.business_date,
            refunded_at: refund.refunded_at,
            reason: refund.reason.clone(),
            currency: refund.total.currency,
            lines: lines.collect(),
            total: refund.total.amount,
            tax: refund.tax.amount,
            fingerprint: request.clone(),
            location_key: keys::refunds_of_day(&refund.location_id, refund.business_date),
            placed_key: keys::refunded(refund.refunded_at, refund.refund_id),
        }
    }

    /// The refund, and the request that made it.
    pub fn into_parts(self) -> (Refund, Fingerprint) {
        let money = |amount| Money::new(amount, self.currency);
        let lines = self.lines.into_iter().map(|line| RefundedLine {
            line: line.l,
            sku: line.s,
            quantity: line.q,
            amount: money(line.a),
            tax: money(line.t),
            restock: line.b,
        });
        let refund = Refund {
            refund_id: self.refund_id,
            order_id: self.order_id,
            location_id: self.location_id,
            business_date: self.business_date,
            refunded_at: self.refunded_at,
            reason: self.reason,
            lines: lines.collect(),
            total: money(self.total),
            tax: money(self.tax),
        };
        (refund, self.fingerprint)
    }
}

impl FulfilmentRecord {
    /// `fulfilment` as `request` made it.
    pub fn new(fulfilment: &Fulfilment, request: &Fingerprint) -> Self {
        let lines = fulfilment.lines.iter().map(|line| FulfilledLineRecord {
            l: line.line,
            s: line.sku.clone(),
            q: line.quantity,
        });
        Self {
            fulfilment_id: fulfilment.fulfilment_id,
            order_id: fulfilment.order_id,
            fulfilled_at: fulfilment.fulfilled_at,
            lines: lines.collect(),
            fingerprint: request.clone(),
        }
    }

    /// The fulfilment, and the request that made it.
    pub fn into_parts(self) -> (Fulfilment, Fingerprint) {
        let lines = self.lines.into_iter().map(|line| FulfilledLine {
            line: line.l,
            sku: line.s,
            quantity: line.q,
        });
        let fulfilment = Fulfilment {
            fulfilment_id: self.fulfilment_id,
            order_id: self.order_id,
            fulfilled_at: self.fulfilled_at,
            lines: lines.collect(),
        };
        (fulfilment, self.fingerprint)
    }
}
