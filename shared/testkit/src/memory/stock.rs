//! The stock store and the ledger in memory.

use jiff::Timestamp;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::stock::{
    ChangeOutcome, EarlierRequest, Ledger, MissingLevel, PendingChange, RecordMovementOutcome,
    RequestStatus, StockStore,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{LocationId, RequestId};
use stockline_domain::level::{Level, LevelKey, Movement, ReorderPolicy};
use stockline_domain::stock_change::{on_hand_delta_since, settle_change};

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
                    applied: data.applied.get(&id).cloned().unwrap_or_default(),
                })
            } else {
                RequestStatus::KeyReused
            }
        }))
    }

    async fn apply(
        &self,
        pending: PendingChange<'_>,
        _deadline: Deadline,
    ) -> Result<ChangeOutcome, StoreError> {
        let mut data = self.lock();
        let before = data
            .applied
            .get(&pending.request)
            .and_then(|applied| applied.get(&pending.index));
        if let Some(levels) = before {
            return Ok(ChangeOutcome::AlreadyApplied(levels.clone()));
        }
        let keys = pending.change.keys();
        let missing: Vec<LevelKey> = keys
            .iter()
            .filter(|key| !data.levels.contains_key(key))
            .cloned()
            .collect();
        if pending.missing == MissingLevel::Report && !missing.is_empty() {
            return Ok(ChangeOutcome::MissingLevels(missing));
        }
        let levels: Vec<Level> = keys
            .iter()
            .map(|key| {
                data.levels
                    .get(key)
                    .cloned()
                    .unwrap_or_else(|| Level::empty(key))
            })
            .collect();
        let moved_since = match pending.change.depends_on_movements_since(&levels[0]) {
            Some(time) => {
                let movements = data.movements_of(&keys[0]);
                on_hand_delta_since(&levels[0], &movements, time).ok_or(StoreError::Busy)?
            }
            None => 0,
        };
        let order = pending.change.replenishment_order_id();
        let order = order.and_then(|id| data.replenishment_orders.get(&id));
        let changed = pending.change.apply(
            &levels,
            moved_since,
            pending.request,
            pending.index,
            pending.at,
        );
        let settled = match changed
            .and_then(|after| settle_change(pending.change, order, after, pending.at))
        {
            Ok(settled) => settled,
            Err(refused) => return Ok(ChangeOutcome::Refused(refused)),
        };
        let after = settled.levels;
        if let Some((_, order)) = settled.order {
            data.write_replenishment_order(order);
        }
        for level in &after {
            data.write(level.clone());
        }
        let applied = data.applied.entry(pending.request).or_default();
        applied.insert(pending.index, after.clone());
        Ok(ChangeOutcome::Applied(after))
    }

    async fn find(&self, key: &LevelKey) -> Result<Option<Level>, StoreError> {
        Ok(self.lock().levels.get(key).cloned())
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
        missing: MissingLevel,
        _at: Timestamp,
        _deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        let mut data = self.lock();
        let before = match (data.levels.get(key), missing) {
            (Some(level), _) => level.clone(),
            (None, MissingLevel::Create) => Level::empty(key),
            (None, MissingLevel::Report) => return Ok(None),
        };
        if before.policy.as_ref() == Some(policy) {
            return Ok(Some(before));
        }
        let after = Level {
            version: before.version + 1,
            policy: Some(policy.clone()),
            ..before
        };
        data.write(after.clone());
        Ok(Some(after))
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
