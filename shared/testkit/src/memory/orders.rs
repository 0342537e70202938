//! Orders in memory.

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::level::LevelKey;
use stockline_domain::order::{Order, OrderStatus};
use stockline_platform::cursor::{Listing, Page, Position};
use stockline_platform::deadline::Deadline;
use stockline_platform::fingerprint::Fingerprint;
use stockline_platform::ports::orders::{Cancellation, OrderStore, Placement, ShortSku};
use stockline_platform::store_error::StoreError;

use super::shop::MemoryShop;

impl OrderStore for MemoryShop {
    async fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        _deadline: Deadline,
    ) -> Result<Placement, StoreError> {
        let mut shelves = self.open();
        if let Some((existing, fingerprint)) = shelves.orders.get(&order.order_id) {
            return Ok(if fingerprint == request.as_str() {
                Placement::Replayed(Box::new(existing.clone()))
            } else {
                Placement::KeyReused
            });
        }
        let (mut next, mut short, mut not_stocked) = (Vec::new(), Vec::new(), Vec::new());
        for entry in order.quantities() {
            let key = LevelKey {
                location_id: order.location_id.clone(),
                sku: entry.sku.clone(),
            };
            match shelves.levels.get(&key) {
                None => not_stocked.push(entry.sku),
                Some(level) => match level.after(order.placing_change(&entry)) {
                    Ok(level) => next.push(level),
                    Err(_) => short.push(ShortSku {
                        sku: entry.sku,
                        requested: entry.quantity,
                        available: level.available().max(0),
                    }),
                },
            }
        }
        if !not_stocked.is_empty() {
            return Ok(Placement::NotStocked(not_stocked));
        }
        if !short.is_empty() {
            return Ok(Placement::Short(short));
        }
        for level in next {
            shelves.write(level);
        }
        shelves.write_order(order.clone(), request.as_str().to_owned(), order.placed_at);
        Ok(Placement::Placed)
    }

    async fn find(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(self.open().orders.get(&id).map(|(order, _)| order.clone()))
    }

    async fn list(
        &self,
        location: &LocationId,
        business_date: Date,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        let after = page
            .after
            .and_then(|position| position.get("placed_key").cloned());
        let shelves = self.open();
        let mut found: Vec<(String, Order)> = shelves
            .orders
            .values()
            .filter(|(order, _)| {
                order.location_id == *location && order.business_date == business_date
            })
            .map(|(order, _)| {
                let key = stockline_platform::keys::placed(order.placed_at, order.order_id);
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
        Ok(Listing {
            items: found.into_iter().map(|(_, order)| order).collect(),
            next,
        })
    }

    async fn cancel(
        &self,
        id: OrderId,
        reason: Option<&str>,
        at: Timestamp,
        _deadline: Deadline,
    ) -> Result<Cancellation, StoreError> {
        let mut shelves = self.open();
        let Some((order, fingerprint)) = shelves.orders.get(&id).cloned() else {
            return Ok(Cancellation::Unknown);
        };
        let Ok(canceled) = order.cancel(at) else {
            return Ok(Cancellation::TooLate);
        };
        if order.status != OrderStatus::Canceled {
            for entry in order.quantities() {
                let key = LevelKey {
                    location_id: order.location_id.clone(),
                    sku: entry.sku.clone(),
                };
                let next = shelves.levels[&key]
                    .after(order.releasing_change(&entry, reason, at))
                    .unwrap();
                shelves.write(next);
            }
            shelves.write_order(canceled.clone(), fingerprint, at);
        }
        Ok(Cancellation::Canceled(Box::new(canceled)))
    }
}
