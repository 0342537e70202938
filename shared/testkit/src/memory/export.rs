//! The sales reader and the export bucket, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use jiff::civil::Date;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::export::{
    ExportBucket, ExportFile, FileVersion, PutOutcome, SalesReader, StoredFile,
};
use stockline_application::ports::orders::OrderStore;
use stockline_application::store_error::StoreError;
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::{Order, Refund};
use stockline_platform::keys::refunded_key;

use super::shop::MemoryShop;

/// The refunds of a page: so few that a caller that ignores the next page fails.
const REFUNDS_PER_PAGE: usize = 2;

impl SalesReader for MemoryShop {
    /// Pages are small, so that a caller that ignores the next page fails.
    async fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Order>, StoreError> {
        self.list(location, business_date, Page { limit: 3, after })
            .await
    }

    async fn refunds_page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Refund>, StoreError> {
        let after = after.and_then(|position| position.get("placed_key").cloned());
        let mut found: Vec<(String, Refund)> = self
            .lock()
            .refunds
            .iter()
            .map(|(refund, _)| refund)
            .filter(|refund| {
                refund.location_id == *location && refund.business_date == business_date
            })
            .map(|refund| {
                let key = refunded_key(refund.refunded_at, refund.refund_id);
                (key, refund.clone())
            })
            .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let more = found.len() > REFUNDS_PER_PAGE;
        found.truncate(REFUNDS_PER_PAGE);
        let next = found
            .last()
            .filter(|_| more)
            .map(|(key, _)| Position::from([("placed_key".to_owned(), key.clone())]));
        let items = found.into_iter().map(|(_, refund)| refund).collect();
        Ok(Listing { items, next })
    }

    async fn find_orders(&self, ids: &BTreeSet<OrderId>) -> Result<Vec<Order>, StoreError> {
        let data = self.lock();
        let orders = ids.iter().filter_map(|id| data.orders.get(id));
        Ok(orders.map(|(order, _)| order.clone()).collect())
    }

    async fn written_late(&self, day: Date) -> Result<BTreeSet<LateDay>, StoreError> {
        Ok(self
            .lock()
            .written_late
            .get(&day)
            .cloned()
            .unwrap_or_default())
    }
}

/// An export bucket that keeps the order of its writes. A clone is the same bucket.
#[derive(Debug, Clone, Default)]
pub struct MemoryBucket(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    files: BTreeMap<String, ExportFile>,
    written: Vec<String>,
    failing_prefix: Option<String>,
}

impl MemoryBucket {
    /// Takes the keys written since the last call, in order.
    pub fn take_written(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().written)
    }

    /// The bytes of the file at `key`, which exists.
    pub fn bytes(&self, key: &str) -> Vec<u8> {
        self.0.lock().unwrap().files[key].bytes.clone()
    }

    /// The keys of all files, sorted.
    pub fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().files.keys().cloned().collect()
    }

    /// Fails every put of a key that starts with `prefix` with `Busy`, until the next call. `None` fails no put.
    pub fn fail_puts(&self, prefix: Option<&str>) {
        self.0.lock().unwrap().failing_prefix = prefix.map(str::to_owned);
    }
}

impl ExportBucket for MemoryBucket {
    async fn put(
        &self,
        file: ExportFile,
        expected: Option<&FileVersion>,
    ) -> Result<PutOutcome, StoreError> {
        let mut contents = self.0.lock().unwrap();
        if let Some(prefix) = &contents.failing_prefix
            && file.key.starts_with(prefix)
        {
            return Err(StoreError::Busy);
        }
        if contents.files.get(&file.key).map(version).as_ref() != expected {
            return Ok(PutOutcome::Conflict);
        }
        contents.written.push(file.key.clone());
        contents.files.insert(file.key.clone(), file);
        Ok(PutOutcome::Written)
    }

    async fn sha256(&self, key: &str) -> Result<Option<StoredFile<String>>, StoreError> {
        let contents = self.0.lock().unwrap();
        Ok(contents.files.get(key).map(|file| StoredFile {
            content: file.sha256.clone(),
            version: version(file),
        }))
    }

    async fn get(&self, key: &str) -> Result<Option<StoredFile<Vec<u8>>>, StoreError> {
        let contents = self.0.lock().unwrap();
        Ok(contents.files.get(key).map(|file| StoredFile {
            content: file.bytes.clone(),
            version: version(file),
        }))
    }
}

/// Depends on the bytes only, like the `ETag` of S3.
fn version(file: &ExportFile) -> FileVersion {
    FileVersion(file.sha256.clone())
}
