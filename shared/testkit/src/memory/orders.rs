//! The order store in memory.

use jiff::civil::Date;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::order_search::{OrderSearch, PlacedRange};
use stockline_application::ports::orders::{
    AttachedRecord, AttachedRecordId, OpenOrders, OrderStore, OrderUpdate, OrdersToShip,
    PlaceOutcome, ShortSku, StoredOrder, UpdateOutcome,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::level::{Level, MovementKind};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{KeyedDelta, Order};
use stockline_platform::keys::placed_key;

use super::shop::{MemoryShop, ShopData};

impl OrderStore for MemoryShop {
    async fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        _deadline: Deadline,
    ) -> Result<PlaceOutcome, StoreError> {
        let mut data = self.lock();
        if let Some((existing, placed_by)) = data.orders.get(&order.order_id) {
            return Ok(if placed_by == request {
                PlaceOutcome::Replayed(Box::new(existing.clone()))
            } else {
                PlaceOutcome::KeyReused
            });
        }
        Ok(match data.change(&order.placement_deltas()) {
            Err(Refused::Short(short)) => PlaceOutcome::Short(short),
            Err(Refused::NotStocked(skus)) => PlaceOutcome::NotStocked(skus),
            Ok(()) => {
                data.write_order(order.clone(), request.clone(), order.placed_at);
                PlaceOutcome::Placed
            }
        })
    }

    async fn find(&self, id: OrderId) -> Result<Option<StoredOrder>, StoreError> {
        let found = self.lock().known(id);
        // Yields between a read and the write after it, so that concurrent callers read the same version, as over a network.
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn list(
        &self,
        location: &LocationId,
        business_date: Date,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        Ok(self.lock().page_of(page, |order| {
            order.location_id == *location && order.business_date == business_date
        }))
    }

    async fn is_unchanged(
        &self,
        known: &StoredOrder,
        _record: AttachedRecordId,
        _deadline: Deadline,
    ) -> Result<bool, StoreError> {
        Ok(self.lock().known(known.order.order_id).as_ref() == Some(known))
    }

    async fn update(
        &self,
        before: &StoredOrder,
        advance: &OrderUpdate,
        _deadline: Deadline,
    ) -> Result<UpdateOutcome, StoreError> {
        let mut data = self.lock();
        let id = before.order.order_id;
        if data.known(id).as_ref() != Some(before) {
            return Ok(UpdateOutcome::Conflict);
        }
        match data.change(&advance.changes) {
            Err(Refused::Short(short)) => return Ok(UpdateOutcome::Short(short)),
            Err(Refused::NotStocked(skus)) => {
                let reason = format!("allocated SKUs have no level: {skus:?}");
                return Err(StoreError::failed("advance an order")(reason));
            }
            Ok(()) => {}
        }
        match advance.record.clone() {
            None => {}
            Some(AttachedRecord::Refund(refund, request)) => data.write_refund(refund, request),
            Some(AttachedRecord::Fulfilment(made, request)) => {
                data.fulfilments.push((made, request));
            }
            Some(AttachedRecord::Cancellation(made, request)) => {
                data.cancellations.insert(id, (made, request));
            }
        }
        data.write_order(advance.after.clone(), before.request.clone(), advance.at);
        Ok(UpdateOutcome::Written)
    }
}

enum Refused {
    Short(Vec<ShortSku>),
    NotStocked(Vec<Sku>),
}

impl ShopData {
    fn known(&self, id: OrderId) -> Option<StoredOrder> {
        let (order, request) = self.orders.get(&id)?.clone();
        let refunds = self.refunds.iter();
        let fulfilments = self.fulfilments.iter();
        Some(StoredOrder {
            order,
            request,
            // `advance` and `is_settled` compare whole orders, so the revision has no use here.
            revision: 0,
            refunds: refunds
                .filter(|(refund, _)| refund.order_id == id)
                .cloned()
                .collect(),
            fulfilments: fulfilments
                .filter(|(made, _)| made.order_id == id)
                .cloned()
                .collect(),
            cancellation: self.cancellations.get(&id).cloned(),
        })
    }

    /// A page of the orders that `is_listed` selects, oldest first.
    fn page_of(&self, page: Page, is_listed: impl Fn(&Order) -> bool) -> Listing<Order> {
        let after = page
            .after
            .and_then(|position| position.get("placed_key").cloned());
        let orders = self.orders.values().map(|(order, _)| order);
        let mut found: Vec<(String, Order)> = orders
            .filter(|order| is_listed(order))
            .map(|order| {
                let key = placed_key(order.placed_at, order.order_id);
                (key, order.clone())
            })
            .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let more = found.len() > usize::from(page.limit);
        found.truncate(usize::from(page.limit));
        let next = found
            .last()
            .filter(|_| more)
            .map(|(key, _)| Position::from([("placed_key".to_owned(), key.clone())]));
        Listing {
            items: found.into_iter().map(|(_, order)| order).collect(),
            next,
        }
    }

    /// Applies all of `changes` or none.
    fn change(&mut self, changes: &[KeyedDelta]) -> Result<(), Refused> {
        let (mut next, mut short, mut not_stocked) = (Vec::new(), Vec::new(), Vec::new());
        for KeyedDelta { key, change } in changes {
            let level = match self.levels.get(key) {
                Some(level) => level.clone(),
                None if change.on_hand_delta > 0 => Level::empty(key),
                None => {
                    not_stocked.push(key.sku.clone());
                    continue;
                }
            };
            match level.after(change.clone()) {
                Ok(level) => next.push(level),
                Err(_) => short.push(ShortSku {
                    sku: key.sku.clone(),
                    requested: change.allocated_delta.abs().max(change.on_hand_delta.abs()),
                    available: usable(&level, change.kind).max(0),
                }),
            }
        }
        if !not_stocked.is_empty() {
            return Err(Refused::NotStocked(not_stocked));
        }
        if !short.is_empty() {
            return Err(Refused::Short(short));
        }
        for level in next {
            self.write(level);
        }
        Ok(())
    }
}

/// The quantity that a change of `kind` may take.
fn usable(level: &Level, kind: MovementKind) -> i64 {
    if kind == MovementKind::Fulfilment {
        level.fit_for_sale()
    } else {
        level.available()
    }
}

/// Small, so that a caller that ignores the next page fails.
const OPEN_PAGE_SIZE: usize = 3;

impl OpenOrders for MemoryShop {
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        let before = after.and_then(|position| position.get("placed_key").cloned());
        let data = self.lock();
        let mut found: Vec<(String, OpenOrder)> = data
            .orders
            .values()
            .filter(|(order, _)| order.location_id == *location)
            .filter_map(|(order, _)| OpenOrder::of(order))
            .map(|order| (placed_key(order.placed_at, order.order_id), order))
            .filter(|(key, _)| before.as_ref().is_none_or(|before| key < before))
            .collect();
        found.sort_by(|a, b| b.0.cmp(&a.0));
        let more = found.len() > OPEN_PAGE_SIZE;
        found.truncate(OPEN_PAGE_SIZE);
        let next = found
            .last()
            .filter(|_| more)
            .map(|(key, _)| Position::from([("placed_key".to_owned(), key.clone())]));
        Ok(Listing {
            items: found.into_iter().map(|(_, order)| order).collect(),
            next,
        })
    }

    async fn open_among(
        &self,
        ids: &[OrderId],
        _deadline: Deadline,
    ) -> Result<Vec<OpenOrder>, StoreError> {
        let data = self.lock();
        let orders = ids.iter().filter_map(|id| data.orders.get(id));
        Ok(orders
            .filter_map(|(order, _)| OpenOrder::of(order))
            .collect())
    }
}

