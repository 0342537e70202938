//! The stock store and the ledger in memory.

use jiff::Timestamp;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock::{
    EarlierRequest, Ledger, RecordMovementOutcome, RequestStatus, StockStore, StockedLocations,
};
use stockline_application::ports::stock_changes::{
    ChangeResult, ChangeWriteOutcome, LevelSnapshot, PendingChange, PlannedChange, PlannedWrite,
    StockChangeStore,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{LocationId, ReplenishmentOrderId, RequestId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement, ReorderPolicy};
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_domain::split_level::{SplitLevel, WritePlan};

use super::shop::MemoryShop;

impl StockStore for MemoryShop {
    async fn open(
        &self,
        id: RequestId,
        request: &Fingerprint,
        at: Timestamp,
    ) -> Result<RequestStatus, StoreError> {
        if let Some(known) = self.recall(id, request).await? {
            return Ok(known);
        }
        let entry = (request.as_str().to_owned(), at);
        self.lock().requests.insert(id, entry);
        Ok(RequestStatus::New)
    }

    async fn recall(
        &self,
        id: RequestId,
        request: &Fingerprint,
    ) -> Result<Option<RequestStatus>, StoreError> {
        let data = self.lock();
        Ok(data.requests.get(&id).map(|(fingerprint, received_at)| {
            if fingerprint == request.as_str() {
                RequestStatus::Known(EarlierRequest {
                    received_at: *received_at,
                    settled: data.settled.get(&id).cloned().unwrap_or_default(),
                })
            } else {
                RequestStatus::KeyReused
            }
        }))
    }

    async fn find(&self, key: &LevelKey) -> Result<Option<Level>, StoreError> {
        Ok(self.lock().levels.get(key).cloned())
    }

    async fn find_all(
        &self,
        location: &LocationId,
        skus: &[Sku],
        _deadline: Deadline,
    ) -> Result<Vec<Level>, StoreError> {
        let data = self.lock();
        let levels = data.levels.values();
        let found =
            levels.filter(|level| level.location_id == *location && skus.contains(&level.sku));
        Ok(found.cloned().collect())
    }

    async fn list(
        &self,
        location: &LocationId,
        page: Page,
        _deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        let after = page.after.and_then(|position| position.get("sku").cloned());
        let data = self.lock();
        let mut items: Vec<Level> = data
            .levels
            .values()
            .filter(|level| level.location_id == *location)
            .filter(|level| {
                after
                    .as_ref()
                    .is_none_or(|after| level.sku.as_str() > after.as_str())
            })
            .take(usize::from(page.limit) + 1)
            .cloned()
            .collect();
        let more = items.len() > usize::from(page.limit);
        items.truncate(usize::from(page.limit));
        let next = items
            .last()
            .filter(|_| more)
            .map(|level| Position::from([("sku".to_owned(), level.sku.to_string())]));
        Ok(Listing { items, next })
    }

    async fn set_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        _at: Timestamp,
        _deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut data = self.lock();
        let Some(before) = data.levels.get(key).cloned() else {
            return Ok(None);
        };
        if before.policy.as_ref() == Some(policy) {
            return Ok(Some(before));
        }
        Ok(Some(data.write_policy(before, policy)))
    }

    async fn create_with_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        _at: Timestamp,
        _deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut data = self.lock();
        if data.levels.contains_key(key) {
            return Ok(None);
        }
        Ok(Some(data.write_policy(Level::empty(key), policy)))
    }

    async fn movements(&self, key: &LevelKey, page: Page) -> Result<Listing<Movement>, StoreError> {
        let before: Option<u64> = page
            .after
            .and_then(|position| position.get("version")?.parse().ok());
        let data = self.lock();
        let mut items: Vec<Movement> = data
            .movements_of(key)
            .into_iter()
            .filter(|movement| before.is_none_or(|before| movement.version < before))
            .collect();
        let more = items.len() > usize::from(page.limit);
        items.truncate(usize::from(page.limit));
        let next = items
            .last()
            .filter(|_| more)
            .map(|movement| Position::from([("version".to_owned(), movement.version.to_string())]));
        Ok(Listing { items, next })
    }
}

