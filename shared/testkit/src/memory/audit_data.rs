//! The data that an audit reads and repairs, and its records, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::audit_data::{
    AuditData, AuditRecord, AuditRecordStore, RepairOutcome, StockRepairer,
};
use stockline_application::store_error::StoreError;
use stockline_domain::audit::{RepairWrite, StoredLevel};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};

use super::shop::MemoryShop;

/// Small, so that a caller that ignores the next page fails.
const PAGE_SIZE: usize = 3;

impl AuditData for MemoryShop {
    async fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<Sku>, StoreError> {
        let after = after.and_then(|position| position.get("sku").cloned());
        let data = self.lock();
        let skus = data
            .levels
            .keys()
            .filter(|key| key.location_id == *location)
            .map(|key| key.sku.clone())
            .filter(|sku| {
                after
                    .as_ref()
                    .is_none_or(|after| sku.as_str() > after.as_str())
            });
        let mut items: Vec<Sku> = skus.take(PAGE_SIZE + 1).collect();
        let more = items.len() > PAGE_SIZE;
        items.truncate(PAGE_SIZE);
        let next = items
            .last()
            .filter(|_| more)
            .map(|sku| Position::from([("sku".to_owned(), sku.to_string())]));
        Ok(Listing { items, next })
    }

    async fn levels(&self, key: &LevelKey) -> Result<Vec<StoredLevel>, StoreError> {
        let data = self.lock();
        let stored = data.levels.get(key).map(|level| StoredLevel {
            level: level.clone(),
            available: data
                .available_overrides
                .get(key)
                .copied()
                .unwrap_or_else(|| Some(level.available())),
        });
        Ok(stored.into_iter().collect())
    }

    async fn ledger_page(
        &self,
        level: &Level,
        after: Option<Position>,
    ) -> Result<Listing<Movement>, StoreError> {
        let after: Option<u64> = after.and_then(|position| position.get("version")?.parse().ok());
        let mut items = self.lock().movements_of(&level.key());
        items.reverse();
        items.retain(|movement| after.is_none_or(|after| movement.version > after));
        let more = items.len() > PAGE_SIZE;
        items.truncate(PAGE_SIZE);
        let next = items
            .last()
            .filter(|_| more)
            .map(|movement| Position::from([("version".to_owned(), movement.version.to_string())]));
        Ok(Listing { items, next })
    }
}

impl StockRepairer for MemoryShop {
    async fn repair(
        &self,
        repair: &RepairWrite,
        _deadline: Deadline,
    ) -> Result<RepairOutcome, StoreError> {
        let mut data = self.lock();
        match repair {
            RepairWrite::Record(movement) => {
                let level = LevelKey {
                    location_id: movement.location_id.clone(),
                    sku: movement.sku.clone(),
                };
                let known = data.movements_of(&level);
                if known.iter().any(|other| other.version == movement.version) {
                    return Ok(RepairOutcome::Conflict);
                }
                data.movements.push((**movement).clone());
            }
            RepairWrite::Replace(replacements) => {
                let has_conflict = replacements.iter().any(|replacement| {
                    let before = &replacement.before;
                    let stored = data.levels.get(&before.key());
                    stored.map(|level| level.version) != Some(before.version)
                });
                if has_conflict {
                    return Ok(RepairOutcome::Conflict);
                }
                for replacement in replacements {
                    data.write(replacement.after.clone());
                }
            }
        }
        Ok(RepairOutcome::Repaired)
    }
}

type Records = BTreeMap<(LocationId, Date, Sku), AuditRecord>;

/// Audit records in memory. A clone is the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryAuditRecords(Arc<Mutex<Records>>);

impl AuditRecordStore for MemoryAuditRecords {
    async fn keep(&self, day: Date, record: &AuditRecord) -> Result<(), StoreError> {
        let key = (record.location_id.clone(), day, record.sku.clone());
        self.0.lock().unwrap().insert(key, record.clone());
        Ok(())
    }

    async fn forget_before(
        &self,
        location: &LocationId,
        day: Date,
        run_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.0
            .lock()
            .unwrap()
            .retain(|(at, on, _), record| at != location || *on != day || record.run_at >= run_at);
        Ok(())
    }

    async fn found_on(
        &self,
        location: &LocationId,
        day: Date,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let records = self.0.lock().unwrap();
        let found = records
            .iter()
            .filter(|((at, on, _), _)| at == location && *on == day);
        Ok(found.map(|(_, record)| record.clone()).collect())
    }
}