impl OrdersToShip for MemoryShop {
    async fn to_ship_at(
        &self,
        location: &LocationId,
        page: Page,
        _deadline: Deadline,
    ) -> Result<Listing<Order>, StoreError> {
        Ok(self.lock().page_of(page, |order| {
            order.location_id == *location && order.is_open()
        }))
    }
}

impl OrderSearch for MemoryShop {
    async fn placed_on(
        &self,
        location: &LocationId,
        business_date: Date,
        placed: PlacedRange,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        Ok(self.lock().page_of(page, |order| {
            order.location_id == *location
                && order.business_date == business_date
                && placed.contains(order.placed_at)
        }))
    }

    async fn by_reference(
        &self,
        location: &LocationId,
        reference: &str,
        page: Page,
        _deadline: Deadline,
    ) -> Result<Listing<Order>, StoreError> {
        Ok(self.lock().page_of(page, |order| {
            order.location_id == *location && order.external_reference.as_deref() == Some(reference)
        }))
    }

    async fn find_all(
        &self,
        ids: &[OrderId],
        _deadline: Deadline,
    ) -> Result<Vec<Order>, StoreError> {
        let data = self.lock();
        let orders = ids.iter().filter_map(|id| data.orders.get(id));
        Ok(orders.map(|(order, _)| order.clone()).collect())
    }
}