impl StockChangeStore for MemoryShop {
    async fn read_snapshot(
        &self,
        key: &LevelKey,
        _deadline: Deadline,
    ) -> Result<Option<LevelSnapshot>, StoreError> {
        let level = self.lock().levels.get(key).cloned();
        Ok(level.map(|level| LevelSnapshot {
            level: SplitLevel::new(level, &[]),
            is_consistent: true,
        }))
    }

    async fn movements_back_to(
        &self,
        bucket: &Level,
        _time: Timestamp,
    ) -> Result<Vec<Movement>, StoreError> {
        // In memory, a level has one bucket.
        Ok(self.lock().movements_of(&bucket.key()))
    }

    async fn read_replenishment_order(
        &self,
        id: ReplenishmentOrderId,
    ) -> Result<Option<ReplenishmentOrder>, StoreError> {
        self.find_order(id).await
    }

    async fn write_change(
        &self,
        pending: PendingChange<'_>,
        planned: &PlannedChange,
        _deadline: Deadline,
    ) -> Result<ChangeWriteOutcome, StoreError> {
        let mut data = self.lock();
        if let Some(result) = data.settled_change(pending.request, pending.index) {
            return Ok(ChangeWriteOutcome::AlreadySettled(result));
        }
        if let Some((before, _)) = &planned.order {
            let orders = &data.replenishment_orders;
            let stored = orders.get(&before.replenishment_order_id);
            if stored.is_none_or(|stored| stored.version != before.version) {
                return Ok(ChangeWriteOutcome::Conflict);
            }
        }
        let mut after = Vec::new();
        for PlannedWrite { key, plan, .. } in &planned.writes {
            let stored = data.levels.get(key).cloned();
            let stored = stored.unwrap_or_else(|| Level::empty(key));
            let is_unchanged = match plan {
                WritePlan::Rewrite(buckets) => {
                    let mut buckets = buckets.iter();
                    buckets.all(|(before, _)| before.version == stored.version)
                }
                WritePlan::Deltas(_) => true,
            };
            match SplitLevel::new(stored, &[]).after(plan) {
                Ok(written) if is_unchanged => after.push(written.total()),
                _ => return Ok(ChangeWriteOutcome::Conflict),
            }
        }
        for level in &after {
            data.write(level.clone());
        }
        if let Some((_, order)) = &planned.order {
            data.write_replenishment_order(order.clone());
        }
        let settled = data.settled.entry(pending.request).or_default();
        settled.insert(pending.index, ChangeResult::Applied(after));
        Ok(ChangeWriteOutcome::Written)
    }

    async fn record_refusal(
        &self,
        pending: PendingChange<'_>,
        refusal: &ChangeResult,
        _deadline: Deadline,
    ) -> Result<Option<ChangeResult>, StoreError> {
        let mut data = self.lock();
        let recorded = data.settled_change(pending.request, pending.index);
        if recorded.is_none() {
            let settled = data.settled.entry(pending.request).or_default();
            settled.insert(pending.index, refusal.clone());
        }
        Ok(recorded)
    }
}

impl StockedLocations for MemoryShop {
    async fn has_stock(&self, location: &LocationId) -> Result<bool, StoreError> {
        let data = self.lock();
        Ok(data.levels.keys().any(|key| key.location_id == *location))
    }
}

impl Ledger for MemoryShop {
    async fn record(&self, movement: &Movement) -> Result<RecordMovementOutcome, StoreError> {
        let mut data = self.lock();
        let existing = data.movements.iter().find(|other| {
            other.location_id == movement.location_id
                && other.sku == movement.sku
                && other.version == movement.version
        });
        Ok(match existing {
            Some(other) if other.change.movement_id == movement.change.movement_id => {
                RecordMovementOutcome::AlreadyRecorded
            }
            Some(_) => RecordMovementOutcome::Conflict,
            None => {
                data.movements.push(movement.clone());
                RecordMovementOutcome::Written
            }
        })
    }
}
