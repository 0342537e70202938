//! Places an order at most once under its idempotency key.

use jiff::Timestamp;
use stockline_domain::ids::{OrderId, Sku};
use stockline_domain::invalid::Invalid;
use stockline_domain::order::Order;
use stockline_domain::place_order::PlaceOrder;

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::location_cache::LocationCache;
use crate::metrics::{Metric, count};
use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::ports::orders::{OrderStore, PlaceOutcome, ShortSku};
use crate::store_error::StoreError;

/// One request to place an order.
#[derive(Debug, Clone)]
pub struct PlacementRequest {
    /// The id of the order, derived from caller and idempotency key.
    pub id: OrderId,
    /// The body.
    pub body: PlaceOrder,
    /// When the request arrived.
    pub at: Timestamp,
    /// When the response is due.
    pub deadline: Deadline,
}

/// The outcome of a request to place an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlacementOutcome {
    /// The order is placed.
    Placed(Box<Order>),
    /// The same request placed the order before. This is the order as it was placed.
    Replayed(Box<Order>),
    /// Another request used the same idempotency key.
    KeyReused,
    /// Nothing changed: these SKUs are short.
    Short(Vec<ShortSku>),
    /// Nothing changed: the location does not stock these SKUs of the order.
    NotStocked(Box<Order>, Vec<Sku>),
    /// Nothing changed: the location does not exist.
    UnknownLocation,
    /// Nothing changed: fields of the request are invalid.
    Invalid(Invalid),
}

/// Places the order of `request` and takes its quantities from stock, all or nothing. A repeated request returns the order.
pub async fn place_order<Orders: OrderStore, Catalog: CatalogStore, Time: Clock>(
    orders: &Orders,
    locations: &LocationCache<Catalog, Time>,
    request: PlacementRequest,
) -> Result<PlacementOutcome, StoreError> {
    let PlacementRequest {
        id,
        body,
        at,
        deadline,
    } = request;
    let fingerprint = Fingerprint::of(&body).map_err(StoreError::failed("serialize a request"))?;
    let Some(location) = locations.find(&body.location_id).await? else {
        let unknown = PlacementOutcome::UnknownLocation;
        return replay_or(orders, id, &fingerprint, unknown).await;
    };
    let close_out_hour = location.location.close_out_hour;
    let order = match body.order(id, at, &location.time_zone, close_out_hour) {
        Ok(order) => order,
        Err(invalid) => {
            let invalid = PlacementOutcome::Invalid(invalid);
            return replay_or(orders, id, &fingerprint, invalid).await;
        }
    };
    Ok(match orders.place(&order, &fingerprint, deadline).await? {
        PlaceOutcome::Placed => {
            count(Metric::OrdersPlaced, 1);
            PlacementOutcome::Placed(Box::new(order))
        }
        PlaceOutcome::Replayed(existing) => {
            count(Metric::OrdersReplayed, 1);
            PlacementOutcome::Replayed(Box::new(existing.as_placed()))
        }
        PlaceOutcome::KeyReused => PlacementOutcome::KeyReused,
        PlaceOutcome::Short(short) => {
            count(Metric::OrdersShort, 1);
            PlacementOutcome::Short(short)
        }
        PlaceOutcome::NotStocked(skus) => PlacementOutcome::NotStocked(Box::new(order), skus),
    })
}

/// Replays the order if the same request placed it before, else refuses the request with `refused`.
///
/// A request can become invalid after it was accepted: `sold_at` passes its age limit, or a location is removed.
async fn replay_or<Orders: OrderStore>(
    orders: &Orders,
    id: OrderId,
    fingerprint: &Fingerprint,
    refused: PlacementOutcome,
) -> Result<PlacementOutcome, StoreError> {
    Ok(match orders.find(id).await? {
        Some(known) if known.request == *fingerprint => {
            PlacementOutcome::Replayed(Box::new(known.order.as_placed()))
        }
        _ => refused,
    })
}
