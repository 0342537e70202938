//! The stored forms of refunds, fulfilments and cancellations. Refunds are items beside their order, a cancellation is inside
//! the order item, and a fulfilment is either.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use stockline_domain::export::late::late_write_date;
use stockline_domain::ids::{CancellationId, FulfilmentId, LocationId, OrderId, RefundId, Sku};
use stockline_domain::money::{Currency, Money};
use stockline_domain::order::{
    Cancellation, FulfilledLine, Fulfilment, Parcel, Refund, RefundedLine, Shipment,
};

use crate::keys;
use stockline_application::fingerprint::Fingerprint;

/// The item of a refund, with the key attributes of the indexes `by_location` and `by_late_write`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundRecord {
    refund_id: RefundId,
    order_id: OrderId,
    location_id: LocationId,
    business_date: Date,
    refunded_at: Timestamp,
    /// When the goods were returned, if that is not when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    reason: String,
    currency: Currency,
    lines: Vec<RefundedLineRecord>,
    total: i64,
    tax: i64,
    fingerprint: Fingerprint,
    location_key: String,
    placed_key: String,
    /// Partition key of index `by_late_write`. Set if the refund was reported late for its business date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_on: Option<Date>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RefundedLineRecord {
    /// Line number in the order.
    l: u16,
    /// SKU.
    s: Sku,
    /// Quantity.
    q: i64,
    /// Amount.
    a: i64,
    /// Tax.
    t: i64,
    /// Whether the line was restocked.
    b: bool,
}

/// The stored form of a fulfilment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FulfilmentRecord {
    fulfilment_id: FulfilmentId,
    order_id: OrderId,
    fulfilled_at: Timestamp,
    /// When the goods left, if that is not when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    lines: Vec<FulfilledLineRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shipment: Option<ShipmentRecord>,
    fingerprint: Fingerprint,
}

/// How the goods of a fulfilment were sent. Its attribute names are short because it may be inside the order item.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ShipmentRecord {
    /// Carrier.
    c: String,
    /// Tracking number.
    n: String,
    /// Weight of each parcel, in grams.
    g: Vec<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FulfilledLineRecord {
    /// Line number in the order.
    l: u16,
    /// SKU.
    s: Sku,
    /// Quantity.
    q: i64,
}

/// The stored form of a cancellation. Its attribute names are short because it is inside the order item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancellationRecord {
    /// Cancellation id.
    i: CancellationId,
    /// Fingerprint of the request.
    f: Fingerprint,
    /// Line numbers with the quantity that was returned before the cancellation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    r: Vec<(u16, i64)>,
    /// Reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<String>,
}

impl CancellationRecord {
    /// Returns the stored form of `cancellation`, made by `request`.
    pub fn new(cancellation: &Cancellation, request: &Fingerprint) -> Self {
        Self {
            i: cancellation.cancellation_id,
            f: request.clone(),
            r: cancellation.returned.clone(),
            t: cancellation.reason.clone(),
        }
    }

    /// Returns the cancellation of `order_id` and the request that made it.
    pub fn into_parts(self, order_id: OrderId) -> (Cancellation, Fingerprint) {
        let cancellation = Cancellation {
            cancellation_id: self.i,
            order_id,
            returned: self.r,
            reason: self.t,
        };
        (cancellation, self.f)
    }
}

impl RefundRecord {
    /// Returns the stored form of `refund`, made by `request`.
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
            occurred_at: (refund.occurred_at != refund.refunded_at).then_some(refund.occurred_at),
            reason: refund.reason.clone(),
            currency: refund.total.currency,
            lines: lines.collect(),
            total: refund.total.amount,
            tax: refund.tax.amount,
            fingerprint: request.clone(),
            location_key: keys::daily_refunds_partition(&refund.location_id, refund.business_date),
            placed_key: keys::refunded_key(refund.refunded_at, refund.refund_id),
            late_on: late_write_date(refund.business_date, refund.refunded_at),
        }
    }

    /// Returns the refund and the request that made it.
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
            occurred_at: self.occurred_at.unwrap_or(self.refunded_at),
            reason: self.reason,
            lines: lines.collect(),
            total: money(self.total),
            tax: money(self.tax),
        };
        (refund, self.fingerprint)
    }
}

impl FulfilmentRecord {
    /// Returns the stored form of `fulfilment`, made by `request`.
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
            occurred_at: (fulfilment.occurred_at != fulfilment.fulfilled_at)
                .then_some(fulfilment.occurred_at),
            lines: lines.collect(),
            shipment: fulfilment.shipment.as_ref().map(ShipmentRecord::new),
            fingerprint: request.clone(),
        }
    }

    /// Returns the fulfilment and the request that made it.
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
            occurred_at: self.occurred_at.unwrap_or(self.fulfilled_at),
            lines: lines.collect(),
            shipment: self.shipment.map(ShipmentRecord::into_shipment),
        };
        (fulfilment, self.fingerprint)
    }
}

impl ShipmentRecord {
    fn new(shipment: &Shipment) -> Self {
        let parcels = shipment.parcels.iter();
        Self {
            c: shipment.carrier.clone(),
            n: shipment.tracking_number.clone(),
            g: parcels.map(|parcel| parcel.weight_grams).collect(),
        }
    }

    fn into_shipment(self) -> Shipment {
        let parcels = self.g.into_iter();
        Shipment {
            carrier: self.c,
            tracking_number: self.n,
            parcels: parcels
                .map(|weight_grams| Parcel { weight_grams })
                .collect(),
        }
    }
}
