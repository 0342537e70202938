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
use stockline_domain::ids::LocationId;
use stockline_domain::order::Order;

use super::shop::MemoryShop;

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

    /// Fails every put of a key that starts with `prefix` with `Busy`, until the next call. `None` fails no put.
    pub fn fail_puts(&self, prefix: Option<&str>) {
        self.0.lock().unwrap().failing_prefix = prefix.map(str::to_owned);
    }
}

impl ExportBucket for MemoryBucket {
    async fn put(
        &self,
        file: ExportFile,
        over: Option<&FileVersion>,
    ) -> Result<PutOutcome, StoreError> {
        let mut contents = self.0.lock().unwrap();
        if let Some(prefix) = &contents.failing_prefix
            && file.key.starts_with(prefix)
        {
            return Err(StoreError::Busy);
        }
        if contents.files.get(&file.key).map(version).as_ref() != over {
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
