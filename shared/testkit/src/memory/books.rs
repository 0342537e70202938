//! The books in memory, and what goes wrong with them.

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

/// Pages of three, so that what reads the books has to turn the page.
const PAGE: usize = 3;

impl AuditData for MemoryShop {
    async fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<Sku>, StoreError> {
        let after = after.and_then(|position| position.get("sku").cloned());
        let shelves = self.open();
        let skus = shelves
            .levels
            .keys()
            .filter(|key| key.location_id == *location)
            .map(|key| key.sku.clone())
            .filter(|sku| {
                after
                    .as_ref()
                    .is_none_or(|after| sku.as_str() > after.as_str())
            });
        let mut items: Vec<Sku> = skus.take(PAGE + 1).collect();
        let more = items.len() > PAGE;
        items.truncate(PAGE);
        let next = items
            .last()
            .filter(|_| more)
            .map(|sku| Position::from([("sku".to_owned(), sku.to_string())]));
        Ok(Listing { items, next })
    }

    async fn levels(&self, key: &LevelKey) -> Result<Vec<StoredLevel>, StoreError> {
        let shelves = self.open();
        let stored = shelves.levels.get(key).map(|level| StoredLevel {
            level: level.clone(),
            available: shelves
                .wrongly_available
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
        let mut items = self.open().movements_of(&level.key());
        items.reverse();
        items.retain(|movement| after.is_none_or(|after| movement.version > after));
        let more = items.len() > PAGE;
        items.truncate(PAGE);
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
        mend: &RepairWrite,
        _deadline: Deadline,
    ) -> Result<RepairOutcome, StoreError> {
        let mut shelves = self.open();
        match mend {
            RepairWrite::Record(movement) => {
                let level = LevelKey {
                    location_id: movement.location_id.clone(),
                    sku: movement.sku.clone(),
                };
                let known = shelves.movements_of(&level);
                if known.iter().any(|other| other.version == movement.version) {
                    return Ok(RepairOutcome::Conflict);
                }
                shelves.movements.push((**movement).clone());
            }
            RepairWrite::Replace(replacements) => {
                let moved_on = replacements.iter().any(|replacement| {
                    let before = &replacement.before;
                    let now = shelves.levels.get(&before.key());
                    now.map(|level| level.version) != Some(before.version)
                });
                if moved_on {
                    return Ok(RepairOutcome::Conflict);
                }
                for replacement in replacements {
                    shelves.write(replacement.after.clone());
                }
            }
        }
        Ok(RepairOutcome::Repaired)
    }
}

type Found = BTreeMap<(LocationId, Date, Sku), AuditRecord>;

/// What audits found, in memory. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct MemoryAuditRecords(Arc<Mutex<Found>>);

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
